"""Winner-take-all (Makhzani & Frey, NIPS 2015)."""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import SELECT
from lsh_dl.engine.network import Network
from lsh_dl.engine.simd import dot_rows
from lsh_dl.engine.topk import keep_largest
from lsh_dl.rules.base import Rule


class State(NamedTuple):
    """What `select` needs."""

    budgets: np.ndarray  # int64 (hidden layers,)


@compiled
def select(state, layer, x, key, training, chosen):
    """Compute all pre-activations and keep the largest."""
    width, stride = layer.weights.shape
    for node in range(width):
        chosen.nodes[node] = node
    nodes, values = chosen.nodes, chosen.preactivations
    dot_rows(layer.flat, layer.start, stride, nodes, x.values, x.blocks, values)
    chosen.work[SELECT] += width * (x.ids.shape[0] - 1)
    return keep_largest(chosen.nodes, chosen.preactivations, width, state.budgets[layer.index])


class WinnerTakeAll(Rule):
    """Keep the k % of a layer's nodes with the largest pre-activations for this sample.

    The exact form of what LSH approximates; its cost of selecting is the dense forward pass.
    Training and test alike, as in Spring & Shrivastava's comparison (the k-sparse form; the
    winner-take-all auto-encoder itself keeps winners over a mini-batch and tests with all nodes).
    """

    name = "wta"
    title = "WTA"
    computes_preactivations = True
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """Build the state for `select`."""
        return State(self.budgets(network))

    def check_state(self, state: State, network: Network) -> None:
        """Budgets follow from the settings."""
        if not np.array_equal(state.budgets, self.budgets(network)):
            raise ValueError("budgets are not those of the active fraction")
