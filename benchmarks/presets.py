"""Candidates for LSH's preset `default`, by accuracy on validation data and by work.

`python -m benchmarks presets` reads the trials of configs/presets.yaml, which it does not train:

    snakemake --cores all --configfile configs/presets.yaml -- results/presets/tables/tuning.csv

A row a data set, share of active nodes and candidate: the median over the trials' seeds of the
validation accuracy in the best epoch; multiplications in per cent of the textbook dense network's;
then the means over all data sets and shares.
"""

import json
from pathlib import Path

import pandas as pd

from benchmarks._results import write_table

TRIALS = Path("results/presets/tables/tuning.csv")
MEASURES = ["validation_accuracy", "training_percent", "inference_percent"]
CANDIDATE = ["directions", "shortlist"]


def main() -> None:
    """Print the table and write results/benchmarks/presets.csv."""
    if not TRIALS.is_file():
        print(f"{TRIALS}: not there; its command stands in configs/presets.yaml")
        return
    table = tabulate(pd.read_csv(TRIALS))
    print(table.to_string(index=False, float_format="{:.4f}".format))
    write_table(table, "presets")


def tabulate(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a data set, level and candidate, and a candidate's means with `all` as data set."""
    settings = pd.DataFrame(trials["settings"].map(json.loads).tolist(), index=trials.index)
    trials = trials.rename(columns={"active_fraction_wanted": "level"}).join(settings)
    keys = ["dataset", "level", *CANDIDATE]
    rows = trials[[*keys, *MEASURES]].sort_values(keys)
    means = rows.groupby(CANDIDATE, as_index=False)[MEASURES].mean()
    return pd.concat([rows, means.assign(dataset="all")], ignore_index=True)[[*keys, *MEASURES]]


if __name__ == "__main__":
    main()
