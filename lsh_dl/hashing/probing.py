"""Which buckets to look into: query-directed multi-probe (Lv et al., VLDB 2007).

A query's bucket in a table follows from the signs of K scores; a near neighbour most likely
differs in bits whose score is close to zero. So a table's bits are ordered by the size of their
score, and sets of bits are flipped in the order of their expected cost, the sum of the squared
scores. The order of sets is the same for all queries, taken from the order statistics of Gaussian
scores (section 4.5 of the paper): nothing is sorted or kept while probing.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.simd import BYTES

#: Sets of flipped bits in the order at most; tables of up to 2^12 buckets are covered in full.
LONGEST_ORDER = 4096
#: Bits of a code of one byte.
MOST_BITS = 8


class Probes(NamedTuple):
    """The order of probing, and one thread's scratch for a query."""

    order: np.ndarray  # int32 (sets,): bit i of a set flips the table's i-th least sure bit
    scores: np.ndarray  # float32 (L * K,): signed scores of the query, table by table
    codes: np.ndarray  # int32 (L,): the query's own buckets
    ranked: np.ndarray  # int32 (L, K): each table's bits, the least sure first
    masks: np.ndarray  # int32 (L, K / 4 rounded up, 16): flips of every set of four ranks
    # Of lsh_dl/hashing/scanning.py, for codes of one byte:
    inverse: np.ndarray  # uint8 (256,): the number of the probe that flips a set
    sets: np.ndarray  # uint8 (256,): the set of ranks of a set of bits
    numbers: np.ndarray  # uint8 (256,): the probe that visits a bucket, by its flipped bits
    first: np.ndarray  # uint8 (nodes, padded): the probe that meets a node first


def create_probes(bits: int, tables: int, nodes: int) -> Probes:
    """Order all 2^K sets of flipped bits, the empty one first; `nodes` is the widest layer's."""
    order = order_flips(bits)
    inverse = aligned_zeros(2**MOST_BITS, dtype=np.uint8)
    if bits <= MOST_BITS:
        inverse[order] = np.arange(len(order))
    return Probes(
        order,
        aligned_zeros(tables * bits),
        aligned_zeros(tables, dtype=np.int32),
        aligned_zeros(tables, bits, dtype=np.int32),
        aligned_zeros(tables, -(-bits // 4), 16, dtype=np.int32),
        inverse,
        aligned_zeros(2**MOST_BITS, dtype=np.uint8),
        aligned_zeros(2**MOST_BITS, dtype=np.uint8),
        aligned_zeros(-(-nodes // BYTES) * BYTES, dtype=np.uint8),
    )


def order_flips(bits: int) -> np.ndarray:
    """Sets of bit ranks by rising expected cost: int32 (at most LONGEST_ORDER,)."""
    # Quantiles of |score|, squared: those of chi-square (scipy.stats takes a second to import).
    shares = (np.arange(bits) + 0.5) / bits
    expected = np.array([NormalDist().inv_cdf((1 + share) / 2) ** 2 for share in shares])
    sets = np.arange(2**bits)
    costs = ((sets[:, None] >> np.arange(bits)) & 1) @ expected
    return np.argsort(costs, kind="stable")[:LONGEST_ORDER].astype(np.int32)


@compiled
def code_of(scores, table, bits):
    """The bucket that the signs of a table's scores name."""
    code = 0
    for bit in range(bits):
        code |= (scores[table * bits + bit] > 0) << bit
    return code


@compiled
def start_probing(probes):
    """Find the query's own bucket in each table and order the table's bits by their margin."""
    tables, bits = probes.ranked.shape
    for table in range(tables):
        ranked, scores = probes.ranked[table], probes.scores[table * bits : (table + 1) * bits]
        probes.codes[table] = code_of(probes.scores, table, bits)
        for bit in range(bits):
            margin, place = abs(scores[bit]), bit
            while place > 0 and abs(scores[ranked[place - 1]]) > margin:
                ranked[place] = ranked[place - 1]
                place -= 1
            ranked[place] = bit
        for rank in range(bits):
            masks, first = probes.masks[table, rank // 4], 1 << rank % 4
            for subset in range(first):
                masks[first + subset] = masks[subset] ^ (1 << ranked[rank])


@compiled
def probe_code(probes, table, probe):
    """The bucket of a table to visit as number `probe`; number 0 is the query's own."""
    code, flipped = probes.codes[table], probes.order[probe]
    for four in range(probes.masks.shape[1]):
        code ^= probes.masks[table, four, flipped >> (4 * four) & 15]
    return code
