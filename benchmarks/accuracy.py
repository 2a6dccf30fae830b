"""Loss of accuracy against the standard network, at epochs chosen on validation data.

`python -m benchmarks accuracy` reads the runs of configs/accuracy.yaml, which it does not train:

    snakemake --cores all --configfile configs/accuracy.yaml

Every run counts with the test accuracy of the epoch whose validation accuracy was highest (the
earliest of equals), beside the standard network of the same seed. Work is the mean of a training
and of an inference sample at that epoch, in per cent of the textbook dense network.
"""

from pathlib import Path

import pandas as pd

from benchmarks._results import write_table
from lsh_dl.runs.record import read_runs

RUNS = Path("results/accuracy/runs")
KEYS = ["dataset_title", "hidden", "seed"]


def main() -> None:
    """Print the table and write results/benchmarks/accuracy.csv."""
    files = sorted(RUNS.glob("*.csv"))
    if not files:
        print(f"{RUNS}: no runs; snakemake --cores all --configfile configs/accuracy.yaml")
        return
    table = compare(choose_epochs(read_runs(files)))
    print(table.to_string(index=False, float_format="{:.4f}".format))
    write_table(table, "accuracy")


def choose_epochs(runs: pd.DataFrame) -> pd.DataFrame:
    """The row of each run's best epoch on validation data."""
    return runs.loc[runs.groupby("run_id", sort=False)["validation_accuracy"].idxmax()]


def compare(chosen: pd.DataFrame) -> pd.DataFrame:
    """One row a network and rule: test accuracy, loss against NN in points, work; over seeds."""
    standard = chosen[chosen["rule"] == "standard"][[*KEYS, "test_accuracy"]]
    paired = chosen.merge(standard, on=KEYS, suffixes=("", "_standard"))
    paired["loss"] = 100 * (paired["test_accuracy_standard"] - paired["test_accuracy"])
    groups = paired.groupby(["dataset_title", "hidden", "title"], sort=False)
    return groups.agg(
        seeds=("seed", "count"),
        epochs=("epoch", lambda epochs: " ".join(map(str, epochs))),
        test_accuracy=("test_accuracy", "mean"),
        points_lost=("loss", "mean"),
        least_lost=("loss", "min"),
        most_lost=("loss", "max"),
        training_percent=("training_percent", "mean"),
        inference_percent=("inference_percent", "mean"),
    ).reset_index()


if __name__ == "__main__":
    main()
