"""Weights of samples, the squared loss and the L2 penalty, against plain NumPy."""

import numpy as np
import pytest
from networks import draw_batch, make_model, make_rule, sample_inputs, true_weights, with_one

from lsh_dl.common.errors import UserError
from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.engine.network import create_network
from lsh_dl.engine.optimiser import create_optimiser
from lsh_dl.training.model import SparseModel

KEY = np.uint64(5)
SIZES = [12, 20, 18, 4]


def linear_model(rule="standard", fraction=1.0, **settings):
    network = create_network(SIZES, 1, linear=True)
    optimiser = create_optimiser(network, 1.0, 0.0, False, **settings)
    return SparseModel(network, optimiser, make_rule(rule, fraction))


def responses(samples):
    return np.random.default_rng(3).normal(0, 1, (samples, SIZES[-1])).astype(np.float32)


def answer(weights, x):
    for layer in weights[:-1]:
        x = np.maximum(layer @ with_one(x), 0)
    return weights[-1] @ with_one(x)


def differentiate(loss, weights, step=1e-5):
    """Central differences of `loss(weights)` by every weight."""
    gradients = [np.zeros_like(layer) for layer in weights]
    for layer, gradient in zip(weights, gradients, strict=True):
        for place in np.ndindex(layer.shape):
            kept = layer[place]
            layer[place] = kept + step
            above = loss(weights)
            layer[place] = kept - step
            gradient[place] = (above - loss(weights)) / (2 * step)
            layer[place] = kept
    return gradients


@pytest.mark.parametrize("weight", [None, 0.25])
def test_one_step_is_the_gradient_of_the_weighted_squared_loss(weight):
    model, batch, wanted = linear_model(), draw_batch(1, 12, 4), responses(1)
    factor = 1.0 if weight is None else weight
    batch = batch._replace(responses=wanted)
    if weight is not None:
        batch = batch._replace(weights=np.float32([weight]))
    before, x = true_weights(model.network), sample_inputs(batch, 0, 12)

    def loss(weights):
        return factor * ((answer(weights, x) - wanted[0]) ** 2).sum() / 2

    np.testing.assert_allclose(model.predict(batch, KEY)[0][0], answer(before, x), rtol=1e-4)
    tally = model.train(batch, KEY)
    assert tally.loss[0] == pytest.approx(loss(before), rel=1e-5)
    for old, new, gradient in zip(
        before, true_weights(model.network), differentiate(loss, before), strict=True
    ):
        assert np.abs(gradient).max() > 1e-3
        np.testing.assert_allclose(old - new, gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", ["standard", "wta", "lsh"])
def test_a_weight_scales_the_step_and_the_loss(rule):
    plain, weighted = (make_model(rule, SIZES, 0.5, rate=1.0) for _ in range(2))
    batch = draw_batch(1, 12, 4)
    before = plain.network.weights.copy()
    loss = plain.train(batch, KEY).loss[0]
    part = weighted.train(batch._replace(weights=np.float32([0.5])), KEY).loss[0]
    assert part == pytest.approx(loss / 2)
    step = plain.network.weights - before
    np.testing.assert_allclose(weighted.network.weights - before, step / 2, atol=1e-6)


def test_weights_of_1_change_no_bit():
    one, other = (make_model("lsh", SIZES, 0.5, adagrad=True) for _ in range(2))
    batch = draw_batch(50, 12, 4)
    one.train(batch, KEY)
    other.train(batch._replace(weights=np.ones(50, np.float32)), KEY)
    np.testing.assert_array_equal(one.network.weights, other.network.weights)


@pytest.mark.parametrize("rule", ["standard", "wta"])
def test_under_adagrad_a_weight_counts_as_so_many_samples(rule):
    weight = 4.0
    model = make_model(rule, SIZES, 0.5, rate=0.125, adagrad=True)
    plain = make_model(rule, SIZES, 0.5, rate=1.0)
    batch = draw_batch(1, 12, 4)
    before = model.network.weights.copy()
    plain.train(batch, KEY)
    slope = before - plain.network.weights
    model.train(batch._replace(weights=np.float32([weight])), KEY)
    touched = np.abs(slope) > 1e-3
    history = model.optimiser.squares[touched]
    np.testing.assert_allclose(history, weight * slope[touched] ** 2, rtol=1e-2)
    step = (before - model.network.weights)[touched]
    expected = 0.125 * weight * slope[touched] / np.sqrt(history)
    np.testing.assert_allclose(step, expected, rtol=1e-2, atol=1e-5)


def test_slices_take_their_weights_and_responses_along():
    batch = draw_batch(6, 12, 4)._replace(
        weights=np.arange(6, dtype=np.float32), responses=responses(6)
    )
    part = slice_batch(batch, 2, 5)
    np.testing.assert_array_equal(part.weights, [2, 3, 4])
    np.testing.assert_array_equal(part.responses, responses(6)[2:5])


@pytest.mark.parametrize("rule", ["standard", "wta", "dropout", "adaptive", "lsh"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("adagrad", [False, True])
def test_penalty_pulls_what_is_touched_and_no_bias(rule, momentum, adagrad):
    models = [
        make_model(rule, SIZES, 0.5, rate=0.5, momentum=momentum, adagrad=adagrad) for _ in range(2)
    ]
    plain, penalised = models
    optimiser = penalised.optimiser._replace(alpha=np.float32(0.125))
    penalised.optimiser = optimiser
    batch = draw_batch(1, 12, 4, density=0.4)
    before = true_weights(plain.network)
    work = [model.train(batch, KEY).work for model in models]
    # Adagrad's first step is the gradient's sign times the rate: undone by its own history.
    for old, without, given in zip(
        before, true_weights(plain.network), true_weights(penalised.network), strict=True
    ):
        touched = without != old
        touched[:, -1] = False
        assert touched.any()
        if not adagrad:
            np.testing.assert_allclose(
                (without - given)[touched], 0.5 * 0.125 * old[touched], atol=1e-6
            )
            np.testing.assert_array_equal(without[~touched], given[~touched])
        else:
            slope = (old - without)[touched] / 0.5  # about +1 or -1
            np.testing.assert_allclose(np.abs(slope), 1, rtol=1e-2)
            np.testing.assert_array_equal(without[:, -1], given[:, -1])
            assert np.abs((old - given)[touched]).max() <= 0.5 * 1.01
    touched = work[0][4]
    assert (work[1] - work[0])[OPTIMISER] == touched > 0
    np.testing.assert_array_equal(work[0][:OPTIMISER], work[1][:OPTIMISER])


def test_penalty_of_the_outputs_alone_leaves_hidden_weights_as_without():
    plain, penalised = (make_model("wta", SIZES, 0.5, rate=0.5) for _ in range(2))
    penalised.optimiser = create_optimiser(
        penalised.network, 0.5, 0.0, False, alpha=0.125, penalised="outputs"
    )
    batch = draw_batch(1, 12, 4, density=0.4)
    work = [model.train(batch, KEY).work for model in (plain, penalised)]
    *hidden, outputs = zip(
        true_weights(plain.network), true_weights(penalised.network), strict=True
    )
    for without, given in hidden:
        np.testing.assert_array_equal(without, given)
    changed = outputs[0] != outputs[1]
    assert changed.sum() == (work[1] - work[0])[OPTIMISER] > 0
    assert not changed[:, -1].any()


def test_tracking_refuses_the_penalty():
    rule = make_rule("lsh", 0.5, tracking=True, family="sparse")
    network = create_network(SIZES, 1)
    with pytest.raises(UserError, match="alpha: 0"):
        SparseModel(network, create_optimiser(network, 0.1, 0.0, False, alpha=0.1), rule)
