"""What a run leaves behind: a CSV with a row per epoch and a JSON with all that it depended on."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole
from lsh_dl.runs.row import COLUMNS, DTYPES, LATER, STATUSES, TEXT

if TYPE_CHECKING:  # a third of a second to import, which training does not need
    import pandas as pd


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a run's CSV. Numbers are written so that reading them gives the same float64."""
    with written_whole(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a run's JSON."""
    with written_whole(path) as file:
        json.dump(record, file, indent=2, default=str)
        file.write("\n")


def read_runs(paths: Iterable[Path | str]) -> "pd.DataFrame":
    """All rows (one an epoch) of the CSVs, in the given order.

    Raises
    ------
    UserError
        There is no file, or one is not a run's CSV.
    """
    import pandas as pd

    frames = [_read_run(Path(path)) for path in paths]
    if not frames:
        raise UserError("no runs to make tables of; give the CSVs of results/runs")
    return pd.concat(frames, ignore_index=True)


def read_measured(paths: Iterable[Path | str]) -> "pd.DataFrame":
    """All rows of the CSVs of a study that measures, in the given order."""
    import pandas as pd

    dtypes = dict.fromkeys(TEXT, "str")
    return pd.concat([pd.read_csv(path, dtype=dtypes) for path in paths], ignore_index=True)


def read_table_of_runs(path: Path | str) -> "pd.DataFrame":
    """The table of all runs that `lsh_dl.results.tables.write_runs` wrote.

    Raises
    ------
    UserError
        It is none.
    """
    frame = _fill_later(_read_text(Path(path)))
    if not {*COLUMNS} <= {*frame.columns} or frame.empty:
        raise UserError(f"{path}: not the table of runs of this version; run `snakemake` again")
    # Apart: what is no column of a run is taken for a number.
    reported = frame.pop("reported") == "True" if "reported" in frame else None
    frame = _convert(frame)
    return frame if reported is None else frame.assign(reported=reported)


def _read_run(path: Path) -> "pd.DataFrame":
    damaged = "it is damaged: remove it and run again"
    try:
        frame = _read_text(path)
        present = list(frame.columns)
        frame = _fill_later(frame)
        in_order = present == [name for name in COLUMNS if name in present]
        if not in_order or {*frame.columns} != {*COLUMNS} or frame.empty:
            raise UserError(
                f"{path}: not the CSV of a run of this version; "
                "name runs' CSVs, such as results/runs"
            )
        # pandas takes fields that are not there for missing ones.
        if frame.isna().any(axis=None) or not frame["status"].isin(STATUSES).all():
            raise ValueError("a line ends in the middle")
        return _convert(frame.reindex(columns=list(COLUMNS)))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read ({reason}); {damaged}") from None


def _fill_later(frame: "pd.DataFrame") -> "pd.DataFrame":
    """With the columns that older results lack."""
    absent = {name: value for name, value in LATER.items() if name not in frame}
    return frame.assign(**absent)


def _read_text(path: Path) -> "pd.DataFrame":
    """All of a CSV as text: pandas' own parser of numbers may be off in the last bit."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _convert(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Columns as their types; an empty number is not a number."""
    types = {name: DTYPES.get(name, "float64") for name in frame.columns if name not in TEXT}
    return frame.replace({name: {"": "nan"} for name in types}).astype(types)
