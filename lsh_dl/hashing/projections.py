"""Features: a few numbers for a weight row and for an input, with nearly the same inner product.

A node's weight row w (bias included) and a layer's input x are both mapped to a few *features*
such that the inner product of the features is close to w.x; hash bits are made of them
(lsh_dl/hashing/hash_bits.py). Families of features:

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
from lsh_dl.engine.simd import LANES, TILE, dot_blocks, dot_rows, dot_tile

#: Families whose projections need additions only: their multiplications count as 0.
ADDITIONS_ONLY = ("sparse", "pooled")


class Projections(NamedTuple):
    """Projections of all hidden layers, stacked; rows are padded with zeros to whole blocks.

    m directions; features 0 to m - 1 are the projections, feature m is w.mean(x) against 1.
    """

    directions: np.ndarray  # float32 (layers, m + 1, longest weight row); the last is mean(x)
    centres: np.ndarray  # float32 (layers, m): directions . mean(x)
    scales: np.ndarray  # float32 (layers, m + 1): see fitting.balance_features
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


def double_projections(projections: Projections) -> Projections:
    """Two places for each layer: the first ones' contents as they are, then as many others."""
    doubled = {}
    for name in ("directions", "centres", "scales", "features"):
        array = getattr(projections, name)
        doubled[name] = aligned_zeros(2 * len(array), *array.shape[1:])
        doubled[name][: len(array)] = array
    return projections._replace(**doubled)


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
def estimate_inner_products(projections, layer, nodes, query, estimates):
    """The inner products of the nodes' and the query's features, close to w.x, to `estimates`."""
    features = projections.features
    start, width = layer * features.shape[1] * features.shape[2], features.shape[2]
    dot_rows(features, start, width, nodes, query, projections.blocks, estimates)
