"""A user's own samples in two `.csv` files."""

from dataclasses import replace

from lsh_dl.data.formats.own_files import OwnFiles


class Csv(OwnFiles):
    """A line a sample, parted by commas, perhaps packed (`.csv.gz`).

    With a line of headings, the column `label` holds the labels; without, they stand last. Labels
    are whole numbers or words, which become classes in alphabetical order.
    """

    name = "csv"
    title = "CSV"

    def build(self, sources):
        """Read both files, which have the same columns."""
        from lsh_dl.common.errors import UserError
        from lsh_dl.data.formats.headings import require_headings
        from lsh_dl.data.formats.text_table import is_csv, read_headings

        train, test = self.paths()
        for path in (train, test):
            if not is_csv(path):
                raise UserError(
                    f"{path}: a file whose name ends in .csv is needed (or `.csv.gz`, ...)"
                )
        headings = read_headings(train)
        require_headings(read_headings(test), headings, str(test), f"{train} has")
        return replace(super().build(sources), headings=headings and tuple(headings))

    def read(self, path, training):
        """One of the files."""
        from lsh_dl.data.formats.text_table import read_text_table

        return read_text_table(path, training=training)
