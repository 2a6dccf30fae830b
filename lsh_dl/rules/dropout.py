"""Vanilla dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 2014)."""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import Network
from lsh_dl.engine.prng import uniform
from lsh_dl.rules.base import Rule, RuleSettings

#: Smaller shares keep as little, but are 0 in float32 sooner or later.
SMALLEST = 1e-30


class State(NamedTuple):
    """What `select` needs."""

    keep: float
    scaled: bool


@compiled
def draw_gap(key, number, scale, width):
    """Draw how many nodes are dropped before the next kept one; `width` stands for any more."""
    return int(min(np.log1p(-uniform(key, number)) * scale, np.float32(width)))


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
    node = draw_gap(key, 0, scale, width)
    while node < width:
        chosen.nodes[count] = node
        count += 1
        node += 1 + draw_gap(key, count, scale, width)
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
        keep = np.float32(max(self.active_fraction, SMALLEST))
        return State(keep, self.settings.inference == "scaled")
