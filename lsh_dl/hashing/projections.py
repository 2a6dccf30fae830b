"""Features: a few numbers for a weight row and for an input, with nearly the same inner product.

A node's weight row w (bias included) and a layer's input x are both mapped to a few *features*
such that the inner product of the features is close to w.x; hash bits are made of them
(lsh_dl/hashing/bits.py). Families of features:

========  ===================================================================
gaussian  K L random Gaussian directions
sparse    K L directions of entries -1, 0, 1 (Achlioptas 2003)
pooled    means over equal runs of the inputs (the authors' code)
fitted    the leading principal directions of the layer's inputs
========  ===================================================================

Where the query is *centred*, its features are those of x - mean(x), and w.mean(x) is one more
feature of the node, against 1 in the query: inputs are non-negative, all point into one orthant,
and a hyperplane through the origin hardly tells them apart.

Where features are *balanced*, those of the query are multiplied by scales s and those of the node
divided by them, with s_i the root of the ratio of their spreads: inner products stay as they are,
but angles between query and node then follow them closely.
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros, padded, row_length
from lsh_dl.engine.simd import (
    LANES,
    TILE,
    add_scaled_blocks,
    clear_blocks,
    dot_blocks,
    dot_tile,
)
from lsh_dl.engine.threads import block_span, meet, span

#: Families whose projections need additions only: their multiplications count as 0.
ADDITIONS_ONLY = ("sparse", "pooled")
#: Nodes whose features are summed by one thread.
GROUP = 256
#: Blocks of all directions that the nearest cache holds.
FEW_BLOCKS = 8


class Projections(NamedTuple):
    """Projections of all hidden layers, stacked; rows are padded with zeros to whole blocks.

    m directions; features 0 to m - 1 are the projections, feature m is w.mean(x) against 1.
    """

    directions: np.ndarray  # float32 (layers, m + 1, longest weight row); the last is mean(x)
    centres: np.ndarray  # float32 (layers, m): directions . mean(x)
    scales: np.ndarray  # float32 (layers, m + 1): see balance_features
    features: np.ndarray  # float32 (layers, nodes, padded features): of every node
    blocks: np.ndarray  # int32: the blocks of a row of features
    row_blocks: np.ndarray  # int32: the blocks of the longest weight row
    multiplies: bool  # False if projecting takes additions only


def create_projections(
    family: str, directions: int, inputs: np.ndarray, nodes: int, generator: np.random.Generator
) -> Projections:
    """Draw the projections of every hidden layer.

    Parameters
    ----------
    family
        gaussian, sparse, pooled or fitted; a fitted one starts from random directions.
    directions
        m, at least 0.
    inputs
        int64 (layers,): inputs of each layer, without the bias.
    nodes
        Width of the widest layer.
    """
    layers, m = len(inputs), directions
    width, longest = padded(m + 1), row_length(int(inputs.max()))
    rows = aligned_zeros(layers, m + 1, longest)
    for layer, count in enumerate(inputs):
        rows[layer, :m, : count + 1] = _draw_directions(family, m, int(count) + 1, generator)
    return Projections(
        directions=rows,
        centres=np.zeros((layers, m), np.float32),
        scales=np.ones((layers, m + 1), np.float32),
        features=aligned_zeros(layers, nodes, width),
        blocks=np.arange(0, width, LANES, dtype=np.int32),
        row_blocks=np.arange(0, longest, LANES, dtype=np.int32),
        multiplies=family not in ADDITIONS_ONLY,
    )


def _draw_directions(family: str, m: int, inputs: int, generator: np.random.Generator):
    """Rows scaled so that the expected inner product of features is that of the vectors."""
    if family == "pooled":
        pools = np.arange(inputs) * m // inputs
        sizes = np.maximum(1, np.bincount(pools, minlength=m))  # more pools than inputs: some empty
        return (pools == np.arange(m)[:, None]) / np.sqrt(sizes)[:, None]
    if family == "sparse":
        signs = generator.choice([-1, 0, 0, 0, 0, 1], (m, inputs))
        return signs * np.sqrt(3 / m)
    return generator.standard_normal((m, inputs)) / np.sqrt(max(1, m))


class Fitting(NamedTuple):
    """Room that the threads share while they follow the inputs of a layer."""

    mean: np.ndarray  # float32 (longest row,)
    products: np.ndarray  # float32 (samples, m)
    turned: np.ndarray  # float32 (m, longest row)
    squares: np.ndarray  # float64 (groups of GROUP nodes, m + 1)


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
def average_inputs(recent, stride, mean, crew):
    """The mean of recent inputs, float32 (samples, `stride` or more), to `mean`."""
    first, stop = block_span(crew, stride)
    mine = mean[first:stop]
    mine[:] = 0
    for s in range(recent.shape[0]):
        mine += recent[s, first:stop]
    mine /= np.float32(recent.shape[0])
    meet(crew)


@compiled
def centre_projections(projections, layer, stride, mean, crew):
    """Centre a layer's queries on the mean of its recent inputs, float32 (`stride` or more,).

    Returns the multiplications done.
    """
    m = projections.centres.shape[1]
    if crew.part > 0:
        return 0
    rows = projections.directions[layer]
    for d in range(m):
        projections.centres[layer, d] = _multiply(rows[d], mean, stride)
    rows[m, :stride] = mean[:stride]
    return m * stride


@compiled
def fit_directions(projections, layer, recent, stride, iterations, fitting, crew):
    """Turn a layer's directions towards the leading principal ones of its recent inputs.

    Inputs are float32 (samples, `stride` or more), `fitting.mean` is theirs. Orthogonal iteration
    (Golub & Van Loan, 8.2.4) from where the directions stand: they drift slowly, so one iteration
    a time follows them. Those beyond the row's length are zero. Returns the multiplications done.
    """
    m, samples = projections.centres.shape[1], recent.shape[0]
    mean, products, turned = fitting.mean, fitting.products, fitting.turned
    for _ in range(iterations):
        project_inputs(projections, layer, recent, stride, mean, products, crew)
        blocks = projections.row_blocks[: stride // LANES]
        _combine_inputs(recent, stride, mean, blocks, products, turned, crew)
        meet(crew)
        if crew.part == 0:
            orthonormalise(turned, stride)
            projections.directions[layer, :m, :stride] = turned[:, :stride]
        meet(crew)
    if crew.part > 0:
        return 0
    return iterations * (2 * samples * m * stride + 2 * m * m * stride)


@compiled
def project_inputs(projections, layer, recent, stride, mean, products, crew):
    """Inner products of inputs less `mean` with the m directions, to float32 (samples, m)."""
    samples, m = recent.shape[0], projections.centres.shape[1]
    directions = projections.directions[layer][:m]
    blocks = projections.row_blocks[: stride // LANES]
    few = np.empty((TILE, stride), np.float32)
    first, stop = span(crew, -(-samples // TILE))
    for tile in range(first, stop):
        start, end = tile * TILE, min(tile * TILE + TILE, samples)
        for s in range(start, end):
            row, deviations = recent[s], few[s - start]
            for i in range(stride):
                deviations[i] = row[i] - mean[i]
        multiply_rows(few[: end - start], directions, blocks, products[start:end])
    meet(crew)


@compiled
def _combine_inputs(recent, stride, mean, blocks, products, turned, crew):
    """Sums of the inputs less `mean`, times their products, to turned (m, `stride` or more)."""
    deviations = np.empty(stride, np.float32)
    first, stop = span(crew, blocks.shape[0])
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
def orthonormalise(rows, length):
    """Make rows, float32 (k, n or more), orthonormal by Gram and Schmidt's method, in place.

    Each is made orthogonal to those before it twice, which is enough (Giraud, Langou, Rozloznik,
    2005). One that depends on them is replaced; from the n-th on they are zero. `length` is n.
    """
    for d in range(min(rows.shape[0], length)):
        before = np.sqrt(_multiply(rows[d], rows[d], length))
        left = _leave_out(rows, d, length)
        other = 0
        while left <= np.float32(1e-5) * before and other < length:
            rows[d] = 0
            rows[d, (d + other) % length] = before = 1
            left = _leave_out(rows, d, length)
            other += 1
        rows[d] /= left
    rows[length:] = 0


@compiled
def _leave_out(rows, d, length):
    """Take from row d what lies along the rows before it; returns the length left."""
    row = rows[d]
    for _ in range(2):
        for e in range(d):
            other = rows[e]
            share = _multiply(row, other, length)
            for i in range(length):
                row[i] -= share * other[i]
    return np.sqrt(_multiply(row, row, length))


@compiled
def _multiply(one, other, length):
    """Inner product over the first `length` entries."""
    total = np.float32(0)
    for i in range(length):
        total += one[i] * other[i]
    return total


@compiled
def balance_features(projections, layer, recent, stride, nodes, fitting, crew):
    """Balance the spread of features between a layer's recent inputs and its first `nodes` nodes.

    The nodes' features, as projected last, are scaled anew. Returns the multiplications done.
    """
    m, samples = projections.centres.shape[1], recent.shape[0]
    scales, features = projections.scales[layer], projections.features[layer]
    products, squares, origin = fitting.products, fitting.squares, np.zeros(stride, np.float32)
    project_inputs(projections, layer, recent, stride, origin, products, crew)
    # By groups of nodes, so that the sums do not depend on the number of threads.
    groups = -(-nodes // GROUP)
    first, stop = span(crew, groups)
    for group in range(first, stop):
        squares[group] = 0
        for node in range(group * GROUP, min(group * GROUP + GROUP, nodes)):
            for d in range(m + 1):
                squares[group, d] += features[node, d] ** 2
    meet(crew)
    new = np.empty(m + 1, np.float32)
    for d in range(m + 1):
        query = 1.0
        if d < m:
            deviations = products[:samples, d] - projections.centres[layer, d]
            query = np.sqrt((deviations**2).mean())
        spread = np.sqrt(squares[:groups, d].sum() / nodes) * scales[d]
        new[d] = np.sqrt((spread + 1e-9) / (query + 1e-9))
    first, stop = span(crew, nodes)
    for node in range(first, stop):
        for d in range(m + 1):
            features[node, d] *= scales[d] / new[d]
    meet(crew)
    if crew.part > 0:
        return 0
    scales[:] = new
    return samples * stride * m + (samples + 2 * nodes) * (m + 1)


@compiled
def project_query(projections, layer, x, features):
    """Features of a layer's input x (a Vector); returns the multiplications."""
    directions, m = projections.directions, projections.centres.shape[1]
    centres, scales = projections.centres[layer], projections.scales[layer]
    longest = directions.shape[2]
    for d in range(m):
        at = (layer * (m + 1) + d) * longest
        projected = dot_blocks(directions, at, x.values, x.blocks)
        features[d] = (projected - centres[d]) * scales[d]
    features[m] = scales[m]
    nonzero = x.ids.shape[0] - 1
    return m * (1 + nonzero * projections.multiplies)


@compiled
def project_nodes(projections, layer, first, rows, blocks):
    """Features of the nodes from `first` on, kept in `features`; returns the multiplications.

    `rows` are their weight rows, float32 (nodes, stride). A node's features do not depend on which
    others are projected with it.
    """
    m, (nodes, stride) = projections.centres.shape[1], rows.shape
    features, scales = projections.features[layer, first : first + nodes], projections.scales[layer]
    directions = projections.directions[layer, :, :stride]
    multiply_rows(rows, directions, blocks, features)
    for node in range(nodes):
        for d in range(m + 1):
            features[node, d] /= scales[d]
    return nodes * (m + 1 + (1 + m * projections.multiplies) * stride)


@compiled
def multiply_rows(left, right, blocks, products):
    """Inner products of all rows of `left` with all of `right`, to products[:, : len(right)]."""
    rows, columns = left.shape[0] // TILE * TILE, right.shape[0] // TILE * TILE
    for i in range(0, rows, TILE):
        mine = left[i : i + TILE]
        for j in range(0, columns, TILE):
            place = products[i : i + TILE, j : j + TILE]
            dot_tile(mine, right[j : j + TILE], blocks, place)
    for i in range(left.shape[0]):
        for j in range(columns if i < rows else 0, right.shape[0]):
            products[i, j] = dot_blocks(left[i], 0, right[j], blocks)


@compiled
def project_step(projections, layer, x, query, change):
    """Features that a step of 1 along x adds to those of a node; `query` is x's, as a query.

    Returns the multiplications.
    """
    directions, m = projections.directions, projections.centres.shape[1]
    centres, scales = projections.centres[layer], projections.scales[layer]
    for d in range(m):
        change[d] = (query[d] / scales[d] + centres[d]) / scales[d]
    at = (layer * (m + 1) + m) * directions.shape[2]
    change[m] = dot_blocks(directions, at, x.values, x.blocks) / scales[m]
    return 2 * m + x.ids.shape[0]


@compiled
def estimate_inner_product(projections, layer, node, query):
    """The inner product of a node's and the query's features, close to w.x."""
    features = projections.features
    at = (layer * features.shape[1] + node) * features.shape[2]
    return dot_blocks(features, at, query, projections.blocks)
