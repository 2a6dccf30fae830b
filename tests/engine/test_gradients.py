"""Training steps against finite differences and against a plain NumPy network."""

from typing import NamedTuple

import numpy as np
import pytest
from networks import (
    KEY,
    activate,
    draw_batch,
    make_model,
    sample_inputs,
    softmax,
    true_weights,
    walk_layers,
    with_one,
)

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.network import layer_weights
from lsh_dl.engine.optimiser import EPSILON, Optimiser
from lsh_dl.rules.base import Rule

HIDDEN = [[9], [20, 7], [18, 17, 5]]


class NoState(NamedTuple):
    """Nothing."""


class EveryOther(Rule):
    """In plain NumPy: every other node, last first, each with a gain of its own."""

    name = "every-other"
    title = "Every other"

    def start(self, network):
        return NoState()

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        nodes = np.arange(layer.weights.shape[0])[::-2]
        chosen.nodes[: nodes.size] = nodes
        chosen.gains[: nodes.size] = 0.5 + nodes % 3
        return nodes.size


RULES = {
    "standard": ("standard", 1.0),
    "wta": ("wta", 0.5),
    "dropout": ("dropout", 0.6),
    "adaptive": ("adaptive", 0.6),
    "lsh": ("lsh", 0.5),
    "gains": (EveryOther, 1.0),
}


def logits_of(weights, x, answers):
    """Outputs before the softmax, through the chosen nodes only."""
    for layer, answer in zip(weights[:-1], answers, strict=True):
        x = activate(layer, x, answer)
    return weights[-1] @ with_one(x)


def loss_of(weights, x, answers, label):
    return -np.log(softmax(logits_of(weights, x, answers))[label])


def differentiate(weights, x, answers, label, step=1e-5):
    """Central differences of the loss by every weight."""
    gradients = [np.zeros_like(layer) for layer in weights]
    for layer, gradient in zip(weights, gradients, strict=True):
        for place in np.ndindex(layer.shape):
            kept = layer[place]
            layer[place] = kept + step
            above = loss_of(weights, x, answers, label)
            layer[place] = kept - step
            below = loss_of(weights, x, answers, label)
            layer[place] = kept
            gradient[place] = (above - below) / (2 * step)
    return gradients


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", [1, 2])
def test_one_step_of_sgd_is_the_gradient_of_the_loss(rule, hidden, seed):
    # A rate of 1 hides least in rounding; the gradient is that of the weights before the step.
    source, fraction = RULES[rule]
    model = make_model(source, [12, *hidden, 4], fraction, seed, rate=1.0)
    for index in range(len(hidden) + 1):  # biases start at 0: give them a part
        biases = layer_weights(model.network, index)[:, model.network.sizes[index]]
        biases[:] = np.random.default_rng(seed).normal(0.1, 0.1, biases.size)
    rows = draw_batch(1, 12, 4, seed)
    steps = list(walk_layers(model, rows, 0, KEY, training=True))
    assert all(step.values.any() for step in steps), "a dead layer tests nothing"
    before = true_weights(model.network)
    answers = [step.answer for step in steps]
    x, label = sample_inputs(rows, 0, 12), rows.labels[0]

    tally = model.train(rows, KEY)

    assert tally.loss[0] == pytest.approx(loss_of(before, x, answers, label), rel=1e-5)
    gradients = differentiate(before, x, answers, label)
    for old, new, gradient in zip(before, true_weights(model.network), gradients, strict=True):
        largest = np.abs(gradient).max()
        assert largest > 1e-4
        np.testing.assert_allclose(old - new, gradient, rtol=1e-4, atol=1e-6 + 1e-5 * largest)


class PlainNetwork:
    """A dense network trained sample by sample in NumPy, with lazy optimiser state.

    A weight is left alone, with its history and velocity, where its input is 0 or its node's
    ReLU is closed.
    """

    def __init__(self, weights: list[np.ndarray], optimiser: Optimiser):
        self.weights = weights
        self.optimiser = optimiser
        start = 0 if optimiser.adam else EPSILON
        self.squares = [np.full_like(w, start) for w in weights]
        self.steps = 0
        self.velocity = [np.zeros_like(w) for w in weights]

    def train(self, x: np.ndarray, label: int) -> float:
        """One step; returns the loss before it."""
        inputs = [with_one(x)]
        for weights in self.weights[:-1]:
            inputs.append(with_one(np.maximum(weights @ inputs[-1], 0)))
        probabilities = softmax(self.weights[-1] @ inputs[-1])
        gradient = probabilities - np.eye(probabilities.size)[label]
        is_open = np.ones(probabilities.size, bool)
        for index in reversed(range(len(self.weights))):
            onward = (gradient @ self.weights[index])[:-1]
            self._step(index, np.outer(gradient, inputs[index]), np.outer(is_open, inputs[index]))
            is_open = inputs[index][:-1] > 0
            gradient = onward * is_open
        return -np.log(probabilities[label])

    def _step(self, index: int, gradient: np.ndarray, reach: np.ndarray) -> None:
        touched, optimiser = reach != 0, self.optimiser
        step = optimiser.learning_rate * gradient
        if optimiser.adam:
            step = self._follow_adam(index, gradient, touched)
        if optimiser.adagrad:
            self.squares[index] += gradient**2
            step /= np.sqrt(self.squares[index])
        if optimiser.momentum:
            velocity = self.velocity[index]
            velocity[touched] = optimiser.momentum * velocity[touched] + step[touched]
            step = velocity
        self.weights[index][touched] -= step[touched]

    def _follow_adam(self, index: int, gradient: np.ndarray, touched: np.ndarray) -> np.ndarray:
        """The step of PyTorch's `SparseAdam`: its means stand still where nothing is touched.

        Its formula (torch.optim.SparseAdam): m += (1 - b1)(g - m), v += (1 - b2)(g^2 - v), the step
        lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps).
        """
        mean, square = self.velocity[index], self.squares[index]
        t = self.steps + 1
        self.steps = t if index == 0 else self.steps  # the first layer comes last
        mean[touched] += 0.1 * (gradient - mean)[touched]
        square[touched] += 0.001 * (gradient**2 - square)[touched]
        rate = self.optimiser.learning_rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return rate * mean / (np.sqrt(square) + 1e-8)


OPTIMISERS = {
    "sgd": {"rate": 0.05},
    "momentum": {"rate": 0.05, "momentum": 0.9},
    "adagrad": {"rate": 0.01, "adagrad": True},
    "adagrad, momentum": {"rate": 0.01, "adagrad": True, "momentum": 0.9},
    "adam": {"rate": 0.01, "adam": True},
}


@pytest.mark.parametrize("rule", ["standard", "wta", "dropout"])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("hidden", [[33], [20, 16]], ids=str)
def test_all_nodes_active_is_the_plain_dense_network(rule, optimiser, hidden):
    model = make_model(rule, [19, *hidden, 5], 1.0, **OPTIMISERS[optimiser])
    plain = PlainNetwork(true_weights(model.network), model.optimiser)
    start = true_weights(model.network)
    rows = draw_batch(60, 19, 5, density=0.3)

    losses = [plain.train(sample_inputs(rows, s, 19), rows.labels[s]) for s in range(60)]
    tally = model.train(rows, KEY)

    assert tally.loss[0] == pytest.approx(sum(losses), rel=1e-4)
    for old, trained, expected in zip(
        start, true_weights(model.network), plain.weights, strict=True
    ):
        assert np.abs(expected - old).max() > 0.02, "too little training to tell"
        np.testing.assert_allclose(trained, expected, rtol=1e-3, atol=1e-3)
    probabilities = model.predict(rows, KEY)[0]
    for s in range(60):
        x = sample_inputs(rows, s, 19)
        for weights in plain.weights[:-1]:
            x = np.maximum(weights @ with_one(x), 0)
        expected = softmax(plain.weights[-1] @ with_one(x))
        np.testing.assert_allclose(probabilities[s], expected, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize("fraction", [0.25, 1.0])
@pytest.mark.parametrize("rule", ["standard", "wta", "dropout", "lsh"])
def test_padding_of_weight_rows_stays_zero(rule, fraction):
    model = make_model(rule, [5, 9, 20, 3], fraction, rate=0.1, momentum=0.9, adagrad=True)
    model.train(draw_batch(250, 5, 3), KEY)
    rows = model.network.weights[model.network.starts[-2] :].reshape(21, 16)  # of the output layer
    paddings = [
        layer_weights(model.network, index)[:, inputs + 1 :] for index, inputs in enumerate((5, 9))
    ]
    for padding in (*paddings, rows[:, 3:]):
        assert padding.size
        assert not padding.any()


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize(("rule", "fraction"), [("standard", 1.0), ("wta", 0.3)])
def test_order_of_a_layers_nodes_does_not_matter(rule, fraction, layer):
    sizes = [15, 24, 18, 4]
    arguments = {"rate": 0.02, "momentum": 0.5, "adagrad": True}
    model = make_model(rule, sizes, fraction, **arguments)
    other = make_model(rule, sizes, fraction, **arguments)
    order = np.random.default_rng(3).permutation(sizes[layer + 1])

    def permute(network):
        """The weights of `network` with the layer's nodes in another order."""
        weights = true_weights(network)
        weights[layer] = weights[layer][order]
        inward = weights[layer + 1]
        inward[:, :-1] = inward[:, :-1][:, order]
        return weights

    for index, weights in enumerate(permute(model.network)):
        layer_weights(other.network, index)[:, : weights.shape[1]] = weights
    rows = draw_batch(40, 15, 4)
    for part in (slice_batch(rows, 0, 20), slice_batch(rows, 20, 40)):
        first, second = model.train(part, KEY), other.train(part, KEY)
        np.testing.assert_array_equal(first.work, second.work)
        assert first.loss[0] == pytest.approx(second.loss[0], rel=1e-4)
    for expected, got in zip(permute(model.network), true_weights(other.network), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        other.predict(rows, KEY)[0], model.predict(rows, KEY)[0], rtol=1e-3, atol=1e-4
    )
