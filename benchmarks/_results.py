"""Where measurements are kept: results/benchmarks, with the machine in every row."""

from pathlib import Path

import pandas as pd

from lsh_dl.common.files import write_csv
from lsh_dl.runs.machine import describe_machine

FOLDER = Path("results/benchmarks")


def write_table(table: pd.DataFrame, name: str) -> None:
    """Write `<name>.csv`, with processor and cores added to each row."""
    machine = describe_machine()
    path = FOLDER / f"{name}.csv"
    write_csv(table.assign(processor=machine["processor"], cores=machine["cores"]), path)
    print(f"written to {path}")
