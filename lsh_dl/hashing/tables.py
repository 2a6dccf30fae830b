"""L hash tables of 2^K buckets in flat arrays: doubly linked lists of node ids.

A move of one node costs a few writes wherever it stands, nothing is ever allocated, and memory is
bounded by L (2^K + 3 nodes) 32-bit numbers whatever the buckets' sizes.
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled

NOBODY = -1


class Tables(NamedTuple):
    """The tables of one layer. Every node stands in exactly one bucket of each table."""

    heads: np.ndarray  # int32 (L, 2^K): a bucket's first node
    following: np.ndarray  # int32 (L, nodes): the next node in the bucket
    preceding: np.ndarray  # int32 (L, nodes)
    codes: np.ndarray  # int32 (L, nodes): the node's bucket


def create_tables(bits: int, tables: int, nodes: int) -> Tables:
    """Empty tables."""
    return Tables(
        np.full((tables, 2**bits), NOBODY, np.int32),
        np.full((tables, nodes), NOBODY, np.int32),
        np.full((tables, nodes), NOBODY, np.int32),
        np.full((tables, nodes), NOBODY, np.int32),
    )


@compiled
def place_node(tables, table, node, code):
    """Put a node into bucket `code` of a table, taking it out of where it stood.

    Returns whether it moved.
    """
    heads, following = tables.heads[table], tables.following[table]
    preceding, codes = tables.preceding[table], tables.codes[table]
    old = codes[node]
    if old == code:
        return False
    if old != NOBODY:
        before, after = preceding[node], following[node]
        if before == NOBODY:
            heads[old] = after
        else:
            following[before] = after
        if after != NOBODY:
            preceding[after] = before
    first = heads[code]
    following[node] = first
    preceding[node] = NOBODY
    if first != NOBODY:
        preceding[first] = node
    heads[code] = node
    codes[node] = code
    return True
