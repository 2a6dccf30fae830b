"""Which buckets to look into: query-directed multi-probe (Lv et al., VLDB 2007).

A query's bucket in a table follows from the signs of K scores; a near neighbour most likely
differs in a bit whose score is close to zero. Buckets are visited in order of the total squared
score of the bits flipped, over all tables together; each bucket comes up once.
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled


class Probes(NamedTuple):
    """Scratch of one thread: the query's scores, and a heap of the buckets to visit next."""

    scores: np.ndarray  # float32 (L * K,): signed scores of the query, table by table
    codes: np.ndarray  # int32 (L,): the query's own buckets
    costs: np.ndarray  # float32 (L, K): squared scores of each table in rising order
    flips: np.ndarray  # int32 (L, K): the bit of each cost
    heap_costs: np.ndarray  # float32 (room,)
    heap_tables: np.ndarray  # int32 (room,)
    heap_sets: np.ndarray  # int64 (room,): flipped bits, as positions in the rising order
    heap_size: np.ndarray  # int64 (1,)


def create_probes(bits: int, tables: int) -> Probes:
    """Allocate; the heap has room for every bucket of every table, up to 4,096."""
    room = min(tables * 2**bits, 4096) + 2
    return Probes(
        np.zeros(tables * bits, np.float32),
        np.zeros(tables, np.int32),
        np.zeros((tables, bits), np.float32),
        np.zeros((tables, bits), np.int32),
        np.zeros(room, np.float32),
        np.zeros(room, np.int32),
        np.zeros(room, np.int64),
        np.zeros(1, np.int64),
    )


@compiled
def code_of(scores, table, bits):
    """The bucket that the signs of a table's scores name."""
    code = 0
    for bit in range(bits):
        code |= (scores[table * bits + bit] > 0) << bit
    return code


@compiled
def start_probing(probes):
    """Order each table's bits by cost and put its cheapest flip on the heap."""
    tables, bits = probes.costs.shape
    probes.heap_size[0] = 0
    for table in range(tables):
        costs, flips = probes.costs[table], probes.flips[table]
        for bit in range(bits):
            score = probes.scores[table * bits + bit]
            cost = score * score
            place = bit
            while place > 0 and costs[place - 1] > cost:
                costs[place] = costs[place - 1]
                flips[place] = flips[place - 1]
                place -= 1
            costs[place] = cost
            flips[place] = bit
        _push(probes, costs[0], table, 1)


@compiled
def next_probe(probes):
    """Table and bucket to visit next; (-1, -1) when none is left."""
    if probes.heap_size[0] == 0:
        return -1, -1
    cost, table, flipped = probes.heap_costs[0], probes.heap_tables[0], probes.heap_sets[0]
    _pop(probes)
    bits = probes.costs.shape[1]
    costs, flips = probes.costs[table], probes.flips[table]
    code = probes.codes[table]
    last = 0
    for position in range(bits):
        if (flipped >> position) & 1:
            code ^= 1 << flips[position]
            last = position
    if last + 1 < bits and probes.heap_size[0] + 2 <= probes.heap_costs.shape[0]:
        further = flipped | (1 << (last + 1))
        _push(probes, cost + costs[last + 1], table, further)
        _push(probes, cost + costs[last + 1] - costs[last], table, further ^ (1 << last))
    return table, code


@compiled
def _push(probes, cost, table, flipped):
    costs, tables, sets = probes.heap_costs, probes.heap_tables, probes.heap_sets
    place = probes.heap_size[0]
    probes.heap_size[0] += 1
    while place > 0:
        parent = (place - 1) >> 1
        if costs[parent] <= cost:
            break
        costs[place], tables[place], sets[place] = costs[parent], tables[parent], sets[parent]
        place = parent
    costs[place], tables[place], sets[place] = cost, table, flipped


@compiled
def _pop(probes):
    costs, tables, sets = probes.heap_costs, probes.heap_tables, probes.heap_sets
    size = probes.heap_size[0] - 1
    probes.heap_size[0] = size
    cost, table, flipped = costs[size], tables[size], sets[size]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and costs[child + 1] < costs[child]:
            child += 1
        if cost <= costs[child]:
            break
        costs[place], tables[place], sets[place] = costs[child], tables[child], sets[child]
        place = child
    costs[place], tables[place], sets[place] = cost, table, flipped
