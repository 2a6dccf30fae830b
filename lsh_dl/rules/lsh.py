"""Randomized hashing (Spring & Shrivastava, KDD 2017): the nodes that collide with the input."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lsh_dl.common.errors import UserError
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.counts import MAINTAIN
from lsh_dl.engine.network import Network, aligned_zeros
from lsh_dl.engine.threads import LINE, Team
from lsh_dl.hashing.hash_bits import WINNER_BITS, Bits, create_bits, create_winner_bits
from lsh_dl.hashing.hash_tables import Tables, create_tables
from lsh_dl.hashing.probing import create_probes
from lsh_dl.hashing.projections import Projections, create_projections, double_projections
from lsh_dl.hashing.refresh import renew_meanwhile, renew_tables
from lsh_dl.hashing.reorder import REGROUPINGS, regroup_nodes
from lsh_dl.hashing.restore import check_state
from lsh_dl.hashing.retrieval import follow, select
from lsh_dl.hashing.state import PROBES_AT_ONCE, REMEMBERED, Scratch, State, Upkeep
from lsh_dl.rules.base import Rule, RuleSettings

#: Samples before the first refresh, which fits the projections to the inputs seen until then.
FIRST_REFRESH = 100

#: Width up to which intervals are as set.
PLAIN_WIDTH = 1000

SLIDE: dict[str, Any] = {
    "outputs": 0.005,
    "inference": "all",
    "L": 50,
    "centred": False,
    "balanced": False,
    "probing": False,
    "ranking": "none",
    "candidates": 1.0,
    "interval": 9.55,
    "growth": 1.105,  # e^0.1
    "longest_interval": 1e6,
}

PRESETS: dict[str, dict[str, Any]] = {
    # The best found here on validation data (configs/presets.yaml).
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
    # For a wide output layer: finer hashes, and tables that follow their nodes more closely.
    "wide-outputs": {
        "outputs": 0.002,
        "K": 10,
        "directions": 31,
        "hashed": 15,
        "candidates": 10.0,
        "shortlist": 2.5,
        "interval": 10,
        "growth": 1.0,
    },
    # SLIDE's settings (Chen et al., MLSys 2020): nodes as they are met in one bucket of each of 50
    # tables, without ranking; its released code tests with all outputs. Its schedule, the i-th
    # interval being N0 e^(lambda i), is `interval` times growth^i; at Amazon-670K's labels the
    # first has its 6,400 samples, 50 batches of 128.
    "slide-simhash": SLIDE | {"family": "sparse", "K": 9},
    # Its 8 winners of 3 bits each make more buckets than there may be here: 5 of them.
    "slide-dwta": SLIDE | {"family": "dwta", "K": 15},
    # As in the authors' released code, without its errors.
    "authors-code": {
        "family": "pooled",
        "K": 6,
        "L": 100,
        "directions": 8,
        "centred": False,
        "balanced": False,
        "orthogonal": False,
        "probing": False,
        "ranking": "count",
        "candidates": 1e6,
    },
}
#: Families whose features are mixed to hash bits.
MIXED = ("pooled", "fitted")

#: What is different where the entries of the vectors themselves are hashed; K may be set.
NO_FEATURES: dict[str, Any] = {
    "K": 6,
    "centred": False,
    "balanced": False,
    "asymmetric": False,
}


class LSH(Rule):
    """Retrieve active nodes from hash tables of the weight vectors, in training and at test.

    Per layer and sample (paper, algorithm 1): the input is hashed to one bucket in each of L
    tables of 2^K buckets, the nodes in them are candidates, further buckets follow in the order
    of the hash bits' margins (multi-probe) until there are `candidates` times the wanted active
    nodes, and the best are kept. Ranking: `product` computes the candidates' inner products,
    after a cheap estimate from the hash's own features has narrowed them to `shortlist` times the
    wanted; `count` keeps those met in most tables; `none` computes the inner products of all
    candidates, without an estimate before. Where fewer candidates are found than nodes wanted,
    the active set is that much smaller.

    Where all nodes are to be active nothing is hashed. With `outputs` the output layer's nodes are
    retrieved in the same way, from tables of their own. With `inference: all` training does so, and
    the test computes all nodes.

    Every some hundred samples, at growing distances, the nodes trained since are hashed again and
    moved between buckets; a fitted family also follows its inputs' principal directions.
    """

    class Settings(RuleSettings):
        """Settings of LSH; a preset gives those that are not set."""

        preset: Literal[
            "default", "paper", "authors-code", "wide-outputs", "slide-simhash", "slide-dwta"
        ] = Field("default", description="the settings that others start from")
        family: Literal["gaussian", "sparse", "pooled", "fitted", "dwta"] = Field(
            "fitted", description="what is hashed (lsh_dl/hashing/projections.py, bits.py)"
        )
        K: int = Field(8, ge=1, le=16, description="bits of a hash: 2^K buckets a table")
        L: int = Field(4, ge=1, le=1000, description="hash tables a layer")
        directions: int = Field(
            23, ge=1, le=1000, description="features of the pooled and fitted families"
        )
        hashed: int = Field(
            7, ge=1, le=1000, description="leading ones of the fitted features that are hashed"
        )
        centred: bool = Field(True, description="hash the input's deviation from its mean")
        balanced: bool = Field(
            True, description="balance features between inputs and weights (pooled, fitted)"
        )
        orthogonal: bool = Field(
            True, description="mix features by rotations rather than at random (pooled, fitted)"
        )
        asymmetric: bool = Field(
            False, description="one more coordinate makes all nodes equally long (all but dwta)"
        )
        probing: bool = Field(True, description="visit further buckets until there is enough")
        candidates: float = Field(
            5.0, ge=1, description="candidates gathered, in multiples of the active nodes"
        )
        ranking: Literal["product", "count", "none"] = Field(
            "product", description="how candidates are ranked"
        )
        shortlist: float = Field(
            1.5, ge=1, description="candidates ranked exactly, in multiples of the active nodes"
        )
        interval: float = Field(
            200,
            ge=1,
            description="training samples between re-hashing, at the start; wider layers than "
            "1,000 nodes have longer intervals in proportion",
        )
        growth: float = Field(1.2, ge=1, description="factor on the interval after each")
        longest_interval: float = Field(4000, ge=1, description="bound of the growing interval")
        refresh: Literal["synchronous", "asynchronous"] = Field(
            "synchronous",
            description="with several threads: all of them renew the tables together, or one each "
            "layer while the others go on with the old ones (docs/asynchronous.md)",
        )
        tracking: bool = Field(
            False,
            description="follow each step of plain SGD exactly instead of projecting nodes again "
            "(gaussian, sparse, pooled)",
        )
        frozen: bool = Field(
            False, description="ablation: tables are never updated after the first refresh"
        )
        outputs: float | None = Field(
            None,
            gt=0,
            le=1,
            description="share of the output layer's nodes that is retrieved and computed, beside "
            "the true labels in training (sampled softmax); default: all outputs are computed",
        )
        inference: Literal["selected", "all"] = Field(
            "selected", description="active at test: as in training, or all nodes"
        )
        permuted: bool = Field(
            False, description="control: entries of the tables stand for randomly permuted nodes"
        )
        shared_signature: bool = Field(
            False,
            description="ablation: in the first layer all samples have the first one's hash, as by "
            "a mistake in the authors' released code",
        )

        @model_validator(mode="before")
        @classmethod
        def _start_from_preset(cls, raw: Any) -> Any:
            start = PRESETS.get(raw.get("preset", "default"), {})
            if raw.get("family", start.get("family")) == "dwta":
                # A preset of this family knows its own K.
                start = start | NO_FEATURES | (start if start.get("family") == "dwta" else {})
            return start | raw

        @model_validator(mode="after")
        def _fit_together(self) -> Any:
            if self.family == "dwta":
                for name, value in NO_FEATURES.items():
                    if name != "K" and getattr(self, name) != value:
                        raise ValueError(f"{name}: {value} is all there is for family dwta")
                if self.K % WINNER_BITS:
                    raise ValueError(f"K: a multiple of {WINNER_BITS}, the bits of a winner (dwta)")
            if self.tracking and self.family in ("fitted", "dwta"):
                raise ValueError("tracking: for the families gaussian, sparse and pooled")
            if self.tracking and self.refresh == "asynchronous":
                raise ValueError("tracking: with refresh: synchronous, where no step is missed")
            return self

    name = "lsh"
    title = "LSH"
    computes_preactivations = True
    select = staticmethod(select)
    follow = staticmethod(follow)
    renew = staticmethod(renew_meanwhile)

    def start(self, network: Network) -> State:
        """Draw projections and hash the initial weights."""
        settings, whole = self.settings, self.active_fraction == 1
        widths, layers = network.sizes[1:-1], len(network.sizes) - 2
        nodes, budgets = int(widths.max()), self.budgets(network)
        generator = np.random.default_rng([self.seed, 3])
        projections, bits = self._create_hashes(network.sizes[:-2], nodes, generator)
        permutations = np.tile(np.arange(nodes, dtype=np.int32), (layers, 1))
        if settings.permuted:
            for row, width in zip(permutations, widths, strict=True):
                row[:width] = generator.permutation(width)
        longest = projections.directions.shape[2]
        one, places = create_tables(settings.K, settings.L, nodes), layers
        if settings.refresh == "asynchronous":
            places, projections = 2 * layers, double_projections(projections)
        state = State(
            budgets,
            self._multiple(settings.candidates, budgets, widths),
            self._multiple(self._shortlist, budgets, widths),
            projections,
            bits,
            Tables(*(np.repeat(array[None], places, axis=0) for array in one)),
            aligned_zeros(layers, LINE, dtype=np.int64),
            permutations,
            np.ones((layers, nodes), np.uint8),
            np.ones((layers, settings.L), np.uint8),
            np.zeros((layers, 0 if whole else REMEMBERED, longest), np.float32),
            Upkeep(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros((layers, 3), np.int64)),
            self._create_scratch(projections),
            whole=whole,
            tested_whole=whole or settings.inference == "all",
            fitted=settings.family == "fitted",
            centred=settings.centred,
            balanced=settings.balanced and settings.family in MIXED,
            tracking=settings.tracking,
            probing=settings.probing,
            by_count=settings.ranking == "count",
            by_product=settings.ranking == "product",
            shared=settings.shared_signature,
        )
        if whole:
            return state
        with Team(1) as team:
            state.upkeep.unreported[0] = renew_tables(state, network, team)
        return state

    def check_optimiser(self, optimiser: Any) -> None:
        """Tracking follows plain SGD only."""
        others = optimiser.adam, optimiser.adagrad, optimiser.momentum, optimiser.alpha
        if self.settings.tracking and any(others):
            raise UserError(
                "tracking follows plain SGD only; set adam: false, adagrad: false, momentum: 0 "
                "and alpha: 0 in training, or tracking: false"
            )

    def _create_hashes(
        self, inputs: np.ndarray, nodes: int, generator: np.random.Generator
    ) -> tuple[Projections, Bits]:
        settings = self.settings
        count, layers = settings.K * settings.L, len(inputs)
        if settings.family == "dwta":
            projections = create_projections("dwta", 0, inputs, nodes, generator)
            return projections, create_winner_bits(count, nodes, inputs, generator)
        mixes = settings.family in MIXED
        directions = settings.directions if mixes else count
        projections = create_projections(settings.family, directions, inputs, nodes, generator)
        columns = np.arange(0)
        if mixes:
            hashed = min(settings.hashed, directions) if settings.family == "fitted" else directions
            columns = np.array([*range(hashed), *[directions] * settings.centred])
        bits = create_bits(
            count,
            nodes,
            layers,
            columns,
            projections.features.shape[2],
            settings.orthogonal,
            settings.asymmetric,
            generator,
        )
        return projections, bits

    def check_state(self, state: State, network: Network) -> None:
        """Budgets follow from the settings; the rest is up to hashing."""
        settings, budgets, widths = self.settings, self.budgets(network), network.sizes[1:-1]
        for name, wanted in (
            ("budgets", budgets),
            ("gathered", self._multiple(settings.candidates, budgets, widths)),
            ("shortlisted", self._multiple(self._shortlist, budgets, widths)),
        ):
            if not np.array_equal(getattr(state, name), wanted):
                raise ValueError(f"{name} is not that of the settings")
        check_state(state, network)

    def state_bytes(self, sizes: Sequence[int]) -> int:
        """The tables, features and remembered inputs of all hidden layers."""
        settings, nodes, longest = self.settings, max(sizes[1:-1]), max(sizes[:-2])
        tables = settings.L * (2**settings.K + 1 + 2 * nodes)
        if settings.refresh == "asynchronous":
            tables *= 2
        remembered = 0 if self.active_fraction == 1 else REMEMBERED * longest
        return 4 * (len(sizes) - 2) * (tables + nodes + remembered)

    @property
    def _shortlist(self) -> float:
        # Without features there is nothing to narrow candidates down by.
        settings = self.settings
        return settings.candidates if settings.family == "dwta" else settings.shortlist

    def for_outputs(self) -> "LSH | None":
        """The same hashing of the output layer, where that is wanted."""
        share = self.settings.outputs
        if share is None:
            return None
        return LSH(self.settings.model_copy(update={"outputs": None}), share, self.seed)

    def for_thread(self, state: State) -> State:
        """Share all but the scratch of queries."""
        return state._replace(scratch=self._create_scratch(state.projections))

    def _create_scratch(self, projections: Projections) -> Scratch:
        layers, nodes, width = projections.features.shape
        return Scratch(
            create_probes(self.settings.K, self.settings.L, nodes),
            aligned_zeros(width),
            aligned_zeros(nodes, dtype=np.int64),
            aligned_zeros(nodes, dtype=np.int32),
            aligned_zeros(1, dtype=np.int64),
            aligned_zeros(PROBES_AT_ONCE * self.settings.L, 2, dtype=np.int32),
            aligned_zeros(layers, width),
        )

    def refresh_interval(self, seen: int, network: Network) -> int | None:
        """At growing distances; the first comes early, to fit the projections."""
        settings = self.settings
        if self.active_fraction == 1:
            return None
        # Each of so many more nodes is trained that much more rarely.
        wider = max(1, int(network.sizes[1:-1].max()) / PLAIN_WIDTH)
        longest = settings.longest_interval * wider
        due, interval = FIRST_REFRESH, min(settings.interval * wider, longest)
        while due <= seen:
            if settings.frozen:
                return None
            if settings.growth == 1 or interval == longest:  # from here on all are alike
                return due - seen + (seen - due) // int(interval) * int(interval) + int(interval)
            due += int(interval)
            interval = min(longest, interval * settings.growth)
        return due - seen

    def refresh(
        self, state: State, network: Network, recent: Batch, work: np.ndarray, team: Team
    ) -> None:
        """Follow the inputs (fitted, centred), then hash what was trained again."""
        work[MAINTAIN] += state.upkeep.unreported[0] + renew_tables(state, network, team)
        state.upkeep.unreported[0] = 0

    def refreshes_meanwhile(self, state: State, ahead: int) -> bool:
        """All but the first refresh, which fits the projections, and those that renumber nodes."""
        number = int(state.upkeep.renewals[0]) + ahead + 1
        meets = number == 2 or number in REGROUPINGS
        return self.settings.refresh == "asynchronous" and not meets

    def settle(self, state: State, refreshes: int) -> None:
        """Count what threads have renewed meanwhile."""
        state.upkeep.renewals[0] += refreshes

    def regroup(self, state: State, network: Network) -> list[tuple[int, np.ndarray]]:
        """Bring nodes that are active together side by side, now and then."""
        return regroup_nodes(state, network)

    @staticmethod
    def _multiple(factor: float, budgets: np.ndarray, widths: np.ndarray) -> np.ndarray:
        return np.minimum(np.ceil(factor * budgets), widths).astype(np.int64)
