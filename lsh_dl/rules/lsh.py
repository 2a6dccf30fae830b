"""Randomized hashing (Spring & Shrivastava, KDD 2017): the nodes that collide with the input."""

from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from threadpoolctl import ThreadpoolController

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.keys import uniform
from lsh_dl.engine.loop import Rows
from lsh_dl.engine.network import Network, aligned_zeros, layer_weights, view_layer
from lsh_dl.engine.ranking import keep_largest
from lsh_dl.engine.simd import dot_blocks
from lsh_dl.engine.threads import Team
from lsh_dl.engine.work import MAINTAIN, RERANK, SELECT
from lsh_dl.hashing.probing import Probes, code_of, create_probes, probe_code, start_probing
from lsh_dl.hashing.projections import (
    Projections,
    balance_mixtures,
    centre_projections,
    create_projections,
    estimate_inner_product,
    fit_directions,
    project_node,
    project_query,
)
from lsh_dl.hashing.tables import Tables, create_tables, place_node
from lsh_dl.rules.base import Rule, RuleSettings

#: Products this small only lose by more threads, and threads would change their last bits.
BLAS = ThreadpoolController()

#: Samples before the first refresh, which fits the projections to the inputs seen until then.
FIRST_REFRESH = 100
#: Recent inputs of a layer that projections are fitted to.
REMEMBERED = 256

PRESETS: dict[str, dict[str, Any]] = {
    # The best found here on validation data.
    "default": {},
    # As reported of the paper; K = 6, L = 5.
    "paper": {
        "family": "gaussian",
        "K": 6,
        "L": 5,
        "centred": False,
        "balanced": False,
        "candidates": 2.0,
        "shortlist": 2.0,
    },
    # As in the authors' released code, without its errors.
    "authors-code": {
        "family": "pooled",
        "K": 6,
        "L": 100,
        "directions": 8,
        "centred": False,
        "balanced": False,
        "probing": False,
        "ranking": "count",
        "candidates": 1e6,
    },
}


class Upkeep(NamedTuple):
    """What was done to keep tables and projections up to date."""

    refreshes: np.ndarray  # int64 (1,)
    unreported: np.ndarray  # int64 (1,): multiplications done since they were last reported


class Scratch(NamedTuple):
    """What one thread needs for a query."""

    probes: Probes
    features: np.ndarray  # float32 (padded features,): the query's
    stamps: np.ndarray  # int64 (nodes,): the last query that met the node
    collisions: np.ndarray  # int32 (nodes,): how often it met it
    queries: np.ndarray  # int64 (1,)


class State(NamedTuple):
    """What `select` needs; the first index of stacked arrays is the hidden layer."""

    budgets: np.ndarray  # int64 (layers,): active nodes
    gathered: np.ndarray  # int64 (layers,): candidates taken from the tables
    shortlisted: np.ndarray  # int64 (layers,): candidates whose inner product is computed
    projections: Projections
    tables: Tables  # stacked
    permutations: np.ndarray  # int32 (layers, nodes): what an entry of the tables stands for
    touched: np.ndarray  # uint8 (layers, nodes): trained since they were hashed
    remembered: np.ndarray  # float32 (layers, REMEMBERED, longest row): recent inputs, bias's 1
    upkeep: Upkeep
    scratch: Scratch
    probing: bool
    by_count: bool
    by_product: bool


@compiled
def tables_of(state, index):
    """One layer's tables."""
    stacked = state.tables
    return Tables(
        stacked.heads[index],
        stacked.following[index],
        stacked.preceding[index],
        stacked.codes[index],
    )


@compiled
def visit_bucket(tables, table, code, state, stand_for, nodes, count, limit):
    """Append a bucket's new nodes to the candidates, up to the limit."""
    stamps = state.scratch.stamps
    query = state.scratch.queries[0]
    following = tables.following[table]
    entry = tables.heads[table, code]
    while entry >= 0 and count < limit:
        node = stand_for[entry]
        # Written either way, counted if new: a branch would be mispredicted half the time.
        nodes[count] = node
        count += stamps[node] != query
        stamps[node] = query
        entry = following[entry]
    return count


@compiled
def count_bucket(tables, table, code, state, stand_for, nodes, count):
    """Append all of a bucket's new nodes to the candidates, and count every node's collisions."""
    stamps, collisions = state.scratch.stamps, state.scratch.collisions
    query = state.scratch.queries[0]
    following = tables.following[table]
    entry = tables.heads[table, code]
    while entry >= 0:
        node = stand_for[entry]
        if stamps[node] != query:
            stamps[node] = query
            collisions[node] = 0
            nodes[count] = node
            count += 1
        collisions[node] += 1
        entry = following[entry]
    return count


@compiled
def gather_candidates(state, index, nodes, limit):
    """Distinct nodes from the query's buckets, then from the next likely ones.

    Where collisions are counted, whole rounds over all tables are, so that each table has its say.
    """
    tables, probes = tables_of(state, index), state.scratch.probes
    stand_for = state.permutations[index]
    state.scratch.queries[0] += 1
    start_probing(probes)
    count = 0
    for probe in range(probes.order.shape[0] if state.probing else 1):
        for table in range(probes.codes.shape[0]):
            code = probe_code(probes, table, probe)
            if state.by_count:
                count = count_bucket(tables, table, code, state, stand_for, nodes, count)
            else:
                count = visit_bucket(tables, table, code, state, stand_for, nodes, count, limit)
        if count >= limit:
            break
    return count


@compiled
def select(state, layer, x, key, training, chosen):
    """Hash the input, gather candidates from the tables, keep the best of them."""
    index, stride = layer.index, layer.weights.shape[1]
    nodes, values = chosen.nodes, chosen.preactivations
    projections, scratch = state.projections, state.scratch
    budget = state.budgets[index]
    query = scratch.features
    chosen.work[SELECT] += project_query(projections, index, x, query, scratch.probes.scores)
    if training:
        # A random place: threads need no common counter, and rarely meet.
        slot = np.int64(uniform(key, 0) * REMEMBERED)
        state.remembered[index, slot, :stride] = x.values[:stride]
    count = gather_candidates(state, index, nodes, state.gathered[index])
    if state.by_count:
        for p in range(count):
            values[p] = scratch.collisions[nodes[p]]
        count = keep_largest(nodes, values, count, budget)
    elif state.by_product and count > state.shortlisted[index]:
        for p in range(count):
            values[p] = estimate_inner_product(projections, index, nodes[p], query)
        chosen.work[RERANK] += count * (projections.centres.shape[1] + 1)
        count = keep_largest(nodes, values, count, state.shortlisted[index])
    for p in range(count):
        start = layer.start + nodes[p] * stride
        values[p] = dot_blocks(layer.flat, start, x.values, x.blocks)
    chosen.work[RERANK] += count * (x.ids.shape[0] - 1)
    count = keep_largest(nodes, values, count, budget)
    if training:
        touched = state.touched[index]
        for p in range(count):
            if touched[nodes[p]] == 0:  # a write would take the cache line from other threads
                touched[nodes[p]] = 1
    return count


@compiled
def hash_nodes(state, network, part, parts, codes):
    """Hash one of `parts` ranges of every layer's touched nodes again.

    Writes int32 (layers, nodes, L) codes; returns the multiplications done.
    """
    projections = state.projections
    tables, bits = state.scratch.probes.flips.shape
    scores = np.zeros(tables * bits, np.float32)
    work = 0
    for index in range(state.budgets.shape[0]):
        weights = view_layer(network, index).weights
        nodes, stride = weights.shape
        blocks = projections.row_blocks[: stride // 16]
        for node in range(nodes * part // parts, nodes * (part + 1) // parts):
            if state.touched[index, node] == 0:
                continue
            work += project_node(projections, index, node, weights[node], blocks, scores)
            for table in range(tables):
                codes[index, node, table] = code_of(scores, table, bits)
    return work


@compiled
def move_nodes(state, network, part, parts, codes):
    """Move every layer's touched nodes between the buckets of one of `parts` ranges of tables."""
    count = codes.shape[2]
    for index in range(codes.shape[0]):
        tables = tables_of(state, index)
        for table in range(count * part // parts, count * (part + 1) // parts):
            for node in range(network.sizes[index + 1]):
                if state.touched[index, node] != 0:
                    place_node(tables, table, node, codes[index, node, table])


class LSH(Rule):
    """Retrieve active nodes from hash tables of the weight vectors; training and test alike.

    Per layer and sample (paper, algorithm 1): the input is hashed to one bucket in each of L
    tables of 2^K buckets, the nodes in them are candidates, further buckets follow in the order
    of the hash bits' margins (multi-probe) until there are `candidates` times the wanted active
    nodes, and the best are kept. Ranking: `product` computes the candidates' inner products,
    after a cheap estimate from the hash's own features has narrowed them to `shortlist` times the
    wanted; `count` keeps those met in most tables; `none` keeps the first met. Where fewer
    candidates are found than nodes wanted, the active set is that much smaller.

    Every some hundred samples, at growing distances, the nodes trained since are hashed again and
    moved between buckets; a fitted family also follows its inputs' principal directions.
    """

    class Settings(RuleSettings):
        """Settings of LSH; a preset gives those that are not set."""

        preset: Literal["default", "paper", "authors-code"] = Field(
            "default", description="the settings that others start from"
        )
        family: Literal["gaussian", "sparse", "pooled", "fitted"] = Field(
            "fitted", description="projections that are hashed (lsh_dl/hashing/projections.py)"
        )
        K: int = Field(8, ge=1, le=16, description="bits of a hash: 2^K buckets a table")
        L: int = Field(8, ge=1, le=1000, description="hash tables a layer")
        directions: int = Field(
            15, ge=1, le=1000, description="features of the pooled and fitted families"
        )
        centred: bool = Field(True, description="hash the input's deviation from its mean")
        balanced: bool = Field(
            True, description="balance features between inputs and weights (pooled, fitted)"
        )
        probing: bool = Field(True, description="visit further buckets until there is enough")
        candidates: float = Field(
            6.0, ge=1, description="candidates gathered, in multiples of the active nodes"
        )
        ranking: Literal["product", "count", "none"] = Field(
            "product", description="how candidates are ranked"
        )
        shortlist: float = Field(
            2.5, ge=1, description="candidates ranked exactly, in multiples of the active nodes"
        )
        interval: float = Field(
            200, ge=1, description="training samples between re-hashing, at the start"
        )
        growth: float = Field(1.2, ge=1, description="factor on the interval after each")
        longest_interval: float = Field(2000, ge=1, description="bound of the growing interval")
        frozen: bool = Field(
            False, description="ablation: tables are never updated after the first refresh"
        )
        permuted: bool = Field(
            False, description="control: entries of the tables stand for randomly permuted nodes"
        )

        @model_validator(mode="before")
        @classmethod
        def _start_from_preset(cls, raw: Any) -> Any:
            return PRESETS.get(raw.get("preset", "default"), {}) | raw

    name = "lsh"
    title = "LSH"
    computes_preactivations = True
    select = staticmethod(select)

    def start(self, network: Network) -> State:
        """Draw projections and hash the initial weights."""
        settings = self.settings
        widths, layers = network.sizes[1:-1], len(network.sizes) - 2
        nodes, budgets = int(widths.max()), self.budgets(network)
        generator = np.random.default_rng([self.seed, 3])
        projections = create_projections(
            settings.family,
            settings.directions,
            settings.K * settings.L,
            network.sizes[:-2],
            nodes,
            settings.centred,
            generator,
        )
        permutations = np.tile(np.arange(nodes, dtype=np.int32), (layers, 1))
        if settings.permuted:
            for row, width in zip(permutations, widths, strict=True):
                row[:width] = generator.permutation(width)
        longest = projections.directions.shape[2]
        one = create_tables(settings.K, settings.L, nodes)
        state = State(
            budgets,
            self._multiple(settings.candidates, budgets, widths),
            self._multiple(settings.shortlist, budgets, widths),
            projections,
            Tables(*(np.repeat(array[None], layers, axis=0) for array in one)),
            permutations,
            np.ones((layers, nodes), np.uint8),
            np.zeros((layers, REMEMBERED, longest), np.float32),
            Upkeep(np.zeros(1, np.int64), np.zeros(1, np.int64)),
            self._create_scratch(projections),
            settings.probing,
            settings.ranking == "count",
            settings.ranking == "product",
        )
        with Team(1) as team:
            state.upkeep.unreported[0] = self._rehash(state, network, team)
        return state

    def for_thread(self, state: State) -> State:
        """Share all but the scratch of queries."""
        return state._replace(scratch=self._create_scratch(state.projections))

    def _create_scratch(self, projections: Projections) -> Scratch:
        nodes, width = projections.features.shape[1:]
        return Scratch(
            create_probes(self.settings.K, self.settings.L),
            aligned_zeros(width),
            aligned_zeros(nodes, dtype=np.int64),
            aligned_zeros(nodes, dtype=np.int32),
            aligned_zeros(1, dtype=np.int64),
        )

    def refresh_interval(self, seen: int) -> int | None:
        """At growing distances; the first comes early, to fit the projections."""
        settings = self.settings
        due, interval = FIRST_REFRESH, min(settings.interval, settings.longest_interval)
        while due <= seen:
            if settings.frozen:
                return None
            due += int(interval)
            interval = min(settings.longest_interval, interval * settings.growth)
        return due - seen

    def refresh(
        self, state: State, network: Network, recent: Rows, work: np.ndarray, team: Team
    ) -> None:
        """Follow the inputs (fitted, centred), then hash what was trained again."""
        settings = self.settings
        first = state.upkeep.refreshes[0] == 0
        state.upkeep.refreshes[0] += 1
        work[MAINTAIN] += state.upkeep.unreported[0]
        state.upkeep.unreported[0] = 0
        if settings.family == "fitted" or (first and settings.centred):
            with BLAS.limit(limits=1):
                iterations = 4 if first else 1
                follow = partial(self._follow_inputs, state, network, iterations)
                work[MAINTAIN] += sum(team.run(follow, len(state.budgets)))
        work[MAINTAIN] += self._rehash(state, network, team)

    def _follow_inputs(self, state: State, network: Network, iterations: int, index: int) -> int:
        """Fit, centre and balance one layer's projections; returns the multiplications."""
        settings, projections, work = self.settings, state.projections, 0
        inputs = state.remembered[index, :, : network.strides[index]]
        inputs = inputs[inputs[:, network.sizes[index]] != 0]  # those filled: the bias's 1
        if settings.family == "fitted":
            work += fit_directions(projections, index, inputs, iterations)
        if settings.centred:
            work += centre_projections(projections, index, inputs)
        if settings.balanced and projections.mixed:
            weights = layer_weights(network, index)
            work += balance_mixtures(projections, index, inputs, weights)
        state.touched[index] = 1
        return work

    def _rehash(self, state: State, network: Network, team: Team) -> int:
        """Hash the touched nodes again; returns the multiplications.

        No two threads write to the same node's features or to the same table's lists, and the
        tables do not depend on how many threads there are.
        """
        parts = team.threads
        codes = np.zeros((*state.touched.shape, self.settings.L), np.int32)
        work = sum(team.run(lambda part: hash_nodes(state, network, part, parts, codes)))
        team.run(lambda part: move_nodes(state, network, part, parts, codes))
        state.touched[:] = 0
        return work

    @staticmethod
    def _multiple(factor: float, budgets: np.ndarray, widths: np.ndarray) -> np.ndarray:
        return np.minimum(np.ceil(factor * budgets), widths).astype(np.int64)
