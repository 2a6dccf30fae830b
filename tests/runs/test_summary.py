"""Rows of runs summed up to points."""

import statistics

import numpy as np
import pandas as pd
import pytest

from lsh_dl.results.tables import write_runs
from lsh_dl.runs.record import read_runs, read_table_of_runs
from lsh_dl.runs.summary import (
    MEASURES,
    compare_with_standard,
    last_epochs,
    mark_reported,
    reported_epochs,
    summarise,
)


def test_last_epoch_is_each_runs_own(write_run):
    files = [write_run("wta", 2, [0.5, 0.6, 0.7]), write_run("wta", 1, [0.1], status="diverged")]
    last = last_epochs(read_runs(files))
    assert last[["seed", "epoch", "test_accuracy"]].values.tolist() == [[2, 3, 0.7], [1, 1, 0.1]]


def test_summary_is_of_the_last_epoch_over_seeds(write_run):
    last = [0.8, 0.9, 0.6]
    files = [write_run("wta", seed, [0.99, last[seed]]) for seed in range(3)]
    (point,) = summarise(compare_with_standard(read_runs(files))).to_dict("records")
    assert (point["epoch"], point["n"], point["diverged"]) == (2, 3, 0)
    assert point["test_accuracy_median"] == statistics.median(last)
    assert (point["test_accuracy_low"], point["test_accuracy_high"]) == (0.6, 0.9)


def test_diverged_run_is_kept_and_marked(write_run):
    files = [write_run("wta", 1, [0.7, 0.8]), write_run("wta", 2, [0.1], status="diverged")]
    (point,) = summarise(compare_with_standard(read_runs(files))).to_dict("records")
    assert (point["n"], point["diverged"], point["epoch"]) == (2, 1, 2)
    assert point["test_accuracy_low"] == 0.1


def test_work_is_compared_with_the_same_seed_and_epoch(write_run):
    standard = [
        write_run("standard", seed, [0.9], level=1.0, training_multiplications=100.0 * seed)
        for seed in (1, 2)
    ]
    other = [write_run("wta", seed, [0.9], training_multiplications=30.0) for seed in (1, 2, 3)]
    runs = compare_with_standard(read_runs([*other, *standard]))
    percents = runs.set_index(["rule", "seed"])["training_percent_of_standard"]
    assert percents["standard"].tolist() == [100, 100]
    assert percents["wta", 1] == 30
    assert percents["wta", 2] == 15
    assert pd.isna(percents["wta", 3])
    assert (runs["inference_percent_of_standard"].dropna() == 100).all()


def test_levels_networks_and_labels_are_points_of_their_own(write_run):
    files = [
        write_run("wta", 1, [0.9]),
        write_run("wta", 1, [0.9], level=0.5),
        write_run("wta", 1, [0.9], label="mine"),
    ]
    assert len(summarise(compare_with_standard(read_runs(files)))) == 3


def test_all_measures_have_median_and_range(write_run):
    points = summarise(compare_with_standard(read_runs([write_run("wta", 1, [0.9])])))
    for measure in MEASURES:
        assert {f"{measure}_{part}" for part in ("median", "low", "high")} <= set(points.columns)


def epochs_of(run_id, validation, status="ok"):
    return pd.DataFrame(
        {
            "run_id": run_id,
            "epoch": range(1, len(validation) + 1),
            "validation_accuracy": validation,
            "status": ["ok"] * (len(validation) - 1) + [status],
        }
    )


@pytest.mark.parametrize(
    ("validation", "status", "which", "epoch"),
    [
        ([0.5, 0.9, 0.8], "ok", "best", 2),
        ([0.5, 0.9, 0.9], "ok", "best", 2),
        ([0.5, 0.9, 0.8], "ok", "last", 3),
        ([0.5, 0.9, 0.1], "diverged", "best", 3),
        ([np.nan] * 3, "ok", "best", 3),
    ],
)
def test_one_epoch_of_each_run_is_reported(validation, status, which, epoch):
    runs = pd.concat([epochs_of("a", [0.1, 0.2]), epochs_of("b", validation, status)])
    marked = mark_reported(runs.reset_index(drop=True), which)
    assert marked.groupby("run_id")["reported"].sum().to_dict() == {"a": 1, "b": 1}
    reported = reported_epochs(marked).set_index("run_id")["epoch"]
    assert reported.to_dict() == {"a": 2, "b": epoch}


def test_points_and_claims_take_the_reported_epoch(write_run, tmp_path):
    path = write_run("lsh", 1, [0.9, 0.8, 0.7])
    rows = pd.read_csv(path, dtype=str).assign(validation_accuracy=["0.5", "0.9", "0.6"])
    rows.to_csv(path, index=False)
    for which, accuracy in (("best", 0.8), ("last", 0.7)):
        write_runs([path], tmp_path / "runs.csv", which)
        (point,) = summarise(read_table_of_runs(tmp_path / "runs.csv")).to_dict("records")
        assert point["test_accuracy_median"] == accuracy
