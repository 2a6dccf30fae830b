"""Whole runs: repeatable, paired between rules, stopped when they diverge."""

import csv
import json

import numpy as np
import pytest
from networks import RULES, make_prepared, make_run

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.store import ArraySamples
from lsh_dl.engine.counts import STAGES
from lsh_dl.runs.row import COLUMNS, TIME_COLUMNS
from lsh_dl.runs.spec import Training
from lsh_dl.training import job, loader
from lsh_dl.training import run as run_module
from lsh_dl.training.job import run_to_files
from lsh_dl.training.run import create_model, train_run

FEATURES, CLASSES = 24, 3


class WatchedSamples(ArraySamples):
    """Samples that remember in which order they were taken."""

    def __init__(self, x, y):
        super().__init__(x, y)
        self.taken = []

    def take(self, indices):
        self.taken.extend(indices.tolist())
        return super().take(indices)


def draw_data(seed=0):
    """Three noisy prototypes; a network learns them in a few epochs."""
    generator = np.random.default_rng(seed)
    prototypes = generator.random((CLASSES, FEATURES)) < 0.4

    def part(samples):
        y = generator.integers(0, CLASSES, samples).astype(np.int32)
        noise = generator.random((samples, FEATURES)) < 0.1
        return WatchedSamples(np.where(prototypes[y] ^ noise, 200, 0).astype(np.uint8), y)

    return make_prepared(part(260), part(50), part(80), FEATURES, CLASSES, 1 / 255)


@pytest.fixture
def data():
    return draw_data()


def describe_run(rule, seed=1, fraction=0.3, threads=1, **settings):
    """A run of two epochs on two hidden layers."""
    made = Training(**{"epochs": 2, "momentum": 0.5} | settings)
    return make_run(rule, made, fraction, dataset="drawn", seed=seed, threads=threads)


def without_times(rows):
    return [{k: v for k, v in row.items() if k not in TIME_COLUMNS} for row in rows]


@pytest.mark.parametrize("rule", RULES)
def test_same_seed_same_rows_other_seed_other_rows(rule, data):
    first, second, other = (
        without_times(train_run(describe_run(rule, seed), data)) for seed in (1, 1, 2)
    )
    assert first == second
    assert [row["epoch"] for row in first] == [1, 2]
    assert all(row.keys() | set(TIME_COLUMNS) == set(COLUMNS) for row in first)
    assert all(
        one["train_loss"] != two["train_loss"] for one, two in zip(first, other, strict=True)
    )


@pytest.mark.parametrize("rule", ["lsh", "dropout"])
def test_evaluating_more_often_changes_no_training(rule, data):
    run = describe_run(rule)
    whole = list(train_run(run, data))
    parts = list(train_run(run.model_copy(update={"evaluations": 4}), data))
    assert [row["epoch"] for row in parts] == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
    assert [sum(row["samples"] for row in parts[i : i + 4]) for i in (0, 4)] == [260, 260]
    for ends, row in zip((parts[:4], parts[4:]), whole, strict=True):
        assert ends[-1]["test_accuracy"] == row["test_accuracy"]
        work = sum(part["training_multiplications"] * part["samples"] for part in ends)
        assert work == pytest.approx(260 * row["training_multiplications"])


@pytest.mark.parametrize("chunk", [37, 260])
def test_size_of_chunks_changes_no_result(chunk, data, monkeypatch):
    expected = without_times(train_run(describe_run("lsh"), data))
    monkeypatch.setattr(loader.DenseInputs, "chunk", chunk)
    assert without_times(train_run(describe_run("lsh"), data)) == expected


def test_rules_of_one_seed_share_weights_and_the_order_of_data(data):
    weights, orders = [], []
    for rule in RULES:
        weights.append(create_model(describe_run(rule), FEATURES, CLASSES).network.weights)
        data.train.taken.clear()
        list(train_run(describe_run(rule), data))
        orders.append(list(data.train.taken))
    assert all(np.array_equal(weights[0], other) for other in weights)
    assert all(orders[0] == other for other in orders)
    first, second = orders[0][:260], orders[0][260:]
    assert sorted(first) == sorted(second) == list(range(260))
    assert first != second
    data.train.taken.clear()
    list(train_run(describe_run("standard", seed=2), data))
    assert data.train.taken[:260] != first


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("rule", ["standard", "wta", "lsh"])
def test_networks_learn(rule, threads, data):
    run = describe_run(rule, fraction=0.5, threads=threads, epochs=6)
    rows = list(train_run(run, data))
    assert rows[-1]["test_accuracy"] > 0.9
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers overflow: that is the point
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("adagrad", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_diverging_run_stops_and_keeps_its_rows(
    rule, adagrad, threads, data, tmp_path, monkeypatch
):
    rate = 1e36 if adagrad else 1e6
    run = describe_run(rule, threads=threads, epochs=200, learning_rate=rate, adagrad=adagrad)
    monkeypatch.setattr(job, "open_prepared", lambda folder: data)
    (tmp_path / "meta.json").touch()
    run_to_files(run, tmp_path, tmp_path / "run.csv", tmp_path / "run.json")
    with (tmp_path / "run.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert 1 <= len(rows) < 200
    assert [row["status"] for row in rows] == ["ok"] * (len(rows) - 1) + ["diverged"]
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "diverged"


@pytest.mark.parametrize("rule", RULES)
def test_percentages_are_of_the_textbook_network_and_leave_the_optimiser_out(rule, data):
    row = list(train_run(describe_run(rule), data))[-1]
    weights = [24 * 20, 20 * 12, 12 * 3]
    training = sum(row[f"training_{stage}"] for stage in STAGES if stage != "optimiser")
    inference = sum(row[f"inference_{stage}"] for stage in ("select", "rerank", "forward"))
    assert row["training_multiplications"] == pytest.approx(training)
    assert row["inference_multiplications"] == pytest.approx(inference)
    assert row["training_percent"] == pytest.approx(
        100 * training / (3 * sum(weights) - weights[0])
    )
    assert row["inference_percent"] == pytest.approx(100 * inference / sum(weights))
    assert row["training_optimiser"] == pytest.approx(5 * row["training_update"])
    if rule in ("standard", "wta"):
        expected = {"standard": 1.0, "wta": (6 + 4) / 32}[rule]
        assert row["active_fraction"] == row["inference_active_fraction"] == expected


def test_row_that_cannot_be_is_one_line(data, monkeypatch):
    monkeypatch.setattr(run_module, "share_active", lambda *numbers: 2.0)
    message = r"drawn_wta_\S+, epoch 1: active_fraction: should be less than or equal to 1 \(got 2"
    with pytest.raises(UserError, match=message):
        next(train_run(describe_run("wta"), data))
