"""Vanilla dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 2014)."""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.keys import uniform
from lsh_dl.engine.network import Network
from lsh_dl.rules.base import Rule, RuleSettings


class State(NamedTuple):
    """What `select` needs."""

    keep: float
    scaled: bool


@compiled
def select(state, layer, x, key, training, chosen):
    """Keep each node with probability `keep`, jumping from one kept node to the next."""
    width = layer.weights.shape[0]
    if state.keep >= 1 or (state.scaled and not training):
        for node in range(width):
            chosen.nodes[node] = node
            chosen.gains[node] = state.keep
        return width
    # The gap between kept nodes is geometric: work in proportion to what is kept.
    scale = 1 / np.log1p(-state.keep)
    count = 0
    node = int(np.log1p(-uniform(key, 0)) * scale)
    while node < width:
        chosen.nodes[count] = node
        count += 1
        node += 1 + int(np.log1p(-uniform(key, count)) * scale)
    return count


class Dropout(Rule):
    """Keep every hidden node with the same probability, whatever the input.

    Training: each node of each sample is kept with probability p, the wanted active fraction.
    Test, as in the paper (section 4): all nodes, outgoing weights times p; the cost is that of the
    dense network. With `inference: sampled` the test draws nodes as the training does.
    """

    class Settings(RuleSettings):
        """Settings of vanilla dropout."""

        inference: Literal["scaled", "sampled"] = Field(
            "scaled", description="test with all nodes scaled by p, or with drawn nodes"
        )

    name = "dropout"
    title = "VD"
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """Build the state for `select`."""
        return State(np.float32(self.active_fraction), self.settings.inference == "scaled")
