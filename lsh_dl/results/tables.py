"""From the CSVs of runs to the tables of an experiment: gather, hand over, write.

How a table is made is a study's own matter (lsh_dl.experiment.studies).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lsh_dl.common.files import write_csv
from lsh_dl.runs.record import read_measured, read_runs, read_table_of_runs
from lsh_dl.runs.summary import Rows, compare_with_standard, mark_reported


def write_runs(run_files: Sequence[Path | str], path: Path, which: str = "best") -> None:
    """Write every epoch of the runs to `path`, with what follows from several of them.

    That is their work beside the standard network's, and which epoch is reported (`mark_reported`
    says by which of its ways).
    """
    write_csv(_read_whole(run_files, which), path)


def _read_whole(run_files: Sequence[Path | str], which: str) -> pd.DataFrame:
    return mark_reported(compare_with_standard(read_runs(run_files)), which)


def _read_table(path: Path) -> pd.DataFrame:
    return read_table_of_runs(path) if path.stem == "runs" else read_measured([path])


def write_table(
    make: Callable[[Rows], pd.DataFrame],
    run_files: Sequence[Path | str],
    measured_files: Sequence[Path | str],
    path: Path,
    which: str = "best",
    skipped: Mapping[str, str] | None = None,
    tables: Iterable[Path | str] = (),
) -> None:
    """Write a table of a study to `path`.

    Parameters
    ----------
    make: from the study's rows to the table.
    run_files, measured_files: the CSVs of the study's runs, trained and measured, in the config's
        order; empty where it has none.
    which: epoch of each run is reported, as for `write_runs`.
    skipped: entries by title that were not run, with the reason; printed too.
    tables: CSVs of other tables that it is made of, by their names.
    """
    for title, reason in (skipped or {}).items():
        print(f"skipped: {title}: {reason}")
    rows = Rows(
        _read_whole(run_files, which) if run_files else None,
        read_measured(measured_files) if measured_files else None,
        skipped or {},
        {Path(table).stem: _read_table(Path(table)) for table in tables},
    )
    write_csv(make(rows), path)
