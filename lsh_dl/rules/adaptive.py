"""Adaptive dropout, also called standout (Ba & Frey, NIPS 2013)."""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import SELECT
from lsh_dl.engine.network import Network
from lsh_dl.engine.prng import uniform
from lsh_dl.engine.simd import dot_blocks
from lsh_dl.rules.base import Rule, RuleSettings

#: Step of beta per sample, in logits per share of nodes: settles within some hundred samples.
ADAPTATION = 0.1


class State(NamedTuple):
    """What `select` needs; `beta` moves while training."""

    alpha: float
    target: float
    expected: bool
    beta: np.ndarray  # float32 (hidden layers,)


@compiled
def select(state, layer, x, key, training, chosen):
    """Compute all pre-activations a; keep node j with probability sigmoid(alpha a_j + beta)."""
    width, stride = layer.weights.shape
    beta = state.beta[layer.index]
    expected = state.expected and not training
    count = 0
    for node in range(width):
        a = dot_blocks(layer.flat, layer.start + node * stride, x.values, x.blocks)
        keep = 1 / (1 + np.exp(-(state.alpha * a + beta)))
        if expected or uniform(key, node) < keep:
            chosen.nodes[count] = node
            chosen.preactivations[count] = a
            if expected:
                chosen.gains[count] = keep
            count += 1
    if training:
        state.beta[layer.index] += ADAPTATION * (state.target - count / width)
    chosen.work[SELECT] += width * (x.ids.shape[0] - 1)
    return count


class Adaptive(Rule):
    """Keep a node with a probability that rises with its pre-activation.

    Training: node j is kept with probability sigmoid(alpha a_j + beta), tied weights (section 3
    of the paper). beta is solved for the wanted active fraction, per layer: it starts at the
    fraction's logit and follows the measured share by stochastic approximation, since
    pre-activations drift as the network learns. The dense forward pass is the cost of selecting.
    Test, as in the paper: every node, its activation times its probability (the expectation).
    With `inference: sampled` the test draws nodes as the training does.
    """

    class Settings(RuleSettings):
        """Settings of adaptive dropout."""

        alpha: float = Field(1.0, ge=0, description="slope of the keep probability")
        inference: Literal["expected", "sampled"] = Field(
            "expected", description="test with all nodes times their probability, or drawn nodes"
        )

    name = "adaptive"
    title = "AD"
    computes_preactivations = True
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """Build the state for `select`."""
        target = min(self.active_fraction, 1 - 1e-6)
        hidden = len(network.strides) - 1
        return State(
            np.float32(self.settings.alpha),
            np.float32(target),
            self.settings.inference == "expected",
            np.full(hidden, np.log(target / (1 - target)), np.float32),
        )
