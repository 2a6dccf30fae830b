"""Settings are chosen first, then used; no more is made again than a change needs."""

import json

import pandas as pd
import pytest
from test_pipeline import Project

pytestmark = pytest.mark.slow

CONFIG = """
results: out
seeds: [1, 2]
networks: [[8]]
active_fractions: [0.5]
datasets:
  digits: {train: 60, test: 20}
rules: {standard: , wta: }
training: {epochs: 1}
tuning:
  seeds: [101]
  active_fractions: [0.5]
  grids:
    standard: {learning_rate: [0.001, 0.03]}
    wta: {learning_rate: [0.001, 0.03]}
budget:
  seeds: [101]
  percent: 90
  grids:
    wta: {active_fraction: [0.25, 0.5]}
"""

#: What is looked at: a part of all, so that it takes less time.
WANTED = [f"out/tables/{name}.csv" for name in ("runs", "tuning", "budget", "budget_trials")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("tuned"))
    (project.folder / "tuned.yaml").write_text(CONFIG, encoding="utf-8")
    planned = project.look("-n", config="tuned.yaml")
    done = project.snakemake(*WANTED, config="tuned.yaml")
    assert done.returncode == 0, done.stdout
    project.first_plan = planned.stdout
    return project


def test_both_stages_are_planned(project):
    lines = [line.split() for line in project.first_plan.splitlines()]
    counts = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}
    assert (counts["measure"], counts["pick"], counts["train"]) == (4 + 2, 3, 4 + 2)


def test_runs_have_what_was_picked_and_tell_of_it(project):
    trials = pd.read_csv(project.folder / "out/tables/tuning.csv")
    assert len(trials) == 4
    for rule, group in trials.groupby("rule"):
        best = group.sort_values("validation_accuracy", kind="stable").iloc[-1]
        level = {"standard": "100", "wta": "50"}[rule]
        file = project.folder / f"out/runs/digits_{rule}_1x8_{level}pct_seed1.json"
        record = json.loads(file.read_text(encoding="utf-8"))
        picked = group[group["learning_rate"] == record["run"]["training"]["learning_rate"]]
        assert picked["validation_accuracy"].item() == best["validation_accuracy"]
        assert record["pick"]["seeds"] == [101]


def test_runs_within_the_budget_are_a_table(project):
    (point,) = pd.read_csv(project.folder / "out/tables/budget.csv").to_dict("records")
    assert (point["rule"], point["n"]) == ("wta", 2)
    assert point["target_active_fraction"] in (0.25, 0.5)
    assert len(pd.read_csv(project.folder / "out/tables/budget_trials.csv")) == 2


def test_another_grid_of_one_rule_reruns_what_depends_on_it(project):
    changed = CONFIG.replace(
        "wta: {learning_rate: [0.001, 0.03]}", "wta: {learning_rate: [0.001, 0.1]}"
    )
    (project.folder / "changed.yaml").write_text(changed, encoding="utf-8")
    planned = project.look("-n", config="changed.yaml")
    text = planned.stdout
    assert planned.returncode == 0, text
    assert "digits_wta_1x8_50pct_seed101_learning_rate=0.1" in text
    assert "digits_wta_1x8_50pct_seed101_learning_rate=0.001" not in text
    assert "train digits_wta_1x8_50pct_seed1" in text
    assert "train digits_standard_1x8_100pct_seed1" not in text
    assert "within90pct_seed101" not in text


def test_picks_made_first_leave_the_runs_whose_pick_stays(project):
    """That a rate is hopeless is known when its trial is done, not in planning."""
    grown = CONFIG.replace("[0.001, 0.03]", "[0.001, 0.03, 1.0e-9]")
    (project.folder / "grown.yaml").write_text(grown, encoding="utf-8")
    asked = ("--until", "pick", "--", *WANTED)
    done = project.snakemake(*asked, config="grown.yaml")
    assert done.returncode == 0, done.stdout
    assert "train digits" not in done.stdout
    assert (
        project.folder / "out/tuning/digits_wta_1x8_50pct_seed101_learning_rate=1e-09.csv"
    ).exists()
    planned = project.planned(*WANTED, config="grown.yaml")
    assert "gather the table of tuning" in planned, "the new trials are not in it yet"
    assert not any(job.startswith("train ") for job in planned)
