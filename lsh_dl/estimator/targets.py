"""Samples with weights, and with numbers to learn instead of classes."""

import numpy as np

from lsh_dl.engine.batch import NO_RESPONSES, NO_WEIGHTS, Batch
from lsh_dl.training.loader import Inputs


class Weighted:
    """Samples, each with the factor on its loss and, for a linear network, what it is to answer.

    Parameters
    ----------
    inputs
        The samples.
    weights
        (n,) above 0; None: all 1.
    responses
        float32 (n, outputs); None: the samples have classes.
    """

    def __init__(
        self, inputs: Inputs, weights: np.ndarray | None, responses: np.ndarray | None = None
    ):
        self.inputs, self.responses, self.chunk = inputs, responses, inputs.chunk
        self.weights = None if weights is None else weights.astype(np.float32)
        self.total_weight = len(inputs) if weights is None else float(weights.sum())

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, numbers: np.ndarray) -> Batch:
        """See `Inputs.batch`."""
        return self.inputs.batch(numbers)._replace(
            weights=NO_WEIGHTS if self.weights is None else self.weights[numbers],
            responses=NO_RESPONSES if self.responses is None else self.responses[numbers],
        )
