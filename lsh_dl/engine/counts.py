"""What is counted, and the textbook dense network that it is compared with.

A multiplication is counted in the stage that executes it; one with an input that is exactly zero
is skipped by the algorithm and not counted (that the machine works on blocks of 16 numbers, some
of them zero, is not work of the algorithm). Biases are added, not multiplied.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

SELECT, RERANK, FORWARD, BACKWARD, UPDATE, MAINTAIN, OPTIMISER = range(7)

#: Names of the stages of a sample's work, in the order of the constants above. `optimiser` (the
#: square, root, division and velocity of each touched weight) is kept apart from the others.
STAGES = ("select", "rerank", "forward", "backward", "update", "maintain", "optimiser")


class DenseWork(NamedTuple):
    """Multiplications of the textbook dense network per sample."""

    training: int
    inference: int


def dense_work(sizes: Sequence[int]) -> DenseWork:
    """Count the textbook network with layers of `sizes` nodes, input and output included.

    Training: every weight once forward, every weight once for its gradient, every weight but the
    first layer's once for back-propagation. Inference: every weight once.
    """
    weights = [a * b for a, b in pairwise(sizes)]
    return DenseWork(training=3 * sum(weights) - weights[0], inference=sum(weights))
