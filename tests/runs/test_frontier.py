"""All settings that were tried, and which of them nothing surpasses."""

import numpy as np
import pandas as pd
import pytest

from lsh_dl.runs.frontier import COSTS, gather_settings, mark_frontiers
from lsh_dl.runs.summary import mark_reported


@pytest.fixture
def runs(row):
    """Two seeds of two settings, and one with two threads, of an epoch each."""
    rows = []
    for label, level, accuracies in (("lsh", 0.05, (0.8, 0.9)), ("wta", 0.5, (0.9, 0.94))):
        for seed, accuracy in enumerate(accuracies, 1):
            told = {"run_id": f"digits_{label}_2x8_{100 * level:g}pct_seed{seed}", "rule": label}
            numbers = {"validation_accuracy": accuracy, "target_active_fraction": level}
            work = {"training_percent": 100 * level, "train_seconds": 2.0, "samples": 1000}
            rows.append(row | told | {"label": label, "seed": seed} | numbers | work)
    rows.append(rows[0] | {"run_id": "digits_lsh_2x8_5pct_seed1_2threads", "threads": 2})
    return mark_reported(pd.DataFrame(rows))


TRIALS = pd.DataFrame(
    {
        "dataset": "digits",
        "hidden": "2x8",
        "rule": "lsh",
        "label": "lsh",
        "group": "digits_lsh_2x8_5pct",
        "learning_rate": [0.01, 0.1],
        "active_fraction_wanted": 0.05,
        "settings": "{}",
        "validation_accuracy": [0.95, 0.0],
        "training_percent": [4.0, 1.0],
        "inference_percent": [4.0, 1.0],
        "microseconds": [100.0, 1.0],
        "epoch": 1.0,
        "seeds": ["7 8", "7 8"],
    }
)


def test_a_setting_is_a_row_with_its_seeds(runs):
    found = gather_settings({"runs": runs}).set_index("setting")
    assert list(found.index) == ["digits_lsh_2x8_5pct", "digits_wta_2x8_50pct"]
    lsh = found.loc["digits_lsh_2x8_5pct"]
    assert (lsh["n"], lsh["accuracy_median"], lsh["accuracy_low"]) == (2, pytest.approx(0.85), 0.8)
    assert lsh["microseconds_median"] == 2000.0
    assert found["default"].tolist() == [True, False]
    assert found["on_training_percent"].tolist() == [True, True]
    # Both take the same time, so the more accurate one alone.
    assert found["on_microseconds"].tolist() == [False, True]


def test_trials_are_settings_too_but_for_those_that_diverged(runs):
    found = gather_settings({"runs": runs, "tuning": TRIALS})
    assert len(found) == 3
    trial = found.iloc[-1]
    assert (trial["title"], trial["dataset_title"]) == ("WTA", "Digits (MNIST stand-in)")
    assert (trial["n"], trial["accuracy_median"], trial["microseconds_median"]) == (2, 0.95, 100.0)
    assert not trial["default"]
    # It is more accurate than all others, at less work than any.
    assert found["on_training_percent"].tolist() == [False, False, True]
    assert found.loc[found["label"] == "lsh", "curve"].nunique() == 1


def test_without_a_validation_part_the_test_part_counts(runs):
    runs = runs.assign(validation_accuracy=np.nan, test_accuracy=0.7)
    found = gather_settings({"runs": runs})
    assert set(found["accuracy_of"]) == {"test"}
    assert set(found["accuracy_median"]) == {0.7}


def test_costs_that_are_not_known_are_on_no_frontier():
    settings = pd.DataFrame(
        {"dataset": "d", "hidden": "1x4", "accuracy_median": [0.5, 0.6, 0.7]}
        | {f"{cost}_median": [1.0, np.nan, 3.0] for cost in COSTS}
    )
    assert mark_frontiers(settings)["on_microseconds"].tolist() == [True, False, True]
