"""SGD with optional Adagrad, momentum and L2 penalty, applied to the touched weights only."""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network, aligned_zeros
from lsh_dl.engine.simd import (
    penalised_adagrad,
    penalised_adagrad_momentum,
    penalised_momentum,
    penalised_sgd,
    prefetch_blocks,
    step_adagrad,
    step_adagrad_momentum,
    step_momentum,
    step_sgd,
)

#: Where Adagrad's sums start: keeps the step of a weight finite whose gradients were all zero.
EPSILON = 1e-12


class Optimiser(NamedTuple):
    """Settings and per-weight state; an array that is not needed has length 0.

    A weight is touched when its node is active with a non-zero gradient and its input is not
    zero; history and velocity of all others stand still ("lazy" momentum). So does the penalty:
    `alpha` times the weight is added to the gradient of touched weights, biases excepted.
    """

    learning_rate: float
    momentum: float  # 0: off
    adagrad: bool
    squares: np.ndarray  # float32, as Network.weights: sums of squared gradients (Adagrad)
    velocity: np.ndarray  # float32, as Network.weights (momentum)
    alpha: float  # L2 penalty: alpha / 2 times the square of a touched weight; 0: off


def create_optimiser(
    network: Network, learning_rate: float, momentum: float, adagrad: bool, alpha: float = 0.0
) -> Optimiser:
    """Start with empty histories."""
    count = network.weights.size
    squares = aligned_zeros(count if adagrad else 0)
    squares[:] = EPSILON
    return Optimiser(
        np.float32(learning_rate),
        np.float32(momentum),
        bool(adagrad),
        squares,
        aligned_zeros(count if momentum else 0),
        np.float32(alpha),
    )


def operations_per_weight(optimiser: Optimiser) -> int:
    """Multiplications, divisions and roots per touched weight beside the gradient itself."""
    # Adagrad: square, root, division; each form: the learning rate; momentum: the decay; penalty:
    # alpha times the weight.
    return 1 + 3 * optimiser.adagrad + (optimiser.momentum > 0) + (optimiser.alpha > 0)


@compiled
def step_row(optimiser, weights, start, gradient, v, b):
    """Update the weight row at `start` along gradient * v, over v's blocks b; without penalty."""
    squares, velocity = optimiser.squares, optimiser.velocity
    rate, decay = optimiser.learning_rate, optimiser.momentum
    if optimiser.adagrad:
        if decay > 0:
            step_adagrad_momentum(weights, squares, velocity, start, gradient, v, b, rate, decay)
        else:
            step_adagrad(weights, squares, velocity, start, gradient, v, b, rate, decay)
    elif decay > 0:
        step_momentum(weights, squares, velocity, start, gradient, v, b, rate, decay)
    else:
        step_sgd(weights, squares, velocity, start, gradient, v, b, rate, decay)


@compiled
def prefetch_row(optimiser, weights, start, b):
    """Ask for what `step_row` will need of the row at `start`, over the blocks b."""
    prefetch_blocks(weights, start, b)
    if optimiser.adagrad:
        prefetch_blocks(optimiser.squares, start, b)
    if optimiser.momentum > 0:
        prefetch_blocks(optimiser.velocity, start, b)


@compiled
def step_penalised(optimiser, weights, start, gradient, v, b, bias):
    """`step_row` with the L2 penalty, but for the weight at place `bias` of the row; -1: none."""
    h, u = optimiser.squares, optimiser.velocity
    rate, decay, alpha = optimiser.learning_rate, optimiser.momentum, optimiser.alpha
    if optimiser.adagrad:
        if decay > 0:
            penalised_adagrad_momentum(
                weights, h, u, start, gradient, v, b, rate, decay, alpha, bias
            )
        else:
            penalised_adagrad(weights, h, u, start, gradient, v, b, rate, decay, alpha, bias)
    elif decay > 0:
        penalised_momentum(weights, h, u, start, gradient, v, b, rate, decay, alpha, bias)
    else:
        penalised_sgd(weights, h, u, start, gradient, v, b, rate, decay, alpha, bias)
