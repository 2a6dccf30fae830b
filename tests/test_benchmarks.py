"""`python -m benchmarks`: which measurements there are; what the estimate of time is made of."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from networks import make_prepared

from benchmarks import __main__ as dispatcher
from benchmarks import _peers, budget, presets, time_to_accuracy
from benchmarks import data as data_measurement
from benchmarks._timing import compare_rounds, time_systems
from benchmarks.speed import find_leads
from benchmarks.speed_vs_width import find_crossover
from lsh_dl.data.formats.libsvm import read_libsvm
from lsh_dl.data.prepared.store import ArraySamples
from lsh_dl.experiment.config import check_config
from lsh_dl.systems import torch as torch_system

TASKS = ("training", "prediction")


@pytest.fixture
def measurements(monkeypatch):
    """Two measurements that only note that they ran."""
    ran = []
    for name in ("one", "two"):
        module = SimpleNamespace(__doc__="What it is.", main=lambda name=name: ran.append(name))
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", module)
    names = [SimpleNamespace(name=name) for name in ("two", "_helper", "one")]
    monkeypatch.setattr(dispatcher.pkgutil, "iter_modules", lambda path: names)
    monkeypatch.setattr(dispatcher.inspect, "getdoc", lambda module: module.__doc__)
    return ran


def test_all_run_without_a_name(measurements):
    assert dispatcher.main([]) == 0
    assert measurements == ["one", "two"]


def test_named_ones_run(measurements):
    assert dispatcher.main(["two"]) == 0
    assert measurements == ["two"]


def test_unknown_name_is_said_before_any_runs(measurements, capsys):
    assert dispatcher.main(["one", "three"]) == 2
    assert capsys.readouterr().err == "error: no measurement 'three'; known: one, two\n"
    assert measurements == []


def test_ratios_are_formed_within_a_round():
    # Slow in the second of three rounds, both; the first call of each is not timed.
    durations = iter([9.0, 9.0, 1.0, 3.0, 10.0, 40.0, 1.0, 2.0])
    now = 0.0

    def work():
        nonlocal now
        now += next(durations)

    systems = {"ours, training": (1, work), "theirs, training": (2, work)}
    table = time_systems(systems, 3, {"training": "ours, training"}, clock=lambda: now)
    theirs = table.loc["theirs, training"]
    assert list(theirs[["microseconds", "lowest", "highest"]]) == [1.5e6, 1e6, 20e6]
    assert list(theirs[["ratio", "ratio_lowest", "ratio_highest"]]) == [1.5, 1.0, 2.0]
    assert list(table["ratio_to"]) == ["ours, training"] * 2
    assert table.loc["ours, training", "ratio"] == 1


def test_leads_are_formed_within_a_round():
    frame = pd.DataFrame({"ours": [1.0, 10.0, 2.0], "theirs": [2.0, 30.0, 8.0]})
    lead = compare_rounds(frame, "ours", "theirs")
    assert lead == {"lead": 3.0, "lead_lowest": 2.0, "lead_highest": 4.0}


def test_leads_are_to_the_fastest_mode_and_to_fp32_at_the_same_batch():
    frame = pd.DataFrame(
        {
            **{f"LSH {what}, {task}": [2.0] for what in ("5 %", "at the claim") for task in TASKS},
            "PyTorch, fp32, batch 128, training": [12.0],
            "PyTorch, bf16, batch 128, training": [6.0],
            "PyTorch, bf16, batch 1024, training": [1.0],
            "PyTorch, fp32, batch 1024, training": [4.0],
        }
    )
    leads = find_leads(frame)
    mine = leads[leads["system"] == "LSH 5 %"].set_index(["batch", "to"])["lead"]
    assert mine.to_dict() == {
        (128, "fastest"): 3.0,
        (128, "fp32"): 6.0,
        (1024, "fastest"): 0.5,
        (1024, "fp32"): 2.0,
    }
    assert set(leads["task"]) == {"training"}


def test_modes_that_cannot_run_are_named_with_the_reason(monkeypatch, capsys):
    monkeypatch.setattr(torch_system, "find_spec", lambda name: None)
    assert _peers.usable_modes() == []
    assert capsys.readouterr().out.startswith("not measured: PyTorch is not installed")
    config = SimpleNamespace(recompile_limit=8)
    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(_dynamo=SimpleNamespace(config=config))
    )
    monkeypatch.setattr(torch_system, "find_spec", lambda name: True)
    monkeypatch.setattr(torch_system, "has_bfloat16", lambda: False)
    assert _peers.usable_modes(["fp32, fused", "bf16"]) == ["fp32, fused"]
    assert capsys.readouterr().out == (
        "not measured: PyTorch, bf16: this processor has no bfloat16 instructions\n"
    )


def test_race_ends_for_those_that_are_there(monkeypatch):
    monkeypatch.setattr("benchmarks._digits.HIDDEN", (16,))
    monkeypatch.setattr(time_to_accuracy, "EVERY", 100)
    monkeypatch.setattr(time_to_accuracy, "MOST_EPOCHS", 3)
    monkeypatch.setattr(time_to_accuracy, "WANTED", (0.5, 0.9))
    ours = {"NN": ("standard", 1.0, 0.05, {}), "still": ("standard", 1.0, 1e-30, {})}
    monkeypatch.setattr(time_to_accuracy, "OURS", ours)
    y = np.arange(300, dtype=np.int32) % 3
    samples = ArraySamples(np.eye(3, dtype=np.float32)[y], y)
    data = make_prepared(samples, samples, samples, features=3, classes=3)
    table = pd.DataFrame(time_to_accuracy.race(data, 1, []))
    assert table["accuracy"].tolist() == [0.5, 0.5, 0.9, 0.9]
    of = table.set_index(["system", "accuracy"])
    assert of.loc["NN", "seconds"].gt(0).all()
    assert (of.loc["NN", "samples"] % 100 == 0).all()
    assert of.loc[("still", 0.9), ["seconds", "samples"]].isna().all()


@pytest.mark.parametrize(
    ("leads", "place"),
    [
        ([2, 3, 4], "ahead from 1,000 on"),
        ([0.1, 0.2, 0.3], "behind up to 4,000"),
        ([0.5, 2, 4], "overtakes at about 1,414 nodes"),
    ],
)
def test_crossover_is_between_the_widths_around_it(leads, place):
    assert find_crossover([1000, 2000, 4000], np.array(leads, float)).startswith(place)


def test_budget_counts_runs_samples_and_epochs(raw_config, monkeypatch):
    monkeypatch.setattr(budget, "time_run", lambda run, data: (1.0, 0.1))
    raw_config["datasets"]["digits"] |= {"validation": 0.2, "training": {"epochs": 3}}
    table = budget.time_points(check_config(raw_config))
    # Two networks; NN without levels, WTA with two; each with two seeds.
    assert len(table) == 2 * 3
    assert (table["runs"] == 2).all()
    # 100 images, of which 20 are held out; 20 test images.
    seconds = 2 * (budget.START_SECONDS + 3 * (80 * 1.0 + (20 + 20) * 0.1))
    np.testing.assert_allclose(table["hours"], seconds / 3600)


@pytest.mark.slow
def test_budget_times_a_substitute_where_files_are_not_at_hand(raw_config, tmp_path):
    raw_config |= {"datasets": {"norb": {"validation": 0}}, "networks": [[8]], "seeds": [1]}
    raw_config |= {"cache": str(tmp_path / "cache"), "rules": {"wta": None}}
    table = budget.time_points(check_config(raw_config))
    assert set(table["timed_on"]) == {"norb_standin"}
    assert (table[["training_microseconds", "prediction_microseconds"]] > 0).all(axis=None)
    assert not (tmp_path / "cache" / "norb").exists()


def test_budget_counts_arrays_of_ones_own(raw_config, monkeypatch, tmp_path):
    x, y = np.zeros((50, 6), np.uint8), np.arange(50) % 2
    np.savez(tmp_path / "own.npz", x_train=x[:40], y_train=y[:40], x_test=x[:10], y_test=y[:10])
    monkeypatch.setattr(budget, "time_run", lambda run, data: (1.0, 0.1))
    raw_config["datasets"] = {"own": {"source": "npz", "path": str(tmp_path / "own.npz")}}
    table = budget.time_points(check_config(raw_config))
    # A tenth of the 40 held out, two epochs, two seeds.
    seconds = 2 * (budget.START_SECONDS + 2 * (36 * 1.0 + (4 + 10) * 0.1))
    np.testing.assert_allclose(table["hours"], seconds / 3600)


def test_packed_pieces_strung_together_are_one_file(tmp_path):
    x = np.random.default_rng(0).integers(3, size=(5, 784), dtype=np.uint8)
    y = np.arange(5, dtype=np.int32)
    (tmp_path / "a.bz2").write_bytes(2 * data_measurement._pack(x, y))
    got, labels = read_libsvm(tmp_path / "a.bz2", tmp_path / "x.npy", 10, 784, 10)
    np.testing.assert_array_equal(got, np.concatenate([x, x]))
    np.testing.assert_array_equal(labels, np.concatenate([y, y]))


def test_candidates_for_a_preset_are_averaged_over_sets_and_levels():
    narrow, wide = '{"directions": 7, "shortlist": 1.5}', '{"directions": 15, "shortlist": 1.5}'
    trials = pd.DataFrame(
        [("a", 0.05, narrow, 0.8, 2.0), ("b", 0.05, narrow, 0.6, 4.0), ("a", 0.05, wide, 0.9, 5.0)],
        columns=["dataset", "active_fraction_wanted", "settings", "validation_accuracy", "work"],
    ).assign(training_percent=lambda t: t["work"], inference_percent=lambda t: t["work"])
    table = presets.tabulate(trials)
    means = table[table["dataset"] == "all"].set_index("directions")
    assert means["validation_accuracy"].to_dict() == pytest.approx({7: 0.7, 15: 0.9})
    assert means["inference_percent"].to_dict() == {7: 3.0, 15: 5.0}
    assert len(table) == 3 + 2
