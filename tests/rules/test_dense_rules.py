"""What each rule but LSH promises beside the contract."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import (
    KEY,
    activate,
    ask,
    draw_batch,
    draw_inputs,
    make_model,
    make_rule,
    sample_inputs,
    softmax,
    true_weights,
    with_one,
)
from pydantic import ValidationError

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.network import create_network
from lsh_dl.engine.prng import mix

LEVELS = [0.05, 0.25, 0.5, 0.9]


def keys(count):
    return [np.uint64(mix(KEY, number)) for number in range(count)]


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([0.01, 0.1, 0.5, 0.9]))
def test_wta_picks_the_largest(seed, width, fraction):
    network = create_network([15, width, 2], seed)
    x = draw_inputs(1, 15, seed)[0]
    rule = make_rule("wta", fraction)
    answer = ask(rule, rule.start(network), network, 0, x, KEY)
    values = true_weights(network)[0] @ with_one(x)
    rest = np.setdiff1d(np.arange(width), answer.nodes)
    if rest.size:
        assert values[answer.nodes].min() >= values[rest].max() - 1e-5
    assert answer.nodes.size == max(1, round(fraction * width))


@pytest.mark.parametrize("share", LEVELS)
def test_dropout_keeps_its_share_of_nodes_and_every_node_alike(share):
    network = create_network([5, 400, 2], 1)
    rule = make_rule("dropout", share)
    state, x = rule.start(network), np.ones(5, np.float32)
    kept = np.zeros((500, 400), bool)
    for row, key in zip(kept, keys(500), strict=True):
        answer = ask(rule, state, network, 0, x, key)
        row[answer.nodes] = True
        np.testing.assert_array_equal(answer.gains, 1)
    deviation = np.sqrt(share * (1 - share))
    assert abs(kept.mean() - share) < 4 * deviation / np.sqrt(kept.size)
    per_node = (kept.mean(axis=0) - share) * np.sqrt(500) / deviation
    assert np.abs(per_node).max() < 4.5
    assert 0.85 < per_node.std() < 1.15
    # Neighbours are independent: jumping from one kept node to the next leaves no trace.
    together = (kept[:, 1:] & kept[:, :-1]).mean()
    assert abs(together - share**2) < 5 * deviation / np.sqrt(kept.size)


def test_dropout_draws_anew_for_every_sample_and_layer():
    model = make_model("dropout", [10, 60, 60, 2], 0.5)
    x = np.ones(60, np.float32)
    chosen = [
        ask(model.rule, model.state, model.network, 1, x, key).nodes.tolist() for key in keys(20)
    ]
    assert len({tuple(nodes) for nodes in chosen}) == 20


def predict_plainly(model, x, gains_of):
    """Class probabilities where every node is active with a gain."""
    weights = true_weights(model.network)
    for layer in weights[:-1]:
        preactivations = layer @ with_one(x)
        x = np.maximum(preactivations, 0) * gains_of(preactivations)
    return softmax(weights[-1] @ with_one(x))


def test_dropout_tests_with_all_nodes_times_their_share():
    model = make_model("dropout", [12, 30, 20, 4], 0.3)
    rows = draw_batch(10, 12, 4)
    probabilities, tally = model.predict(rows, KEY)
    assert tally.active[0] == 10 * 50
    for s in range(10):
        expected = predict_plainly(model, sample_inputs(rows, s, 12), lambda a: 0.3)
        np.testing.assert_allclose(probabilities[s], expected, rtol=1e-4)


def test_adaptive_tests_with_the_expectation():
    model = make_model("adaptive", [12, 30, 20, 4], 0.3, alpha=1.5)
    rows = draw_batch(10, 12, 4)
    probabilities, tally = model.predict(rows, KEY)
    assert tally.active[0] == 10 * 50
    beta = np.log(0.3 / 0.7)
    for s in range(10):
        expected = predict_plainly(
            model, sample_inputs(rows, s, 12), lambda a: 1 / (1 + np.exp(-(1.5 * a + beta)))
        )
        np.testing.assert_allclose(probabilities[s], expected, rtol=1e-4)


@pytest.mark.parametrize("rule", ["dropout", "adaptive"])
def test_sampled_inference_draws_as_training_does(rule):
    model = make_model(rule, [12, 50, 4], 0.3, inference="sampled")
    x = draw_inputs(1, 12, 3)[0]
    testing, training = (
        ask(model.rule, model.state, model.network, 0, x, KEY, training)
        for training in (False, True)
    )
    for one, other in zip(testing, training, strict=True):
        np.testing.assert_array_equal(one, other)
    assert 0 < testing.nodes.size < 50
    rows = draw_batch(100, 12, 4)
    assert model.predict(rows, KEY)[1].active[0] < 100 * 50 * 0.6


def test_adaptive_keeps_a_node_with_its_probability():
    model = make_model("adaptive", [12, 40, 4], 0.3, alpha=2.0)
    network, x = model.network, draw_inputs(1, 12, 3)[0]
    kept = np.zeros((1500, 40), bool)
    for row, key in zip(kept, keys(1500), strict=True):
        state = model.rule.start(network)  # beta moves with every training sample
        row[ask(model.rule, state, network, 0, x, key).nodes] = True
    beta = np.log(0.3 / 0.7)
    keep = 1 / (1 + np.exp(-(2 * (true_weights(network)[0] @ with_one(x)) + beta)))
    deviation = np.sqrt(keep * (1 - keep) / len(kept))
    assert np.ptp(keep) > 0.3
    assert np.all(np.abs(kept.mean(axis=0) - keep) < 4.5 * deviation + 1e-3)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("share", LEVELS)
def test_adaptives_measured_share_comes_to_the_wanted_one(share, alpha):
    model = make_model("adaptive", [20, 100, 50, 4], share, rate=0.01, adagrad=True, alpha=alpha)
    rows = draw_batch(3000, 20, 4)
    model.train(slice_batch(rows, 0, 2000), KEY)
    tally = model.train(slice_batch(rows, 2000, 3000), KEY)
    assert tally.active[0] / (1000 * 150) == pytest.approx(share, abs=0.02)


def test_adaptive_does_not_learn_its_share_from_tests():
    model = make_model("adaptive", [20, 100, 4], 0.2, alpha=3.0)
    before = model.state.beta.copy()
    model.predict(draw_batch(50, 20, 4), KEY)
    np.testing.assert_array_equal(model.state.beta, before)
    model.train(draw_batch(50, 20, 4), KEY)
    assert not np.array_equal(model.state.beta, before)


@pytest.mark.parametrize("rule", ["standard", "dropout", "wta", "adaptive"])
def test_gains_reach_the_next_layer(rule):
    model = make_model(rule, [12, 30, 4], 0.4)
    rows = draw_batch(5, 12, 4)
    probabilities = model.predict(rows, KEY)[0]
    weights = true_weights(model.network)
    for s in range(5):
        x = sample_inputs(rows, s, 12)
        key = mix(np.uint64(mix(KEY, s)), 0)
        answer = ask(model.rule, model.state, model.network, 0, x, key, training=False)
        hidden = activate(weights[0], x, answer)
        expected = softmax(weights[1] @ with_one(hidden))
        np.testing.assert_allclose(probabilities[s], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        ("adaptive", {"alpha": -1}),
        ("adaptive", {"inference": "scaled"}),
        ("dropout", {"inference": "expected"}),
        ("wta", {"budget": 5}),
        ("standard", {"active": 1}),
    ],
)
def test_settings_out_of_range_are_refused(rule, settings):
    with pytest.raises(ValidationError):
        make_rule(rule, 0.5, **settings)
