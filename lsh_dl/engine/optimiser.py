"""SGD with optional Adagrad and momentum, applied to the touched weights only."""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network, aligned_zeros
from lsh_dl.engine.simd import (
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
    zero; history and velocity of all others stand still ("lazy" momentum).
    """

    learning_rate: float
    momentum: float  # 0: off
    adagrad: bool
    squares: np.ndarray  # float32, as Network.weights: sums of squared gradients (Adagrad)
    velocity: np.ndarray  # float32, as Network.weights (momentum)


def create_optimiser(
    network: Network, learning_rate: float, momentum: float, adagrad: bool
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
    )


def operations_per_weight(optimiser: Optimiser) -> int:
    """Multiplications, divisions and roots per touched weight beside the gradient itself."""
    # Adagrad: square, root, division; each form: the learning rate; momentum: the decay.
    return 1 + 3 * optimiser.adagrad + (optimiser.momentum > 0)


@compiled
def step_row(optimiser, weights, start, gradient, v, b):
    """Update the weight row at `start` along gradient * v, over v's blocks b."""
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
