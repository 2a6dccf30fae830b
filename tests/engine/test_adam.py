"""Adam of touched weights only: against its formula, PyTorch's SparseAdam, and across batches."""

import copy

import numpy as np
import pytest
from networks import KEY, draw_batch, make_model

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.optimiser import Optimiser, correct_rate, step_penalised, step_row

RATE, WIDTH, STEPS = 0.01, 48, 200


@compiled
def call_step(optimiser, weights, start, gradient, x, blocks):
    step_row(optimiser, weights, start, gradient, x, blocks)


@compiled
def call_penalised(optimiser, weights, start, gradient, x, blocks, bias):
    step_penalised(optimiser, weights, start, gradient, x, blocks, bias)


def draw_steps():
    """Gradients and sparse inputs of a row, some of which touch nothing."""
    generator = np.random.default_rng(5)
    for _ in range(STEPS):
        x = aligned_zeros(WIDTH)
        shown = generator.random(WIDTH) < generator.choice([0, 0.1, 0.6])
        x[shown] = generator.standard_normal(shown.sum())
        blocks = np.flatnonzero((x.reshape(-1, 16) != 0).any(axis=1)).astype(np.int32) * 16
        yield np.float32(generator.standard_normal() * 10.0 ** generator.integers(-4, 2)), x, blocks


def take_steps(alpha=0.0, bias=WIDTH):
    weights, squares, velocity = (aligned_zeros(WIDTH) for _ in range(3))
    weights[:] = np.linspace(-1, 1, WIDTH)
    for t, (gradient, x, blocks) in enumerate(draw_steps()):
        rate = correct_rate(np.float32(RATE), t, 0)
        optimiser = Optimiser(
            rate, np.float32(0), False, squares, velocity, np.float32(alpha), steps=t
        )
        if alpha:
            call_penalised(optimiser, weights, 0, gradient, x, blocks, bias)
        else:
            call_step(optimiser, weights, 0, gradient, x, blocks)
    return weights


def twin(alpha=0.0, bias=WIDTH):
    """torch.optim.SparseAdam's documented formula, in float64."""
    weights, mean, square = np.linspace(-1, 1, WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    for t, (gradient, x, _) in enumerate(draw_steps(), 1):
        at = np.flatnonzero(x)
        g = float(gradient) * x[at] + alpha * np.where(at == bias, 0, weights[at])
        mean[at] += (1 - 0.9) * (g - mean[at])
        square[at] += (1 - 0.999) * (g**2 - square[at])
        rate = RATE * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights[at] -= rate * mean[at] / (np.sqrt(square[at]) + 1e-8)
    return weights


def test_steps_are_those_of_the_formula():
    got, expected = take_steps(), twin()
    assert np.abs(expected - np.linspace(-1, 1, WIDTH)).mean() > 0.05, "too few steps to tell"
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4)


def test_steps_with_a_penalty():
    got, expected = take_steps(0.3, 7), twin(0.3, 7)
    assert np.abs(expected - twin()).max() > 0.05
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4)


def test_steps_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    weights = torch.nn.Parameter(torch.linspace(-1, 1, WIDTH))
    optimiser = torch.optim.SparseAdam([weights], lr=RATE)
    for gradient, x, _ in draw_steps():
        at = np.flatnonzero(x)
        values = torch.from_numpy(gradient * x[at])
        weights.grad = torch.sparse_coo_tensor(torch.from_numpy(at)[None], values, (WIDTH,))
        optimiser.step()
    np.testing.assert_allclose(take_steps(), weights.detach().numpy(), rtol=2e-4, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "more"), [("lsh", {"outputs": 0.5}), ("dropout", {})])
def test_training_goes_on_across_batches_and_copies(rule, more):
    sizes = [20, 24, 12]
    one, other = (make_model(rule, sizes, 0.5, adam=True, rate=0.003, **more) for _ in range(2))
    rows = draw_batch(150, 20, 12)
    one.train(rows, KEY)
    other.train(slice_batch(rows, 0, 70), KEY)
    other = copy.deepcopy(other)
    other.train(slice_batch(rows, 70, 150), KEY)
    for name, array in one.named_arrays().items():
        np.testing.assert_array_equal(array, other.named_arrays()[name], err_msg=name)
    assert one.optimiser.velocity.any()
    assert one.optimiser.squares.min() >= 0


def test_what_no_sample_touches_stands_still():
    model = make_model("standard", [16, 8, 4], adam=True)
    before = model.network.weights.copy()
    rows = draw_batch(40, 16, 4)
    rows.values[rows.ids == 3] = 0  # as no input
    model.train(rows, KEY)
    first = model.network.weights[: model.network.starts[1]].reshape(8, -1)
    np.testing.assert_array_equal(first[:, 3], before[: first.size].reshape(8, -1)[:, 3])
    assert not model.optimiser.velocity[: first.size].reshape(8, -1)[:, 3].any()
