"""Follow a layer's inputs: centre projections on them, fit directions to them, balance features.

All kernels are run by all threads of a crew, each doing its part; what they write does not depend
on how many there are.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.simd import LANES, TILE, add_scaled_blocks, clear_blocks, dot_blocks
from lsh_dl.engine.threads import barrier, chunk
from lsh_dl.hashing.projections import Projections, multiply_rows

#: Nodes whose features are summed by one thread.
GROUP = 256
#: Blocks of all directions that the nearest cache holds.
FEW_BLOCKS = 8


class Fitting(NamedTuple):
    """Room that the threads share while they follow the inputs of a layer."""

    mean: np.ndarray  # float32 (longest row,)
    products: np.ndarray  # float32 (samples, m)
    turned: np.ndarray  # float32 (m, longest row)
    squares: np.ndarray  # float64 (groups of GROUP nodes, m + 1)


@register_jitable
def create_fitting(projections: Projections, samples: int) -> Fitting:
    """Room for so many inputs."""
    m, longest = projections.centres.shape[1], projections.directions.shape[2]
    groups = -(-projections.features.shape[1] // GROUP)
    return Fitting(
        np.empty(longest, np.float32),
        np.empty((samples, m), np.float32),
        np.empty((m, longest), np.float32),
        np.empty((groups, m + 1)),
    )


@compiled
def average_inputs(recent, stride, mean, worker):
    """The mean of recent inputs, float32 (samples, `stride` or more), to `mean`."""
    first, stop = chunk(worker, stride // LANES)
    columns = slice(first * LANES, stop * LANES)
    mine = mean[columns]
    mine[:] = 0
    for s in range(recent.shape[0]):
        mine += recent[s, columns]
    mine /= np.float32(recent.shape[0])
    barrier(worker)


@compiled
def centre_projections(projections, layer, stride, mean, worker):
    """Centre a layer's queries on the mean of its recent inputs, float32 (`stride` or more,).

    Returns the multiplications done.
    """
    m = projections.centres.shape[1]
    if worker.part > 0:
        return 0
    rows, blocks = projections.directions[layer], projections.row_blocks[: stride // LANES]
    for d in range(m):
        projections.centres[layer, d] = dot_blocks(rows[d], 0, mean, blocks)
    rows[m, :stride] = mean[:stride]
    return m * stride


@compiled
def fit_directions(projections, layer, recent, stride, iterations, fitting, worker):
    """Turn a layer's directions towards the leading principal ones of its recent inputs.

    Inputs are float32 (samples, `stride` or more), `fitting.mean` is theirs. Orthogonal iteration
    (Golub & Van Loan, 8.2.4) from where the directions stand: they drift slowly, so one iteration
    a time follows them. Those beyond the row's length are zero. Returns the multiplications done.
    """
    m, samples = projections.centres.shape[1], recent.shape[0]
    mean, products, turned = fitting.mean, fitting.products, fitting.turned
    blocks = projections.row_blocks[: stride // LANES]
    for _ in range(iterations):
        project_inputs(projections, layer, recent, stride, mean, products, worker)
        _combine_inputs(recent, mean, blocks, products, turned, worker)
        barrier(worker)
        if worker.part == 0:
            orthonormalise(turned, blocks)
            projections.directions[layer, :m, :stride] = turned[:, :stride]
        barrier(worker)
    if worker.part > 0:
        return 0
    return iterations * (2 * samples * m * stride + 2 * m * m * stride)


@compiled
def project_inputs(projections, layer, recent, stride, mean, products, worker):
    """Inner products of inputs less `mean` with the m directions, to float32 (samples, m)."""
    samples, m = recent.shape[0], projections.centres.shape[1]
    directions = projections.directions[layer][:m]
    blocks = projections.row_blocks[: stride // LANES]
    few = np.empty((TILE, stride), np.float32)
    first, stop = chunk(worker, -(-samples // TILE))
    for tile in range(first, stop):
        start, end = tile * TILE, min(tile * TILE + TILE, samples)
        for s in range(start, end):
            row, deviations = recent[s], few[s - start]
            for i in range(stride):
                deviations[i] = row[i] - mean[i]
        multiply_rows(few[: end - start], directions, blocks, products[start:end])
    barrier(worker)


@compiled
def _combine_inputs(recent, mean, blocks, products, turned, worker):
    """Sums of the inputs less `mean`, times their products, to turned (m, row), over the blocks."""
    deviations = np.empty_like(mean)
    first, stop = chunk(worker, blocks.shape[0])
    for start in range(first, stop, FEW_BLOCKS):
        few = blocks[start : min(start + FEW_BLOCKS, stop)]
        columns = slice(few[0], few[-1] + LANES)
        for d in range(turned.shape[0]):
            clear_blocks(turned[d], few)
        for s in range(recent.shape[0]):
            deviations[columns] = recent[s, columns] - mean[columns]
            for d in range(turned.shape[0]):
                add_scaled_blocks(turned[d], products[s, d], deviations, 0, few)


@compiled
def orthonormalise(rows, blocks):
    """Make rows, float32 (k, row), orthonormal by Gram and Schmidt's method, in place.

    Over the first blocks, n numbers of a row. Each row is made orthogonal to those before it twice,
    which is enough (Giraud, Langou, Rozloznik, 2005). One that depends on them is replaced; from
    the n-th on they are zero.
    """
    length = blocks.shape[0] * LANES
    for d in range(min(rows.shape[0], length)):
        row = rows[d]
        before = np.sqrt(dot_blocks(row, 0, row, blocks))
        left = _leave_out(rows, d, blocks)
        other = 0
        while left <= np.float32(1e-5) * before and other < length:
            row[:] = 0
            row[(d + other) % length] = before = 1
            left = _leave_out(rows, d, blocks)
            other += 1
        row /= left
    rows[length:] = 0


@compiled
def _leave_out(rows, d, blocks):
    """Take from row d what lies along the rows before it; returns the length left."""
    row = rows[d]
    for _ in range(2):
        for e in range(d):
            share = dot_blocks(row, 0, rows[e], blocks)
            add_scaled_blocks(row, -share, rows[e], 0, blocks)
    return np.sqrt(dot_blocks(row, 0, row, blocks))


@compiled
def balance_features(projections, layer, recent, stride, nodes, fitting, worker):
    """Balance the spread of features between a layer's recent inputs and its first `nodes` nodes.

    The nodes' features, as projected last, are scaled anew. Returns the multiplications done.
    """
    m, samples = projections.centres.shape[1], recent.shape[0]
    scales, features = projections.scales[layer], projections.features[layer]
    products, squares, origin = fitting.products, fitting.squares, np.zeros(stride, np.float32)
    project_inputs(projections, layer, recent, stride, origin, products, worker)
    # By groups of nodes, so that the sums do not depend on the number of threads.
    groups = -(-nodes // GROUP)
    first, stop = chunk(worker, groups)
    for group in range(first, stop):
        squares[group] = 0
        for node in range(group * GROUP, min(group * GROUP + GROUP, nodes)):
            for d in range(m + 1):
                squares[group, d] += features[node, d] ** 2
    barrier(worker)
    new = np.empty(m + 1, np.float32)
    for d in range(m + 1):
        query = 1.0
        if d < m:
            deviations = products[:samples, d] - projections.centres[layer, d]
            query = np.sqrt((deviations**2).mean())
        spread = np.sqrt(squares[:groups, d].sum() / nodes) * scales[d]
        new[d] = np.sqrt((spread + 1e-9) / (query + 1e-9))
    first, stop = chunk(worker, nodes)
    for node in range(first, stop):
        for d in range(m + 1):
            features[node, d] *= scales[d] / new[d]
    barrier(worker)
    if worker.part > 0:
        return 0
    scales[:] = new
    return samples * stride * m + (samples + 2 * nodes) * (m + 1)
