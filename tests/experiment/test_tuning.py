"""Trials, what they are picked for, and that the test part has no say in it."""

import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_studies, split_studies
from lsh_dl.experiment.measuring import measure_to_file

TUNING = {
    "seeds": [101, 102],
    "active_fractions": [0.25],
    "grids": {
        "standard": {"learning_rate": [0.01, 0.02]},
        "wta": {"learning_rate": [0.01, 0.03]},
    },
}
BUDGET = {
    "seeds": [101],
    "percent": 50,
    "grids": {"wta": {"active_fraction": [0.1, 0.3], "learning_rate": [0.01, 0.02]}},
}


@pytest.fixture
def expanded(raw_config):
    def expand(**changes):
        experiment = check_config(raw_config | {"tuning": TUNING, "budget": BUDGET} | changes)
        return experiment, expand_studies(experiment)

    return expand


def test_every_rule_has_the_same_number_of_trials_of_each_data_set_and_network(expanded):
    _, studies = expanded()
    trials = pd.DataFrame(
        [(run.rule, run.hidden, run.seed, run.group) for run in studies["tuning"]],
        columns=["rule", "hidden", "seed", "group"],
    )
    assert trials.groupby(["rule", "hidden"]).size().unique().tolist() == [2 * 2]
    assert {*trials["seed"]} == {101, 102}
    rates = {run.training.learning_rate for run in studies["tuning"] if run.rule == "wta"}
    assert rates == {0.01, 0.03}


def test_a_trial_keeps_its_name_where_the_grid_grows(expanded):
    def names(*rates):
        grids = TUNING["grids"] | {"wta": {"learning_rate": list(rates)}}
        grids |= {"standard": {"learning_rate": [0.01 * (n + 1) for n in range(len(rates))]}}
        _, studies = expanded(tuning=TUNING | {"grids": grids})
        return {run.id for run in studies["tuning"] if run.rule == "wta"}

    assert "digits_wta_1x8_25pct_seed101_learning_rate=0.03" in names(0.01, 0.03)
    assert names(0.01, 0.03) < names(0.001, 0.01, 0.03)


def test_runs_take_what_was_chosen_at_the_nearest_level(expanded):
    _, studies = expanded()
    wta = [run for run in studies["comparison"] if run.rule == "wta" and run.hidden == (8,)]
    assert {run.active_fraction for run in wta} == {0.25, 0.5}
    assert {run.tuned for run in wta} == {"digits_wta_1x8_25pct"}
    standard = {run.tuned for run in studies["comparison"] if run.rule == "standard"}
    assert standard == {"digits_standard_1x8_100pct", "digits_standard_8-4_100pct"}
    groups = {run.group for run in studies["tuning"]}
    assert {run.tuned for run in studies["comparison"]} == groups


def test_trials_may_have_a_share_of_each_data_sets_epochs(expanded, raw_config):
    raw_config["datasets"]["digits"]["training"] = {"epochs": 5}
    experiment, studies = expanded(
        datasets=raw_config["datasets"],
        tuning=TUNING | {"share_of_epochs": 0.5},
        budget=BUDGET | {"epochs": 4},
    )
    _, measured = split_studies(experiment, studies)
    epochs = {name: {run.training.epochs for run in runs} for name, runs in measured.items()}
    assert epochs == {"tuning": {3}, "budget": {4}}
    assert {run.training.epochs for run in studies["comparison"]} == {5}


def test_names_of_runs_do_not_change_when_they_are_tuned(expanded, raw_config):
    _, tuned = expanded()
    plain = expand_studies(check_config(raw_config))
    assert [run.id for run in tuned["comparison"]] == [run.id for run in plain["comparison"]]


def test_budget_has_runs_and_trials_of_its_own(expanded):
    experiment, studies = expanded()
    trained, measured = split_studies(experiment, studies)
    assert [run.id for run in trained["budget"]] == [
        f"digits_wta_{network}_within50pct_seed{seed}"
        for network in ("1x8", "8-4")
        for seed in (1, 2)
    ]
    assert len(measured["budget"]) == 2 * 4
    assert {run.active_fraction for run in measured["budget"]} == {0.1, 0.3}
    assert {run.group for run in measured["budget"]} == {run.tuned for run in trained["budget"]}


def test_a_seed_of_a_single_level_is_no_seed_of_trials(expanded):
    with pytest.raises(UserError, match=r"budget\.seeds: 101 is a seed of the experiment too"):
        expanded(seeds_by_level={0.25: [101]})


def test_a_part_keeps_the_trials_that_its_runs_need(expanded):
    _, studies = expanded(only="rule=wta seed=1 network=1x8")
    assert {run.group for run in studies["tuning"]} == {"digits_wta_1x8_25pct"}
    assert {run.seed for run in studies["tuning"]} == {101, 102}
    assert {run.seed for run in studies["comparison"]} == {1}


def test_trials_are_those_that_runs_of_any_study_need(expanded):
    grids = TUNING["grids"] | {"sklearn": {"learning_rate": [0.001, 0.002]}}
    study = {"networks": [[6]], "seeds": [1], "entries": {"wta": None}}
    parts = {"tuning": TUNING | {"grids": grids}, "systems": {"sklearn": None}}
    _, studies = expanded(**parts)
    assert "sklearn" not in {run.label for run in studies["tuning"]}
    _, studies = expanded(**parts, time_to_accuracy=study)
    ran = {(run.label, run.hidden) for run in studies["tuning"]}
    assert {network for label, network in ran if label == "sklearn"} == {(6,)}
    assert {network for label, network in ran if label == "wta"} == {(8,), (8, 4), (6,)}
    assert {run.tuned for run in studies["time_to_accuracy"]} <= {
        run.group for run in studies["tuning"]
    }


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ({"seeds": [1]}, r"tuning\.seeds: 1 is a seed of the experiment too"),
        ({"grids": {"wta": {"learning_rate": [0.1]}}}, r"grids: no grid for standard"),
        ({"grids": {**TUNING["grids"], "lsh": {"K": [1, 2]}}}, "no entry 'lsh' in the config"),
        (
            {"grids": {**TUNING["grids"], "wta": {"learning_rate": [0.1]}}},
            "standard has 2, wta has 1; give every label the same number of trials",
        ),
        (
            {"grids": {**TUNING["grids"], "wta": {"shortlst": [1, 2]}}},
            r"grids\.wta\.shortlst: unknown key",
        ),
        ({"grids": {**TUNING["grids"], "wta": {"learning_rate": []}}}, "at least 1 item"),
        ({"grids": {**TUNING["grids"], "wta": {"learning_rate": [0.1, 0.1]}}}, "given twice"),
        ({"grids": {**TUNING["grids"], "wta": {"learning_rate": [0.1, -1]}}}, "greater than 0"),
        ({"grids": {}}, "grids"),
        ({"share_of_epochs": 0}, r"share_of_epochs: .*greater than 0"),
        ({"epochs": 2, "share_of_epochs": 0.5}, "both say how long a trial is"),
    ],
)
def test_bad_trials_are_one_line(raw_config, tuning, message):
    with pytest.raises(UserError, match=message):
        check_config(raw_config | {"tuning": TUNING | tuning})


def test_without_validation_part_nothing_can_be_chosen(raw_config):
    raw_config["datasets"]["digits"]["validation"] = 0
    with pytest.raises(UserError, match="no validation part"):
        check_config(raw_config | {"tuning": TUNING})


def test_trials_do_not_even_read_the_test_part(expanded, tmp_path):
    """They are the same where it is not there, and where it holds other samples."""
    _, studies = expanded()
    run = next(run for run in studies["tuning"] if run.rule == "wta")
    prepare("digits", {"source": "digits", "train": 200, "test": 50}, tmp_path / "digits")
    for file in (tmp_path / "digits").glob("*_test.npy"):
        file.unlink()
    with pytest.raises(UserError, match="test"):
        open_prepared(tmp_path / "digits")
    measure_to_file("tuning", run, tmp_path / "digits", tmp_path / "trial.csv")
    rows = pd.read_csv(tmp_path / "trial.csv")
    assert rows["epoch"].tolist() == [1, 2]
    assert rows["validation_accuracy"].between(0, 1).all()
    assert (rows["inference_percent"] > 0).all()
    assert not [name for name in rows if "test" in name]
