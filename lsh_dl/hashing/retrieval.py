"""From a layer's input to its active nodes: hash, gather candidates from the tables, rank them."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.counts import MAINTAIN, RERANK, SELECT
from lsh_dl.engine.network import Vector
from lsh_dl.engine.prng import uniform
from lsh_dl.engine.simd import add_scaled_blocks, dot_blocks, dot_rows
from lsh_dl.engine.topk import keep_largest
from lsh_dl.hashing.hash_bits import score_features, score_winners
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.probing import probe_code, start_probing
from lsh_dl.hashing.projections import estimate_inner_products, project_query, project_step
from lsh_dl.hashing.scanning import NODES_A_CANDIDATE, scan_codes
from lsh_dl.hashing.state import PROBES_AT_ONCE, REMEMBERED, REPLACED, place_of


@compiled
def tables_of(state, place):
    """One layer's tables, at one of its places."""
    stacked = state.tables
    return Tables(
        stacked.starts[place],
        stacked.members[place],
        stacked.codes[place],
        stacked.short_codes[place],
    )


@compiled
def find_buckets(state, place, first, stop, runs):
    """List the non-empty buckets of probes `first` to `stop`, table by table within a probe.

    Writes the bounds of each in `members`, flattened, to runs (int32 (places, 2)); returns how
    many there are.
    """
    probes, tables = state.scratch.probes, tables_of(state, place)
    width = tables.members.shape[1]
    count = 0
    for probe in range(first, stop):
        for table in range(probes.codes.shape[0]):
            code = probe_code(probes, table, probe)
            # Written either way, counted if there is a node: a branch would be mispredicted.
            runs[count, 0] = table * width + tables.starts[table, code]
            runs[count, 1] = table * width + tables.starts[table, code + 1]
            count += runs[count, 1] > runs[count, 0]
    return count


@compiled
def take_nodes(members, start, stop, scratch, nodes, count, limit):
    """Append a bucket's new nodes to the candidates, up to the limit; returns their number."""
    stamps, query = scratch.stamps, scratch.queries[0]
    entry = start
    while entry < stop and count < limit:
        node = members[entry]
        nodes[count] = node  # written either way, counted if new
        count += stamps[node] != query
        stamps[node] = query
        entry += 1
    return count


@compiled
def count_nodes(members, start, stop, scratch, nodes, count):
    """Append all of a bucket's new nodes to the candidates, and count every node's collisions."""
    stamps, collisions, query = scratch.stamps, scratch.collisions, scratch.queries[0]
    for entry in range(start, stop):
        node = members[entry]
        if stamps[node] != query:
            stamps[node] = query
            collisions[node] = 0
            nodes[count] = node
            count += 1
        collisions[node] += 1
    return count


@compiled
def gather_candidates(state, place, width, nodes, limit):
    """Distinct nodes from the query's buckets, then from the next likely ones.

    Where collisions are counted, whole rounds over all tables are, so that each table has its say.
    In layers that are narrow for the limit codes are scanned instead.
    """
    scratch, probes = state.scratch, state.scratch.probes
    codes = state.tables.short_codes[place]
    if codes.shape[1] > 0 and width <= NODES_A_CANDIDATE * limit and not state.by_count:
        rounds = probes.order.shape[0] if state.probing else 1
        return scan_codes(probes, codes, width, limit, rounds, nodes)
    members = state.tables.members[place].reshape(-1)
    scratch.queries[0] += 1
    start_probing(probes)
    rounds = probes.order.shape[0] if state.probing else 1
    batch = 1 if state.by_count else PROBES_AT_ONCE
    count = first = 0
    while first < rounds and count < limit:
        stop = min(rounds, first + batch)
        for run in range(find_buckets(state, place, first, stop, scratch.runs)):
            start, end = scratch.runs[run]
            if state.by_count:
                count = count_nodes(members, start, end, scratch, nodes, count)
            else:
                count = take_nodes(members, start, end, scratch, nodes, count, limit)
        first = stop
    return count


@compiled
def hash_query(state, index, place, x):
    """Features and scores of a layer's input, to the scratch; returns the multiplications."""
    scratch, scores = state.scratch, state.scratch.probes.scores
    if state.bits.bins.shape[1] > 0:
        score_winners(state.bits, index, x.values, scores)
        return 0
    work = project_query(state.projections, place, x, scratch.features)
    return work + score_features(state.bits, state.projections, index, scratch.features, scores)


@compiled
def select(state, layer, x, key, training, chosen):
    """Hash the input, gather candidates from the tables, keep the best of them."""
    if state.whole or (state.tested_whole and not training):
        return select_all(layer, x, chosen)
    index, stride = layer.index, layer.weights.shape[1]
    nodes, values = chosen.nodes, chosen.preactivations
    projections, scratch, place = state.projections, state.scratch, place_of(state, index)
    budget = state.budgets[index]
    query = scratch.features
    if state.shared and index == 0:
        first = Vector(state.remembered[0, 0], x.ids, projections.row_blocks)
        chosen.work[SELECT] += hash_query(state, index, place, first)
    else:
        chosen.work[SELECT] += hash_query(state, index, place, x)
    if training and state.tracking:
        step = scratch.steps[index]
        chosen.work[MAINTAIN] += project_step(projections, index, x, query, step)
    if training:
        # A random one: threads need no common counter, and rarely meet.
        number = np.int64(uniform(key, 0) * REMEMBERED)
        last = x.ids[x.ids.shape[0] - 1]
        if state.shared and state.remembered[index, 0, last] == 0:
            number = 0
        inputs = state.remembered[index, number]
        kept = state.shared and number == 0
        if inputs[last] == 0 or (uniform(key, 1) < REPLACED and not kept):
            inputs[:stride] = x.values[:stride]
    width = layer.weights.shape[0]
    count = gather_candidates(state, place, width, nodes, state.gathered[index])
    if state.by_count:
        for p in range(count):
            values[p] = scratch.collisions[nodes[p]]
        count = keep_largest(nodes, values, count, budget)
    elif state.by_product and count > state.shortlisted[index]:
        estimate_inner_products(projections, place, nodes[:count], query, values)
        chosen.work[RERANK] += count * (projections.centres.shape[1] + 1)
        count = keep_largest(nodes, values, count, state.shortlisted[index])
    dot_rows(layer.flat, layer.start, stride, nodes[:count], x.values, x.blocks, values)
    chosen.work[RERANK] += count * (x.ids.shape[0] - 1)
    count = keep_largest(nodes, values, count, budget)
    if training:
        mark_touched(state.touched[index], nodes[:count])
    return count


@compiled
def select_all(layer, x, chosen):
    """Every node, with its inner product."""
    width, stride = layer.weights.shape
    for node in range(width):
        chosen.nodes[node] = node
        start = layer.start + node * stride
        chosen.preactivations[node] = dot_blocks(layer.flat, start, x.values, x.blocks)
    chosen.work[RERANK] += width * (x.ids.shape[0] - 1)
    return width


@compiled
def mark_touched(touched, nodes):
    """Note that these nodes' weights change."""
    for node in nodes:
        if touched[node] == 0:  # a write would take the cache line from other threads
            touched[node] = 1


@compiled
def follow(state, layer, x, nodes, steps, work):
    """After plain SGD steps along x: the features of the nodes that took them, exactly."""
    if state.whole:
        return
    mark_touched(state.touched[layer.index], nodes)  # true labels may not have been retrieved
    if not state.tracking:
        return
    projections, change = state.projections, state.scratch.steps[layer.index]
    for p in range(nodes.shape[0]):
        features = projections.features[layer.index, nodes[p]]
        add_scaled_blocks(features, steps[p], change, 0, projections.blocks)
    work[MAINTAIN] += nodes.shape[0] * projections.scales.shape[1]
