"""The standard network: every node is active."""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network
from lsh_dl.rules.base import Rule


class State(NamedTuple):
    """Nothing to remember."""

    unused: int


@compiled
def select(state, layer, x, key, training, chosen):
    """Choose all nodes."""
    width = layer.weights.shape[0]
    for node in range(width):
        chosen.nodes[node] = node
    return width


class Standard(Rule):
    """The dense network that all others are measured against; training and test alike."""

    name = "standard"
    title = "NN"
    uses_active_fraction = False
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """Build the state for `select`."""
        return State(np.int64(0))
