"""L hash tables of 2^K buckets in flat arrays: nodes in the order of their buckets.

A bucket's nodes stand side by side, which a query reads without following links. A table whose
codes have changed is laid out anew by counting sort. Memory is L (2^K + 1 + 2 nodes) 32-bit numbers
whatever the buckets' sizes; nothing is ever allocated.
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.simd import BYTES
from lsh_dl.hashing.probing import MOST_BITS


class Tables(NamedTuple):
    """The tables of one layer. Every node stands in exactly one bucket of each table."""

    starts: np.ndarray  # int32 (L, 2^K + 1): bucket c is members[starts[c]:starts[c + 1]]
    members: np.ndarray  # int32 (L, nodes)
    codes: np.ndarray  # int32 (L, nodes): the node's bucket
    # uint8 (L, nodes, padded): what the tables say, the bucket of the node that an entry stands
    # for, where it fits in a byte; else (L, 0).
    short_codes: np.ndarray


def create_tables(bits: int, tables: int, nodes: int) -> Tables:
    """Tables without members."""
    padded = -(-nodes // BYTES) * BYTES if bits <= MOST_BITS else 0
    return Tables(
        np.zeros((tables, 2**bits + 1), np.int32),
        np.zeros((tables, nodes), np.int32),
        np.zeros((tables, nodes), np.int32),
        aligned_zeros(tables, padded, dtype=np.uint8),
    )


@compiled
def lay_out(tables, table, stand_for):
    """Put nodes 0, 1, ... into the buckets that `codes` names, as the nodes they `stand_for`.

    `stand_for` is int32 (nodes of the layer,); the entry of node i is stand_for[i].
    """
    starts, members, codes = tables.starts[table], tables.members[table], tables.codes[table]
    nodes = stand_for.shape[0]
    starts[:] = 0
    for node in range(nodes):
        starts[codes[node] + 1] += 1
    for code in range(1, starts.shape[0]):
        starts[code] += starts[code - 1]
    # Each bucket's start serves as its cursor, and so ends up as the next bucket's start.
    for node in range(nodes):
        code = codes[node]
        members[starts[code]] = stand_for[node]
        starts[code] += 1
    for code in range(starts.shape[0] - 1, 0, -1):
        starts[code] = starts[code - 1]
    starts[0] = 0
    short = tables.short_codes[table]
    if short.shape[0] > 0:
        for node in range(nodes):
            short[stand_for[node]] = codes[node]
