"""Studies of very many outputs: their runs, tables and figures, and the claim that is judged."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.config import check_config, read_config
from lsh_dl.experiment.expand import expand_studies
from lsh_dl.experiment.studies.wide_cost import WideCost, tabulate
from lsh_dl.measurements import wide_cost
from lsh_dl.results.claims.base import DOES_NOT_HOLD, HOLDS, NOT_TESTED, judge
from lsh_dl.results.claims.wide import CLAIMS
from lsh_dl.runs.spec import Training
from lsh_dl.runs.summary import Rows
from lsh_dl.training.epochs import build_model
from lsh_dl.training.run import train_run

ROOT = Path(__file__).parents[2]
ENTRY = {"source": "wide_generated", "labels": 60, "features": 200, "train": 300, "test": 60}
ENTRIES = {
    "standard": None,
    "lsh": {"outputs": 0.2, "interval": 50},
    "uniform": {"source": "sampled", "outputs": 0.2, "title": "drawn"},
}


@pytest.fixture
def raw(raw_config):
    return raw_config | {
        "datasets": {"wide": ENTRY},
        "networks": [[12]],
        "active_fractions": [1.0],
        "rules": ENTRIES,
        "wide_outputs": {"threads": [1], "evaluations": 3, "entries": dict.fromkeys(ENTRIES)},
        "wide_cost": {
            "labels": [100, 150, 200, 300, 400],
            "features": 100,
            "standard_up_to": 200,
            "entries": dict.fromkeys(ENTRIES),
        },
    }


def test_runs_are_tested_within_epochs_and_counted_on(raw, tmp_path):
    experiment = check_config(raw)
    runs = expand_studies(experiment)["wide_outputs"]
    assert [run.id for run in runs][::2] == [
        f"wide_{label}_1x12_100pct_seed1_2x3parts" for label in ENTRIES
    ]
    data = open_prepared(prepare("wide", ENTRY, tmp_path / "wide"))
    rows = pd.DataFrame([row for run in runs if run.seed == 1 for row in train_run(run, data)])
    table = experiment.studies["wide_outputs"].tabulate("wide_outputs", Rows(rows, None))
    assert len(table) == 3 * 6
    one = table[table["label"] == "lsh"]
    assert one["samples_median"].tolist() == [90, 180, 270, 360, 450, 540]
    assert one["seconds_median"].is_monotonic_increasing
    last = rows[(rows["label"] == "lsh") & (rows["epoch"] == 2)].iloc[0]
    assert one["precision_at_1_median"].iloc[-1] == last["precision_at_1"] > 0.2
    assert one["scored_precision_at_5_median"].between(0, 1).all()


def test_a_system_that_cannot_run_here_is_named_in_table_and_figure(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("lsh_dl.systems.torch.find_spec", lambda name: None)
    raw["systems"] = {"torch": {"title": "another"}}
    experiment = check_config(raw)
    runs = expand_studies(experiment)["wide_outputs"]
    assert {run.system for run in runs} == {False}
    study = experiment.studies["wide_outputs"]
    data = open_prepared(prepare("wide", ENTRY, tmp_path / "wide"))
    rows = pd.DataFrame(train_run(runs[0], data))
    table = study.tabulate("wide_outputs", Rows(rows, None, study.skipped(experiment)))
    assert table["skipped"].iloc[-1].startswith("PyTorch is not installed")
    text = draw("wide_outputs", table, tmp_path)
    assert "Not run: another: PyTorch is not installed" in text


def test_a_system_of_one_label_a_sample_is_refused(raw):
    raw["systems"] = {"sklearn": None}
    with pytest.raises(UserError) as caught:
        check_config(raw, "my.yaml")
    assert str(caught.value) == (
        "my.yaml: wide_outputs.systems: data set wide: scikit-learn takes one label a sample, not "
        "several; leave sklearn out"
    )
    raw["wide_outputs"]["systems"] = []
    check_config(raw)


def test_sets_with_one_label_each_are_refused(raw):
    raw["datasets"]["digits"] = {"train": 100, "test": 20}
    with pytest.raises(UserError, match=r"wide_outputs\.datasets: digits has one label a sample"):
        check_config(raw)


def test_costs_over_the_number_of_labels(raw, tmp_path, monkeypatch):
    for name, count in {"WARMED": 100, "TIMED": 60, "TESTED": 30}.items():
        monkeypatch.setattr(wide_cost, name, count)
    runs = expand_studies(check_config(raw))["wide_cost"]
    assert len(runs) == 3 + 5 + 5
    assert {run.rule for run in runs if run.conditions["labels"] > 200} == {"lsh", "sampled"}
    rows = pd.concat([WideCost.measure(run, None) for run in runs], ignore_index=True)
    table = tabulate(rows)
    hashed, drawn = (table[table["rule"] == rule] for rule in ("lsh", "sampled"))
    assert hashed["recall_at_1"].between(0.3, 1).all()
    assert (drawn["recall_at_5"] == 1).all()
    np.testing.assert_allclose(drawn["outputs_computed"], 0.2 * drawn["labels"], atol=4)
    fit = drawn.iloc[0]
    assert 0.5 < fit["training_multiplications_exponent"] < 1.1
    assert fit["training_multiplications_exponent_low"] < fit["training_multiplications_exponent"]
    assert table[table["rule"] == "standard"]["training_seconds_exponent"].isna().all()
    assert "Exponents over the number of labels" in draw("wide_cost", table, tmp_path)


def test_recall_is_that_of_the_outputs_that_were_computed(monkeypatch):
    monkeypatch.setattr(wide_cost, "TESTED", 20)
    model = build_model([50, 8, 40], "lsh", {"outputs": 1.0}, 1.0, Training(), 1)
    x = wide_cost.SparseInputs(*wide_cost.draw_wide(20, 40, 50, 1, 0))
    assert wide_cost.recall_of_best(model, x.batch(np.arange(20)), np.uint64(1)) == [1.0, 1.0]


def draw(name, table, folder):
    """Run a figure's script; the words it shows."""
    table.to_csv(folder / "table.csv", index=False)
    script = ROOT / f"figures/{name}.py"
    command = [sys.executable, "-W", "error", script, "table.csv", "a.svg"]
    subprocess.run(command, cwd=folder, check=True)
    return " ".join(re.sub(r"<[^>]*>", " ", (folder / "a.svg").read_text()).split())


def rows_of(row, precisions, rule="sampled", label="uniform", cost=300.0):
    """Last rows of runs, one a seed."""
    return [
        row
        | {
            "run_id": f"{label}{seed}",
            "rule": rule,
            "label": label,
            "title": label,
            "seed": seed,
            "threads": 1,
            "precision_at_1": precision,
            "training_multiplications": cost,
        }
        for seed, precision in enumerate(precisions, 1)
    ]


@pytest.mark.parametrize(
    ("hashed", "verdict"),
    [
        ([0.50, 0.52, 0.51], HOLDS),
        ([0.41, 0.46, 0.39], DOES_NOT_HOLD),  # above on average, but within chance
        ([0.30, 0.31, 0.30], DOES_NOT_HOLD),
        ([0.50, 0.52], NOT_TESTED),
    ],
)
def test_hashing_has_to_beat_the_best_draw_beyond_chance(row, hashed, verdict):
    claim = CLAIMS[0]
    runs = rows_of(row, hashed, "lsh", "lsh", 300.0)
    runs += rows_of(row, [0.40, 0.41, 0.39])
    runs += rows_of(row, [0.20, 0.21, 0.20], label="frequency")
    runs += rows_of(row, [0.90, 0.91, 0.90], label="dear", cost=400.0)  # costs more
    judgement = judge(claim, {"wide_outputs": pd.DataFrame(runs)})
    assert judgement.verdict == verdict
    if verdict != NOT_TESTED:
        (cell,) = judgement.cells
        assert cell.measure.startswith("lsh above uniform")
        assert cell.n == 3
        assert cell.median == pytest.approx(100 * np.mean(np.subtract(hashed, [0.40, 0.41, 0.39])))
        assert cell.low < cell.median < cell.high


def test_without_an_affordable_draw_nothing_is_judged(row):
    runs = rows_of(row, [0.5, 0.5, 0.5], "lsh", "lsh") + rows_of(row, [0.4, 0.4, 0.4], cost=400.0)
    judgement = judge(CLAIMS[0], {"wide_outputs": pd.DataFrame(runs)})
    assert (judgement.verdict, judgement.reason) == (
        NOT_TESTED,
        "no entry of `sampled` costs as little as lsh",
    )
    assert judge(CLAIMS[0], {}).verdict == NOT_TESTED


def test_the_shipped_config_is_right():
    experiment = read_config(ROOT / "configs/wide.yaml")
    studies = expand_studies(experiment)
    assert {run.threads for run in studies["wide_outputs"]} == {1, 2}
    rules = {run.rule for run in studies["wide_outputs"] if not run.system}
    assert rules == {"standard", "lsh", "sampled"}
    assert {*experiment.systems} == {"torch", "torch-bf16"}
    assert max(run.conditions["labels"] for run in studies["wide_cost"]) == 1e6
    assert len(experiment.seeds) >= 3
