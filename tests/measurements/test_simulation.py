"""Conflicts counted by hand; what the simulation of threads must give in cases that are clear."""

import numpy as np
import pytest
from networks import KEY, draw_batch, make_model, true_weights

from lsh_dl.engine.batch import slice_batch
from lsh_dl.measurements.conflicts import count_conflicts, list_rows, record_updates
from lsh_dl.measurements.simulation import (
    Costs,
    refresh_seconds,
    sample_seconds,
    simulate,
    time_meanwhile,
)

COSTS = Costs(forward=2e-6, update=4e-6, two=0, refresh=10.0, refresh_two=6.0, interval=100)


def test_what_pairs_share_is_counted():
    inputs = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], bool)
    nodes = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], bool)
    classes = np.ones((2, 3), bool)
    first, second = np.array([0]), np.array([1])
    hidden, output = count_conflicts([inputs, nodes, classes], first, second).to_dict("records")
    assert hidden["rows"] == pytest.approx(3.5 / 5)
    assert hidden["rows_shared"] == pytest.approx(2 / 3)
    assert hidden["rows_shared_if_uniform"] == pytest.approx(0.7)
    assert hidden["rows_shared_if_independent"] == pytest.approx((2 + 3 * 0.25) / 3.5)
    assert hidden["weights_shared"] == pytest.approx(2 * 1 / (3 * 2))
    assert output["rows_shared"] == output["weights_shared"] == pytest.approx(2 / 3)
    assert hidden["any_row"] == output["any_row"] == 1


@pytest.mark.parametrize("rule", ["wta", "lsh"])
def test_recorded_are_the_rows_that_change(rule):
    model = make_model(rule, [20, 30, 12, 4], 0.2, rate=0.1)
    rows = draw_batch(10, 20, 4)
    for s in range(10):
        before = true_weights(model.network)
        levels = record_updates(model, slice_batch(rows, s, s + 1), KEY)
        for index, (old, new) in enumerate(zip(before, true_weights(model.network), strict=True)):
            changed = old != new
            marked = levels[index + 1][0]
            assert not changed[~marked].any()
            assert not changed[:, :-1][:, ~levels[index][0]].any()
            assert changed.any() or not marked.any()


def test_one_thread_takes_the_measured_time():
    outcome = simulate([[0, 1, 2], [1, 2, 3]], COSTS, 1, transfer=1.0)
    assert outcome.seconds == pytest.approx(6e-6)
    assert (outcome.foreign, outcome.staleness) == (0, 0)


def test_threads_without_common_rows_do_not_slow_each_other():
    visits = [[4 * s, 4 * s + 1, 4 * s + 2] for s in range(200)]
    outcome = simulate(visits, COSTS, 8, transfer=0.0)
    assert outcome.seconds == pytest.approx(6e-6)
    assert outcome.staleness == 0


def test_one_row_for_all_is_updated_by_one_at_a_time():
    threads = 32
    outcome = simulate([[0]] * 50, COSTS, threads, transfer=0.0)
    # All are held up by one row, which one thread at a time holds for the 4 us of an update.
    assert outcome.seconds == pytest.approx(threads * 4e-6, rel=0.15)
    assert outcome.staleness == pytest.approx(threads - 1, rel=0.15)


def test_rows_of_others_cost_their_transfer():
    apart = simulate([[0, 1, 2, 3]] * 50, COSTS, 2, transfer=0.0)
    moved = simulate([[0, 1, 2, 3]] * 50, COSTS, 2, transfer=1e-6)
    assert 0 < apart.foreign <= 8
    assert moved.seconds > apart.seconds + 0.5e-6


def test_updated_rows_of_all_layers_are_numbered_through():
    levels = [np.ones((1, 2), bool), np.array([[0, 1, 1]], bool), np.ones((1, 2), bool)]
    assert list_rows(levels) == [[1, 2, 4, 5]]  # the output layer has a row for each input


def test_refreshes_follow_amdahls_law():
    assert refresh_seconds(COSTS, 1) == pytest.approx(10)
    assert refresh_seconds(COSTS, 2) == pytest.approx(6)
    assert refresh_seconds(COSTS, 1000) == pytest.approx(2, abs=0.01)


def test_a_refresh_together_holds_all_threads_up():
    assert sample_seconds(20e-6, COSTS, 2) == (pytest.approx(10e-6 + 6 / 100), 0)


def test_a_refresh_meanwhile_takes_its_share_of_the_threads():
    """50 and 30 us of a thread every 100 samples, which 4 threads take in 500 us."""
    costs = COSTS._replace(layers=(50e-6, 30e-6))
    sample, late = sample_seconds(20e-6, costs, 4)
    assert 4 * 100 * sample == pytest.approx(100 * 20e-6 + 80e-6)
    assert late == pytest.approx(50e-6 / sample)


def test_where_refreshes_are_always_due_each_layer_keeps_a_thread():
    """100 samples in 20 us; one layer takes longer, the other comes in time."""
    costs = COSTS._replace(layers=(10e-6, 50e-6))
    sample, late = sample_seconds(20e-6, costs, 101)
    assert 100 * sample == pytest.approx(20e-6 + 10e-6 / 100)
    assert late == pytest.approx(2 * 50e-6 / sample)
    both, _ = sample_seconds(20e-6, costs._replace(layers=(50e-6, 50e-6)), 102)
    assert both == pytest.approx(20e-6 / 100)


def test_the_time_to_renew_each_layer_is_measured_while_another_thread_trains():
    model = make_model("lsh", [20, 300, 8, 4], 0.2, refresh="asynchronous", K=3)
    rows = draw_batch(300, 20, 4)
    model.train(rows, KEY)
    model.until_refresh = None
    before = model.state.upkeep.handovers[:, 0].copy()
    seconds = time_meanwhile(model, rows, KEY)
    assert len(seconds) == 2
    assert min(seconds) > 0
    assert (model.state.upkeep.handovers[:, 0] - before == 4).all()
