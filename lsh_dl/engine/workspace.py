"""The scratch arrays of one thread and the sums it keeps, in cache lines of their own."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lsh_dl.engine.counts import STAGES
from lsh_dl.engine.network import Network, aligned_zeros, padded, row_length
from lsh_dl.engine.simd import LANES


class Workspace(NamedTuple):
    """Room for one sample. Level 0 is the input, level l the output of hidden layer l - 1.

    A network whose outputs are selected has a level for them, of which only `ids`, `gradients`,
    `slopes` and `counts` are used.

    Between samples `values`, `gradients` and `marks` are all 0 and `gains` all 1.
    """

    values: np.ndarray  # float32 (levels, longest row): each level's dense vector
    gradients: np.ndarray  # float32 (levels, longest row): loss by each level's values
    ids: np.ndarray  # int32 (levels, longest row): non-zeros, the bias's last
    activations: np.ndarray  # float32 (longest row,): values of the level being computed
    slopes: np.ndarray  # float32 (levels, longest row): gain of each entry of `ids`
    counts: np.ndarray  # int64 (levels,): entries of `ids`
    blocks: np.ndarray  # int32 (levels, longest row / 16 + 1): touched, one spare
    block_counts: np.ndarray  # int64 (levels,)
    marks: np.ndarray  # uint8 (longest row / 16,)
    nodes: np.ndarray  # int32 (longest row,): see Selection
    preactivations: np.ndarray  # float32 (longest row,)
    gains: np.ndarray  # float32 (longest row,)
    steps: np.ndarray  # float32 (longest row,): of plain SGD along a layer's input, by node
    outputs: np.ndarray  # float32 (classes, padded): probabilities; in training less the targets
    class_blocks: np.ndarray  # int32: the blocks of `outputs`


class Tally(NamedTuple):
    """Sums over samples."""

    work: np.ndarray  # int64 (stages,): multiplications
    active: np.ndarray  # int64 (1,): active hidden nodes
    outputs: np.ndarray  # int64 (1,): outputs that were computed
    correct: np.ndarray  # int64 (1,): samples whose largest output is a label's
    loss: np.ndarray  # float64 (1,): cross-entropy, nats


def create_workspace(network: Network) -> Workspace:
    """Allocate the scratch arrays for one thread."""
    levels = len(network.strides) + network.sampled
    longest = row_length(int(network.sizes.max()))  # as input of a layer or as its nodes
    classes = padded(int(network.sizes[-1]))
    gains = aligned_zeros(longest)
    gains[:] = 1
    return Workspace(
        values=aligned_zeros(levels, longest),
        gradients=aligned_zeros(levels, longest),
        ids=aligned_zeros(levels, longest, dtype=np.int32),
        activations=aligned_zeros(longest),
        slopes=aligned_zeros(levels, longest),
        counts=aligned_zeros(levels, dtype=np.int64),
        blocks=aligned_zeros(levels, longest // LANES + 1, dtype=np.int32),
        block_counts=aligned_zeros(levels, dtype=np.int64),
        marks=aligned_zeros(longest // LANES, dtype=np.uint8),
        nodes=aligned_zeros(longest, dtype=np.int32),
        preactivations=aligned_zeros(longest),
        gains=gains,
        steps=aligned_zeros(longest),
        outputs=aligned_zeros(classes),
        class_blocks=np.arange(0, classes, LANES, dtype=np.int32),
    )


def create_tally() -> Tally:
    """Sums of nothing yet."""
    return Tally(
        aligned_zeros(len(STAGES), dtype=np.int64),
        *(aligned_zeros(1, dtype=np.int64) for _ in range(3)),
        aligned_zeros(1, dtype=np.float64),
    )


def sum_tallies(tallies: Sequence[Tally]) -> Tally:
    """The sums of all threads."""
    total = create_tally()
    for tally in tallies:
        add_tally(total, tally)
    return total


def add_tally(total: Tally, part: Tally) -> None:
    """Add the sums of `part` to `total`, in place."""
    for sums, more in zip(total, part, strict=True):
        sums += more
