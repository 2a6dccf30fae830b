"""From the CSVs of runs to the tables of an experiment: gather, hand over, write.

How a table is made is a study's own matter (lsh_dl.experiment.studies).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from lsh_dl.common.files import write_csv
from lsh_dl.runs.record import read_measured, read_runs
from lsh_dl.runs.summary import Rows, compare_with_standard


def write_runs(run_files: Sequence[Path | str], path: Path) -> None:
    """Write every epoch of the runs to `path`, with their work compared with the standard's."""
    write_csv(compare_with_standard(read_runs(run_files)), path)


def write_table(
    make: Callable[[Rows], pd.DataFrame],
    run_files: Sequence[Path | str],
    measured_files: Sequence[Path | str],
    path: Path,
) -> None:
    """Write a table of a study to `path`.

    Parameters
    ----------
    make: from the study's rows to the table.
    run_files, measured_files: the CSVs of the study's runs, trained and measured, in the config's
        order; empty where it has none.
    """
    rows = Rows(
        compare_with_standard(read_runs(run_files)) if run_files else None,
        read_measured(measured_files) if measured_files else None,
    )
    write_csv(make(rows), path)
