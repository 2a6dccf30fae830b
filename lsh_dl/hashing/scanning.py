"""Find a query's candidates by a scan of the nodes' codes instead of a walk through the buckets.

Each node stands in one bucket of each table, which multi-probe visits at some probe. A node is met
at the first of these L probes. Where nodes are few for each candidate wanted, and bits too, it is
quicker to look up all nodes' first probes, 64 at a time, than to read a hundred short buckets, each
of whose ends a processor guesses wrong. Nothing is multiplied. The candidates are those that a walk
finds, but for the order, and for which of the last probe's nodes are one too many.
"""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.simd import count_at_most, list_at_most, lower_to, order_flips

#: Nodes of a layer for each candidate wanted, up to which a scan is quicker.
NODES_A_CANDIDATE = 32
#: Comes after all probes, or with the last of 256.
NEVER = np.uint8(255)


@compiled
def scan_codes(probes, codes, nodes, limit, rounds, found):
    """List the nodes met within `rounds` probes, at most `limit`, those met first.

    Parameters
    ----------
    codes
        uint8 (L, nodes padded to whole vectors).
    nodes
        How many of them are nodes.
    found
        int32, room for all nodes.

    Returns how many were found.
    """
    bits = probes.ranked.shape[1]
    first = probes.first[: codes.shape[1]]
    first[:] = NEVER
    for table in range(codes.shape[0]):
        own = order_flips(
            probes.scores, table * bits, bits, probes.inverse, probes.sets, probes.numbers
        )
        lower_to(probes.numbers, codes[table], own, first)
    met = first[:nodes]
    # The first probe after which there are enough, by bisection.
    low, high = -1, rounds - 1
    while high - low > 1:
        middle = (low + high) // 2
        if count_at_most(met, np.uint8(middle)) >= limit:
            high = middle
        else:
            low = middle
    return drop_last(met, np.uint8(high), found, list_at_most(met, np.uint8(high), found), limit)


@compiled
def drop_last(met, probe, found, count, limit):
    """Drop the last ones that `probe` met, down to the limit; returns how many are left."""
    first = count
    excess = count - limit
    while excess > 0 and first > 0:
        first -= 1
        excess -= met[found[first]] == probe
    kept = first
    for p in range(first, count):
        found[kept] = found[p]
        kept += met[found[p]] != probe
    return kept
