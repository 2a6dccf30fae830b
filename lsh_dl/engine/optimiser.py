"""SGD with optional Adagrad, momentum and L2 penalty, or Adam, of the touched weights only.

Adam (Kingma, Ba, ICLR 2015) is the lazy one of PyTorch's `SparseAdam`: means of weights that a
sample does not touch stand still, while the correction of their start follows all samples. A sample
is a step.
"""

from typing import Literal, NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network, aligned_zeros
from lsh_dl.engine.simd import (
    ADAM_MEAN,
    ADAM_SQUARE,
    penalised_adagrad,
    penalised_adagrad_momentum,
    penalised_adam,
    penalised_momentum,
    penalised_sgd,
    prefetch_blocks,
    step_adagrad,
    step_adagrad_momentum,
    step_adam,
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
    squares: np.ndarray  # float32, as Network.weights: sums (Adam: means) of squared gradients
    velocity: np.ndarray  # float32, as Network.weights: momentum's, or Adam's mean gradients
    alpha: float  # L2 penalty: alpha / 2 times the square of a touched weight; 0: off
    # Adam: samples before this batch's first; None: no Adam, and no trace of it when compiled.
    steps: int | None = None
    penalised_from: int = 0  # first level, counted from 0, whose weights have the penalty

    @property
    def adam(self) -> bool:
        """Whether it is Adam."""
        return self.steps is not None


class OptimiserSettings(NamedTuple):
    """What `create_optimiser` is given: as in a config's `training`."""

    learning_rate: float
    momentum: float
    adagrad: bool
    alpha: float = 0.0
    adam: bool = False
    penalised: Literal["all", "outputs"] = "all"


def settings_of(optimiser: Optimiser) -> OptimiserSettings:
    """What an optimiser was created with."""
    penalised = "outputs" if optimiser.penalised_from else "all"
    return OptimiserSettings(
        float(optimiser.learning_rate),
        float(optimiser.momentum),
        optimiser.adagrad,
        float(optimiser.alpha),
        optimiser.adam,
        penalised,
    )


def create_optimiser(
    network: Network,
    learning_rate: float,
    momentum: float,
    adagrad: bool,
    alpha: float = 0.0,
    adam: bool = False,
    penalised: Literal["all", "outputs"] = "all",
) -> Optimiser:
    """Start with empty histories.

    Adam takes the place of Adagrad and momentum; `penalised` are the layers that `alpha` is for.
    """
    count = network.weights.size
    if adam:
        adagrad, momentum = False, 0.0
    squares = aligned_zeros(count if adagrad or adam else 0)
    squares[:] = 0 if adam else EPSILON
    return Optimiser(
        np.float32(learning_rate),
        np.float32(momentum),
        bool(adagrad),
        squares,
        aligned_zeros(count if momentum or adam else 0),
        np.float32(alpha),
        0 if adam else None,
        0 if penalised == "all" else len(network.strides) - 1,
    )


@compiled
def is_penalised(optimiser, level):
    """Whether the weights that lead from `level` to the next one have a penalty."""
    return optimiser.alpha > 0 and level >= optimiser.penalised_from


@compiled
def operations_per_weight(optimiser, level):
    """Multiplications, divisions and roots per touched weight beside the gradient itself."""
    # Adagrad: square, root, division; each form: the learning rate; momentum: the decay; penalty:
    # alpha times the weight. Adam: mean, square and its mean, root, division.
    own = 3 * optimiser.adagrad + (optimiser.momentum > 0) + 5 * is_adam(optimiser.steps)
    return 1 + own + is_penalised(optimiser, level)


@compiled
def is_adam(steps):
    """Whether `Optimiser.steps` are Adam's; known to the compiler."""
    return steps is not None


@compiled
def correct_rate(learning_rate, steps, s):
    """The learning rate of sample `s` of a batch: Adam's means start at 0, which this makes up for.

    float32: learning_rate sqrt(1 - ADAM_SQUARE^t) / (1 - ADAM_MEAN^t) in step t; others' as it is.
    """
    if steps is None:
        return learning_rate
    t = np.float64(steps + s + 1)
    return np.float32(learning_rate * np.sqrt(1 - ADAM_SQUARE**t) / (1 - ADAM_MEAN**t))


@compiled
def step_row(optimiser, weights, start, gradient, v, b):
    """Update the weight row at `start` along gradient * v, over v's blocks b; without penalty."""
    squares, velocity = optimiser.squares, optimiser.velocity
    learning_rate, momentum = optimiser.learning_rate, optimiser.momentum
    if is_adam(optimiser.steps):
        step_adam(weights, squares, velocity, start, gradient, v, b, learning_rate, momentum)
    elif optimiser.adagrad:
        if momentum > 0:
            step_adagrad_momentum(
                weights, squares, velocity, start, gradient, v, b, learning_rate, momentum
            )
        else:
            step_adagrad(weights, squares, velocity, start, gradient, v, b, learning_rate, momentum)
    elif momentum > 0:
        step_momentum(weights, squares, velocity, start, gradient, v, b, learning_rate, momentum)
    else:
        step_sgd(weights, squares, velocity, start, gradient, v, b, learning_rate, momentum)


@compiled
def prefetch_row(optimiser, weights, start, b):
    """Ask for what `step_row` will need of the row at `start`, over the blocks b."""
    prefetch_blocks(weights, start, b)
    if optimiser.adagrad or is_adam(optimiser.steps):
        prefetch_blocks(optimiser.squares, start, b)
    if optimiser.momentum > 0 or is_adam(optimiser.steps):
        prefetch_blocks(optimiser.velocity, start, b)


@compiled
def step_penalised(optimiser, weights, start, gradient, v, b, bias):
    """`step_row` with the L2 penalty, but for the weight at place `bias` of the row; -1: none."""
    h, u = optimiser.squares, optimiser.velocity
    learning_rate, momentum, alpha = optimiser.learning_rate, optimiser.momentum, optimiser.alpha
    if is_adam(optimiser.steps):
        penalised_adam(weights, h, u, start, gradient, v, b, learning_rate, momentum, alpha, bias)
    elif optimiser.adagrad:
        if momentum > 0:
            penalised_adagrad_momentum(
                weights, h, u, start, gradient, v, b, learning_rate, momentum, alpha, bias
            )
        else:
            penalised_adagrad(
                weights, h, u, start, gradient, v, b, learning_rate, momentum, alpha, bias
            )
    elif momentum > 0:
        penalised_momentum(
            weights, h, u, start, gradient, v, b, learning_rate, momentum, alpha, bias
        )
    else:
        penalised_sgd(weights, h, u, start, gradient, v, b, learning_rate, momentum, alpha, bias)
