"""All that hashing keeps of a network: projections, tables, recent inputs, scratch."""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.threads import look
from lsh_dl.hashing.hash_bits import Bits
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.probing import Probes
from lsh_dl.hashing.projections import Projections

#: Recent inputs of a layer that projections are fitted to.
REMEMBERED = 256
#: Share of samples that replace one remembered, once the place is taken.
REPLACED = 0.125
#: Probes whose buckets are looked up before their nodes are read.
PROBES_AT_ONCE = 8


class Upkeep(NamedTuple):
    """What was done to keep tables and projections up to date."""

    renewals: np.ndarray  # int64 (1,): of the tables; the first is before training
    unreported: np.ndarray  # int64 (1,): multiplications done since they were last reported
    # int64 (layers, 3), of renewals while others trained: how many; samples that were taken from
    # when they were due until they were handed over, their sum and the most.
    handovers: np.ndarray


class Scratch(NamedTuple):
    """What one thread needs for a query."""

    probes: Probes
    features: np.ndarray  # float32 (padded features,): the query's
    stamps: np.ndarray  # int64 (nodes,): the last query that met the node
    collisions: np.ndarray  # int32 (nodes,): how often it met it
    queries: np.ndarray  # int64 (1,)
    runs: np.ndarray  # int32 (PROBES_AT_ONCE L, 2): bounds of the buckets found
    steps: np.ndarray  # float32 (layers, padded features): what a step along the input adds


class State(NamedTuple):
    """What `select` needs; the first index of stacked arrays is the hidden layer.

    Where tables are renewed while others train, `projections` and `tables` have two places for
    each layer, index and index + layers: one is read, the other built (`place_of`).
    """

    budgets: np.ndarray  # int64 (layers,): active nodes
    gathered: np.ndarray  # int64 (layers,): candidates taken from the tables
    shortlisted: np.ndarray  # int64 (layers,): candidates whose inner product is computed
    projections: Projections
    bits: Bits
    tables: Tables  # stacked
    current: np.ndarray  # int64 (layers, 8), of which [:, 0]: 0 or 1, which place is read
    permutations: np.ndarray  # int32 (layers, nodes): what an entry of the tables stands for
    touched: np.ndarray  # uint8 (layers, nodes): trained since they were hashed
    moved: np.ndarray  # uint8 (layers, L): tables in which a node's bucket has changed
    remembered: np.ndarray  # float32 (layers, REMEMBERED, longest row): recent inputs, bias's 1
    upkeep: Upkeep
    scratch: Scratch
    whole: bool  # all nodes are active: nothing is hashed
    tested_whole: bool  # at test all nodes are active
    fitted: bool  # directions follow the inputs
    centred: bool
    balanced: bool
    tracking: bool  # features follow each step of plain SGD
    probing: bool
    by_count: bool
    by_product: bool
    shared: bool  # the first layer's query is the first input remembered, whatever the sample


@compiled
def place_of(state, index):
    """Where a layer's projections and tables that are read stand in the stacked arrays."""
    return index + look(state.current[index]) * state.budgets.shape[0]
