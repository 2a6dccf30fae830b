import json

import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.runs.picks import (
    Pick,
    apply_pick,
    choose,
    read_pick,
    summarise_trials,
    write_pick,
)
from lsh_dl.runs.spec import Run, Training


def trial(accuracies, seed=101, status="ok", training=4.0, inference=4.0, **setting):
    """The epochs of one trial of one seed."""
    named = {"group": "digits_lsh_2x8_5pct", "learning_rate": 0.01, "active_fraction_wanted": 0.05}
    named |= {"settings": json.dumps(setting.pop("settings", {}))} | setting
    return pd.DataFrame(
        {
            "dataset": "digits",
            "hidden": "2x8",
            "rule": "lsh",
            "label": "lsh",
            "seed": seed,
            "epoch": range(1, len(accuracies) + 1),
            "validation_accuracy": accuracies,
            "training_percent": training,
            "inference_percent": inference,
            "microseconds": 50.0,
            "status": ["ok"] * (len(accuracies) - 1) + [status],
            **named,
        }
    )


def pick_of(*trials, **budget):
    return choose(summarise_trials(pd.concat(trials, ignore_index=True)), **budget)


def test_the_best_epoch_of_each_seed_and_the_median_of_the_seeds_decide():
    steady = [trial([0.6, 0.7], seed, learning_rate=0.01) for seed in (101, 102, 103)]
    lucky = [
        trial([0.99, 0.1], 101, learning_rate=0.1),
        trial([0.2, 0.3], 102, learning_rate=0.1),
        trial([0.5, 0.4], 103, learning_rate=0.1),
    ]
    pick = pick_of(*steady, *lucky)
    assert pick.learning_rate == 0.01
    assert pick.validation_accuracy == pytest.approx(0.7)
    assert pick.seeds == [101, 102, 103]


def test_a_trial_that_diverged_is_not_picked_for_its_best_moment():
    pick = pick_of(
        trial([0.9, 0.0], status="diverged", learning_rate=0.1), trial([0.5, 0.6], learning_rate=1)
    )
    assert pick.learning_rate == 1


def test_of_equal_trials_the_one_with_less_work_is_picked():
    dear, cheap = {"shortlist": 2.5}, {"shortlist": 1.5}
    pick = pick_of(
        trial([0.9], settings=dear, inference=5.0), trial([0.9], settings=cheap, inference=3.0)
    )
    assert pick.settings == cheap


WIDE = trial([0.95], training=3.0, inference=6.1, active_fraction_wanted=0.2)
NARROW = trial([0.90], training=4.9, inference=5.0, active_fraction_wanted=0.1)


def test_a_budget_bounds_training_and_inference():
    assert pick_of(WIDE, NARROW).active_fraction == 0.2
    pick = pick_of(WIDE, NARROW, budget=5.0)
    assert (pick.active_fraction, pick.within_budget) == (0.1, True)


def test_a_budget_that_no_setting_keeps_names_the_nearest():
    with pytest.raises(UserError, match=r"within 4 %.*active_fraction: 0\.1.*4\.9 %.*5\.0 %"):
        pick_of(WIDE, NARROW, budget=4.0)
    pick = pick_of(WIDE, NARROW, budget=4.0, nearest=True)
    assert (pick.active_fraction, pick.within_budget) == (0.1, False)


def test_pick_is_written_read_and_applied(tmp_path):
    rows = trial([0.9], learning_rate=0.02, settings={"K": 7}, active_fraction_wanted=0.12)
    rows.to_csv(tmp_path / "trial.csv", index=False)
    write_pick([tmp_path / "trial.csv"], tmp_path / "pick.json", None, False)
    pick = read_pick(tmp_path / "pick.json")
    run = Run(
        dataset="digits",
        rule="lsh",
        label="lsh",
        title="LSH",
        hidden=(8, 8),
        active_fraction=0.05,
        seed=1,
        training=Training(epochs=4),
        tuned=pick.group,
    )
    tuned = apply_pick(run, pick)
    assert (tuned.training.learning_rate, tuned.training.epochs) == (0.02, 4)
    assert tuned.settings == {"K": 7}
    assert tuned.active_fraction == 0.05  # the level is the experiment's
    assert tuned.id == run.id
    within = run.model_copy(update={"budget": 5.0})
    assert apply_pick(within, pick).active_fraction == 0.12
    assert apply_pick(within, pick).id == within.id == "digits_lsh_2x8_within5pct_seed1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"group": "a"}', '"a"'])
def test_damaged_pick_is_one_line(text, tmp_path):
    (tmp_path / "pick.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"pick\.json"):
        read_pick(tmp_path / "pick.json")


def test_pick_tells_of_the_best_alone_so_that_a_worse_trial_leaves_it_as_it_is():
    best = trial([0.9], learning_rate=0.01)
    assert pick_of(best) == pick_of(trial([0.1], learning_rate=0.001), best)
    assert {*Pick.model_fields} >= {"seeds", "validation_accuracy", "within_budget"}
