"""Watching a rule select: against plain NumPy, and without leaving a trace itself."""

import numpy as np
import pytest
from networks import KEY, RULES, FirstNodes, draw_batch, make_model, true_weights, walk_layers

from lsh_dl.training.diagnostics import (
    MOST_SAMPLES,
    Trace,
    find_top,
    pick_samples,
    recall_of_top,
    trace_selection,
    unused_share,
)

SIZES = [20, 30, 12, 4]


@pytest.fixture(scope="module", params=sorted(RULES))
def model(request):
    """A little trained model of each rule, its hidden layers of different widths."""
    model = make_model(request.param, SIZES, 0.25, rate=0.02)
    model.train(draw_batch(150, 20, 4), KEY)
    return model


def test_trace_is_what_the_rule_selects(model):
    rows = draw_batch(20, 20, 4, seed=3)
    trace = trace_selection(model, rows, KEY)
    for s in range(len(rows.labels)):
        for layer, step in enumerate(walk_layers(model, rows, s, KEY, training=False)):
            np.testing.assert_array_equal(
                np.flatnonzero(trace.selected[s, layer]), np.sort(step.answer.nodes)
            )
            x = np.append(step.x, 1)
            weights = true_weights(model.network)[layer]
            width = len(weights)
            np.testing.assert_allclose(
                trace.preactivations[s, layer, :width], weights @ x, rtol=1e-4, atol=1e-5
            )
            assert trace.lengths[s, layer] == pytest.approx(np.linalg.norm(x), rel=1e-5)
            assert (trace.preactivations[s, layer, width:] == -np.inf).all()


def test_watching_changes_no_answer(model):
    rows = draw_batch(20, 20, 4, seed=3)
    before = model.predict(rows, KEY)
    arrays = {name: array.copy() for name, array in model.named_arrays().items()}
    trace_selection(model, rows, KEY)
    for name, array in model.named_arrays().items():
        if "scratch" not in name:
            np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    after = model.predict(rows, KEY)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1].work, after[1].work)


@pytest.mark.parametrize("rule", ["standard", "wta"])
def test_exact_rules_find_all(rule):
    model = make_model(rule, SIZES, 0.25 if rule == "wta" else 1.0)
    trace = trace_selection(model, draw_batch(30, 20, 4), KEY)
    np.testing.assert_array_equal(recall_of_top(trace), [1, 1])
    np.testing.assert_array_equal(find_top(trace), trace.selected)


def test_rule_in_numpy_is_watched_too():
    trace = trace_selection(make_model(FirstNodes, SIZES, 0.25), draw_batch(10, 20, 4), KEY)
    np.testing.assert_array_equal(trace.budgets, [8, 3])
    assert trace.selected[:, 0, :8].all()
    assert trace.selected[:, 1, :3].all()
    np.testing.assert_allclose(unused_share(trace), [1 - 8 / 30, 1 - 3 / 12])


def test_measures_by_hand():
    preactivations = np.array([[[4, 3, 2, 1]], [[1, 2, 3, 4]]], np.float32)
    selected = np.array([[[1, 0, 1, 0]], [[0, 0, 1, 1]]], bool)
    trace = Trace(selected, preactivations, np.ones((2, 1)), np.array([2]), np.array([4]))
    np.testing.assert_allclose(recall_of_top(trace), [(1 / 2 + 2 / 2) / 2])
    np.testing.assert_allclose(unused_share(trace), [1 / 4])


def test_samples_are_spread_over_all():
    model = make_model("standard", SIZES)
    few, many = range(7), range(10_000)
    np.testing.assert_array_equal(pick_samples(model, few), few)
    picked = pick_samples(model, many)
    assert len(set(picked)) == MOST_SAMPLES
    assert (picked[0], picked[-1]) == (0, 9_999)
