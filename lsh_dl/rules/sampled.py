"""Sampled softmax (Jean, Cho, Memisevic, Bengio, ACL 2015): outputs drawn at random."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from lsh_dl.engine.batch import Batch
from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import RERANK
from lsh_dl.engine.network import Network
from lsh_dl.engine.prng import uniform
from lsh_dl.engine.simd import dot_rows
from lsh_dl.engine.threads import Team
from lsh_dl.rules.base import Rule, RuleSettings

#: Samples between two looks at how frequent labels are; the first comes after as many.
INTERVAL = 1_000
#: Draws for each node that is wanted, at most: of a few frequent labels most draws are repeated.
DRAWS = 4


class Scratch(NamedTuple):
    """What one thread writes while it draws."""

    stamps: np.ndarray  # int64 (nodes,): the last query that drew a node
    queries: np.ndarray  # int64 (1,)


class State(NamedTuple):
    """What `select` needs."""

    budgets: np.ndarray  # int64 (layers,)
    counts: np.ndarray  # int64 (nodes,): samples seen with each label, and 1
    cumulative: np.ndarray  # float64 (nodes,): chances of labels, added up
    offsets: np.ndarray  # float32 (nodes,): logarithms of the chances
    whole: bool  # all nodes
    by_frequency: bool
    corrected: bool
    scratch: Scratch


@compiled
def select(state, layer, x, key, training, chosen):
    """Draw nodes, each once; at test, and where all are wanted, take all of them."""
    width, stride = layer.weights.shape
    nodes, values = chosen.nodes, chosen.preactivations
    count = 0
    if state.whole or not training:
        for node in range(width):
            nodes[node] = node
        count = width
    else:
        stamps, budget = state.scratch.stamps, state.budgets[layer.index]
        state.scratch.queries[0] += 1
        query, draw = state.scratch.queries[0], 0
        while count < budget and draw < DRAWS * budget:
            # Two draws of 24 bits: rare labels are rarer than one can tell.
            number = np.float64(uniform(key, 2 * draw))
            number += np.float64(uniform(key, 2 * draw + 1)) / 16777216.0
            if state.by_frequency:
                node = np.searchsorted(state.cumulative, number)
            else:
                node = np.int64(number * width)
            node = min(node, width - 1)
            nodes[count] = node  # written either way, counted if new
            count += stamps[node] != query
            stamps[node] = query
            draw += 1
    dot_rows(layer.flat, layer.start, stride, nodes[:count], x.values, x.blocks, values)
    chosen.work[RERANK] += count * (x.ids.shape[0] - 1)
    if state.corrected and not training and not state.whole:
        for node in range(width):
            values[node] += state.offsets[node]
    return count


class Sampled(Rule):
    """All hidden nodes, and of the outputs a few drawn at random: what SLIDE is compared with.

    Training: beside the true labels, `outputs` times the classes are active, drawn by the uniform
    distribution or by how frequent labels were so far; softmax, loss and gradient are those over
    the active ones. Test: all outputs. Where labels are drawn by frequency, a frequent one is
    pushed down more often than its share of the full softmax, so that what is learned is the
    logarithm of its probability less that of its chance to be drawn (Jean et al., ACL 2015); at
    test that is added again, unless `corrected` is off.

    Sébastien Jean, Kyunghyun Cho, Roland Memisevic, Yoshua Bengio: On Using Very Large Target
    Vocabulary for Neural Machine Translation, ACL 2015.
    """

    class Settings(RuleSettings):
        """Settings of sampled softmax."""

        outputs: float | None = Field(
            None,
            gt=0,
            le=1,
            description="share of the output layer's nodes that is drawn for a training sample, "
            "beside the true labels; default: all outputs are computed",
        )
        drawn: Literal["uniform", "frequency"] = Field(
            "uniform", description="each label alike, or in proportion to the samples that had it"
        )
        corrected: bool = Field(
            True,
            description="drawn by frequency: add the logarithm of a label's chance at test; "
            "without it rare labels are ranked higher than their probability",
        )

    name = "sampled"
    title = "Sampled softmax"
    uses_active_fraction = False
    computes_preactivations = True
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """All labels alike, until some were seen."""
        nodes = int(network.sizes[1:-1].max())
        state = State(
            self.budgets(network),
            np.ones(nodes, np.int64),
            np.zeros(nodes),
            np.zeros(nodes, np.float32),
            whole=self.active_fraction == 1,
            by_frequency=self.settings.drawn == "frequency",
            corrected=self.settings.drawn == "frequency" and self.settings.corrected,
            scratch=_create_scratch(nodes),
        )
        _follow_counts(state)
        return state

    def state_bytes(self, sizes: Sequence[int]) -> int:
        """Counts, chances and their logarithms."""
        return 20 * max(sizes[1:-1])

    def for_thread(self, state: State) -> State:
        """Share all but what is written while drawing."""
        return state._replace(scratch=_create_scratch(len(state.counts)))

    def for_outputs(self) -> "Sampled | None":
        """The same rule, of a share of the outputs, where that is wanted."""
        if self.settings.outputs is None:
            return None
        settings = self.settings.model_copy(update={"outputs": None})
        return Sampled(settings, self.settings.outputs, self.seed)

    def refresh_interval(self, seen: int, network: Network) -> int | None:
        """Regular, where frequencies are followed."""
        if self.settings.drawn == "uniform" or self.active_fraction == 1:
            return None
        return INTERVAL - seen % INTERVAL

    def refresh(
        self, state: State, network: Network, recent: Batch, work: np.ndarray, team: Team
    ) -> None:
        """Count the labels of the samples trained on last."""
        np.add.at(state.counts, recent.labels, 1)
        _follow_counts(state)


def _create_scratch(nodes: int) -> Scratch:
    return Scratch(np.zeros(nodes, np.int64), np.zeros(1, np.int64))


def _follow_counts(state: State) -> None:
    chances = state.counts / state.counts.sum()
    np.cumsum(chances, out=state.cumulative)
    state.offsets[:] = np.log(chances)
