"""Where measurements are kept: results/benchmarks, with the machine in every row."""

from pathlib import Path

import pandas as pd

from lsh_dl.files import written_whole
from lsh_dl.records import describe_machine

FOLDER = Path("results/benchmarks")


def write_table(table: pd.DataFrame, name: str) -> None:
    """Write `<name>.csv`, with processor and cores added to each row."""
    machine = describe_machine()
    path = FOLDER / f"{name}.csv"
    with written_whole(path) as file:
        complete = table.assign(processor=machine["processor"], cores=machine["cores"])
        complete.to_csv(file, index=False, lineterminator="\n")
    print(f"written to {path}")
