"""Costs by stage: the loop with clocks learns what the usual one does, and its parts add up."""

import numpy as np
import pandas as pd
import pytest
from networks import KEY, RULES, FirstNodes, draw_batch, make_model, make_run

from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.engine.clock import TIMED_STAGES, create_clock, read_clock
from lsh_dl.engine.counts import STAGES
from lsh_dl.experiment.measuring import measure_to_file
from lsh_dl.experiment.studies.stage_times import COSTS
from lsh_dl.measurements.stage_times import PARTS, measure_stages, train_timed
from lsh_dl.runs.spec import Training
from lsh_dl.training.epochs import draw_key, draw_order, train_epoch
from lsh_dl.training.run import create_model, inputs_of

SIZES = [20, 30, 12, 4]


@pytest.mark.slow
@pytest.mark.parametrize("rule", [*sorted(RULES), FirstNodes])
def test_clocks_change_nothing_that_is_learned(rule):
    rows = draw_batch(250, 20, 4)  # past a refresh
    usual, clocked = (make_model(rule, SIZES, 0.25, rate=0.02, adagrad=True) for _ in range(2))
    expected = usual.train(rows, KEY)
    tally, _ = train_timed(clocked, rows, KEY)
    for name, array in usual.named_arrays().items():
        np.testing.assert_array_equal(clocked.named_arrays()[name], array, err_msg=name)
    for sums, others in zip(tally, expected, strict=True):
        np.testing.assert_array_equal(sums, others)


def test_every_stage_takes_time_and_only_tables_have_upkeep():
    rows = draw_batch(250, 20, 4)
    upkeep = {}
    for rule in ("standard", "lsh"):
        parts = train_timed(make_model(rule, SIZES, 0.25), rows, KEY)[1]
        assert all(parts[stage] > 0 for stage in TIMED_STAGES)
        upkeep[rule] = parts["maintain"]
    assert upkeep["standard"] == 0
    assert upkeep["lsh"] > 0


def test_clock_is_the_systems_in_both_forms():
    model, clock = make_model("standard", SIZES), create_clock()
    first = read_clock(clock)
    model.train(draw_batch(5, 20, 4), KEY, clock)
    *_, seconds, nanoseconds = clock
    assert first <= seconds * 10**9 + nanoseconds <= read_clock(clock)


def test_every_counted_stage_has_its_part():
    assert sorted(stage for stages in PARTS.values() for stage in stages) == sorted(STAGES)
    assert set(TIMED_STAGES) | {"maintain"} == PARTS.keys() - {"optimiser"}


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    prepare("digits", {"source": "digits", "train": 120, "test": 30}, folder)
    return folder


def describe(rule):
    return make_run(rule, Training(epochs=2), 0.25, hidden=(16, 8))


@pytest.mark.parametrize("rule", ["standard", "lsh"])
def test_row_is_an_epoch_and_parts_add_up(rule, data_folder, tmp_path):
    run, data = describe(rule), open_prepared(data_folder)
    measure_to_file("stage_times", run, data_folder, tmp_path / "stages.csv")
    table = pd.read_csv(tmp_path / "stages.csv")
    assert table["epoch"].tolist() == [1, 2]
    assert table["samples"].tolist() == [len(data.train)] * 2
    assert set(COSTS) <= set(table.columns)
    for kind in ("seconds", "multiplications"):
        parts = [f"{part}_{kind}" for part in PARTS if part != "optimiser"]
        np.testing.assert_allclose(table[parts].sum(axis=1), table[kind])
    model, order = create_model(run, data.features, data.classes), draw_order(1, 1, len(data.train))
    work = train_epoch(model, inputs_of(data, data.train), order, draw_key(1, 1)).work / len(order)
    for part, stages in PARTS.items():
        expected = sum(work[STAGES.index(stage)] for stage in stages)
        assert table.loc[0, f"{part}_multiplications"] == pytest.approx(expected)


def test_shortened_epochs(data_folder):
    rows = list(measure_stages(describe("wta"), open_prepared(data_folder), 40))
    assert [row["samples"] for row in rows] == [40, 40]
