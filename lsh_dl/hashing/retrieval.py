"""From a layer's input to its active nodes: hash, gather candidates from the tables, rank them."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.keys import uniform
from lsh_dl.engine.ranking import keep_largest
from lsh_dl.engine.simd import add_scaled_blocks, dot_blocks
from lsh_dl.engine.work import MAINTAIN, RERANK, SELECT
from lsh_dl.hashing.bits import score_features, score_winners
from lsh_dl.hashing.probing import probe_code, start_probing
from lsh_dl.hashing.projections import estimate_inner_product, project_query, project_step
from lsh_dl.hashing.state import REMEMBERED
from lsh_dl.hashing.tables import Tables


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
def hash_query(state, index, x):
    """Features and scores of a layer's input, to the scratch; returns the multiplications."""
    scratch, scores = state.scratch, state.scratch.probes.scores
    if state.bits.bins.shape[1] > 0:
        score_winners(state.bits, index, x.values, scores)
        return 0
    work = project_query(state.projections, index, x, scratch.features)
    return work + score_features(state.bits, state.projections, index, scratch.features, scores)


@compiled
def select(state, layer, x, key, training, chosen):
    """Hash the input, gather candidates from the tables, keep the best of them."""
    index, stride = layer.index, layer.weights.shape[1]
    nodes, values = chosen.nodes, chosen.preactivations
    projections, scratch = state.projections, state.scratch
    budget = state.budgets[index]
    query = scratch.features
    chosen.work[SELECT] += hash_query(state, index, x)
    if training and state.tracking:
        step = scratch.steps[index]
        chosen.work[MAINTAIN] += project_step(projections, index, x, query, step)
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
def follow(state, layer, x, nodes, steps, work):
    """After plain SGD steps along x: the features of the nodes that took them, exactly."""
    if not state.tracking:
        return
    projections, change = state.projections, state.scratch.steps[layer.index]
    for p in range(nodes.shape[0]):
        features = projections.features[layer.index, nodes[p]]
        add_scaled_blocks(features, steps[p], change, 0, projections.blocks)
    work[MAINTAIN] += nodes.shape[0] * projections.scales.shape[1]
