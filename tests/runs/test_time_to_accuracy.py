"""When an accuracy was first reached, in seconds and multiplications of training."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.runs.time_to_accuracy import find_reached, summarise_progress, summarise_reached


def make_rows(row, label, seed, accuracies, seconds, work=10):
    """A run with an evaluation every `seconds`, each after 5 samples of `work` multiplications."""
    told = {"label": label, "rule": label, "title": label, "seed": seed, "status": "ok"}
    return [
        row
        | told
        | {
            "run_id": f"{label}{seed}",
            "epoch": number,
            "test_accuracy": accuracy,
            "train_seconds": seconds,
            "samples": 5,
            "training_multiplications": work,
            "counting": "counted",
        }
        for number, accuracy in enumerate(accuracies, 1)
    ]


@pytest.fixture
def runs(row):
    return pd.DataFrame(
        [
            *make_rows(row, "standard", 1, [0.5, 0.92, 1.0], 4.0),
            *make_rows(row, "standard", 2, [0.7, 0.94, 1.0], 4.0),
            *make_rows(row, "lsh", 1, [0.91, 0.96, 0.96], 1.0, work=2),
            *make_rows(row, "lsh", 2, [0.6, 0.8, 0.85], 1.0, work=2),
        ]
    )


def test_time_and_work_add_up_to_where_a_share_of_the_best_is_reached(runs):
    reached = find_reached(runs).set_index(["label", "seed", "percent_of_best"])
    assert reached.loc[("standard", 1, 90), ["seconds", "multiplications"]].tolist() == [8.0, 100.0]
    assert reached.loc[("standard", 1, 95), "seconds"] == 12.0
    assert reached.loc[("lsh", 1, 90), ["seconds", "multiplications"]].tolist() == [1.0, 10.0]
    assert reached.loc[("lsh", 1, 95), "seconds"] == 2.0
    assert reached.loc[("lsh", 1, 97), "seconds"] == np.inf
    assert reached.loc[("lsh", 1, 97), "all_seconds"] == 3.0
    assert set(reached["best_accuracy"]) == {1.0}


def test_what_was_never_reached_is_empty_and_said(runs):
    table = summarise_reached(runs, {"PyTorch": "not installed"})
    found = table.set_index(["title", "percent_of_best"])
    assert found.loc[("lsh", 90), "outcome"] == "reached by 1 of 2 seeds"
    assert np.isnan(found.loc[("lsh", 90), "seconds_median"])
    assert found.loc[("lsh", 90), "seconds_low"] == 1.0
    assert found.loc[("lsh", 97), "outcome"] == "never reached"
    assert found.loc[("standard", 98), ["outcome", "seconds_median"]].tolist() == ["reached", 12.0]
    (skipped,) = table[table["title"] == "PyTorch"].to_dict("records")
    assert (skipped["n"], skipped["skipped"]) == (0, "not installed")


def test_progress_is_a_point_an_evaluation(runs):
    table = summarise_progress(runs, {})
    lsh = table[table["label"] == "lsh"].sort_values("epoch")
    assert lsh["seconds_median"].tolist() == [1.0, 2.0, 3.0]
    assert lsh["multiplications_median"].tolist() == [10.0, 20.0, 30.0]
    assert lsh["test_accuracy_low"].tolist() == [0.6, 0.8, 0.85]
    assert set(table["skipped"]) == {""}
