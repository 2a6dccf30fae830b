"""A user's own samples in two `.amat` files."""

from lsh_dl.data.formats.own_files import OwnFiles


class Amat(OwnFiles):
    """A line a sample: numbers parted by blanks, the label last; perhaps packed (`.amat.gz`)."""

    name = "amat"
    title = "Text"

    def read(self, path, training):
        """One of the files."""
        from lsh_dl.data.formats.text_table import read_text_table

        return read_text_table(path, training=training)
