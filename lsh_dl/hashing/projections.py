"""From vectors to hash bits: linear features of weights and inputs, and signs of their mixtures.

A node's weight row w (bias included) and a layer's input x are both mapped to a few *features*
such that the inner product of the features is close to w.x; SimHash bits (Charikar, STOC 2002)
are the signs of random mixtures of features, or of the features themselves:

========  ========================================================  ===========================
family    features                                                  bits
========  ========================================================  ===========================
gaussian  K L random Gaussian directions                            signs of the features
sparse    K L directions of entries -1, 0, 1 (Achlioptas 2003)      signs of the features
pooled    means over equal runs of the inputs (the authors' code)   signs of random mixtures
fitted    the leading principal directions of the layer's inputs    signs of random mixtures
========  ========================================================  ===========================

Where the query is *centred*, its features are those of x - mean(x), and w.mean(x) is one more
feature of the node, against 1 in the query: inputs are non-negative, all point into one orthant,
and a hyperplane through the origin hardly tells them apart.

Where the mixtures are *balanced*, feature i counts s_i times in the query and 1 / s_i times in the
node, with s_i the root of the ratio of their spreads: inner products stay as they are, but angles
between query and node then follow them closely.
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros, padded, row_length
from lsh_dl.engine.simd import LANES, dot_blocks

#: Families whose projections need additions only: their multiplications count as 0.
ADDITIONS_ONLY = ("sparse", "pooled")


class Projections(NamedTuple):
    """Projections of all hidden layers, stacked; rows are padded with zeros to whole blocks.

    m directions; features 0 to m - 1 are the projections, feature m is w.mean(x) against 1.
    """

    directions: np.ndarray  # float32 (layers, m + 1, longest weight row); the last is mean(x)
    centres: np.ndarray  # float32 (layers, m): directions . mean(x)
    query_mix: np.ndarray  # float32 (layers, K L, padded features); unused if not mixed
    node_mix: np.ndarray  # float32 (layers, K L, padded features)
    features: np.ndarray  # float32 (layers, nodes, padded features): of every node
    blocks: np.ndarray  # int32: the blocks of a row of features
    row_blocks: np.ndarray  # int32: the blocks of the longest weight row
    mixed: bool
    multiplies: bool  # False if projecting takes additions only


def create_projections(
    family: str,
    directions: int,
    hash_bits: int,
    inputs: np.ndarray,
    nodes: int,
    centred: bool,
    generator: np.random.Generator,
) -> Projections:
    """Draw the projections of every hidden layer.

    Parameters
    ----------
    family
        gaussian, sparse, pooled or fitted; a fitted one starts from random directions.
    directions
        m of a pooled or fitted family; the others have one direction a bit.
    hash_bits
        K L.
    inputs
        int64 (layers,): inputs of each layer, without the bias.
    nodes
        Width of the widest layer.
    centred
        Whether queries will be centred, so that the feature w.mean(x) has a part in the bits.
    """
    layers = len(inputs)
    mixed = family in ("pooled", "fitted")
    m = directions if mixed else hash_bits
    width, longest = padded(m + 1), row_length(int(inputs.max()))
    rows = aligned_zeros(layers, m + 1, longest)
    for layer, count in enumerate(inputs):
        rows[layer, :m, : count + 1] = _draw_directions(family, m, int(count) + 1, generator)
    mix = aligned_zeros(layers, hash_bits, width)
    if mixed:
        mix[:, :, : m + centred] = generator.standard_normal((layers, hash_bits, m + centred))
    node_mix = aligned_zeros(layers, hash_bits, width)
    node_mix[:] = mix
    return Projections(
        directions=rows,
        centres=np.zeros((layers, m), np.float32),
        query_mix=mix,
        node_mix=node_mix,
        features=aligned_zeros(layers, nodes, width),
        blocks=np.arange(0, width, LANES, dtype=np.int32),
        row_blocks=np.arange(0, longest, LANES, dtype=np.int32),
        mixed=mixed,
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
    return generator.standard_normal((m, inputs)) / np.sqrt(m)


def centre_projections(projections: Projections, layer: int, recent: np.ndarray) -> int:
    """Centre a layer's queries on the mean of its recent inputs, float32 (samples, row).

    Returns the multiplications done.
    """
    mean = recent.mean(axis=0)
    stride, m = recent.shape[1], projections.centres.shape[1]
    rows = projections.directions[layer, :, :stride]
    rows[m] = mean
    projections.centres[layer] = rows[:m] @ mean
    return m * stride


def fit_directions(
    projections: Projections, layer: int, recent: np.ndarray, iterations: int
) -> int:
    """Turn a layer's directions towards the leading principal ones of its recent inputs.

    Orthogonal iteration (Golub & Van Loan, 8.2.4) from where they stand: the directions drift
    slowly, so one iteration a time follows them. Directions beyond the row's length are zero.
    Returns the multiplications done.
    """
    m = projections.centres.shape[1]
    samples, stride = recent.shape
    deviations = recent - recent.mean(axis=0)
    rows = projections.directions[layer, :m, :stride]
    for _ in range(iterations):
        basis = np.linalg.qr(deviations.T @ (deviations @ rows.T))[0].T
        rows[: len(basis)] = basis
        rows[len(basis) :] = 0
    return iterations * (2 * samples * m * stride + 2 * m * m * stride)


def balance_mixtures(
    projections: Projections, layer: int, recent: np.ndarray, weights: np.ndarray
) -> int:
    """Balance the spread of a layer's features between its recent inputs and its weight rows.

    Returns the multiplications done.
    """
    m = projections.centres.shape[1]
    rows = projections.directions[layer, :, : recent.shape[1]]
    query = np.ones(m + 1)
    query[:m] = _root_mean_square(recent @ rows[:m].T - projections.centres[layer])
    scale = np.sqrt((_root_mean_square(weights @ rows.T) + 1e-9) / (query + 1e-9))
    unbalanced = np.sqrt(
        projections.query_mix[layer, :, : m + 1] * projections.node_mix[layer, :, : m + 1]
    ) * np.sign(projections.node_mix[layer, :, : m + 1])
    projections.query_mix[layer, :, : m + 1] = unbalanced * scale
    projections.node_mix[layer, :, : m + 1] = unbalanced / scale
    return recent.size * m + weights.size * (m + 1)


def _root_mean_square(columns: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(columns**2, axis=0))


@compiled
def mix_features(projections, mixtures, layer, features, start, scores):
    """Scores whose signs are the hash bits, float32 (K L,); returns the multiplications."""
    m = projections.centres.shape[1]
    bits, width = mixtures.shape[1:]
    if not projections.mixed:
        scores[:bits] = features.reshape(-1)[start : start + bits]
        return 0
    row = features.reshape(-1)[start : start + width]
    for bit in range(bits):
        at = (layer * bits + bit) * width
        scores[bit] = dot_blocks(mixtures, at, row, projections.blocks)
    return bits * (m + 1)


@compiled
def project_query(projections, layer, x, features, scores):
    """Features and scores of a layer's input x (a Vector); returns the multiplications."""
    directions, m = projections.directions, projections.centres.shape[1]
    longest = directions.shape[2]
    for d in range(m):
        at = (layer * (m + 1) + d) * longest
        projected = dot_blocks(directions, at, x.values, x.blocks)
        features[d] = projected - projections.centres[layer, d]
    features[m] = 1
    nonzero = x.ids.shape[0] - 1
    mixing = mix_features(projections, projections.query_mix, layer, features, 0, scores)
    return mixing + m * nonzero * projections.multiplies


@compiled
def project_node(projections, layer, node, row, blocks, scores):
    """Features (kept) and scores of a node's weight row; returns the multiplications."""
    directions, features = projections.directions, projections.features
    m = projections.centres.shape[1]
    longest, width = directions.shape[2], features.shape[2]
    start = (layer * features.shape[1] + node) * width
    flat = features.reshape(-1)
    for d in range(m + 1):
        at = (layer * (m + 1) + d) * longest
        flat[start + d] = dot_blocks(directions, at, row, blocks)
    mixing = mix_features(projections, projections.node_mix, layer, features, start, scores)
    return mixing + (1 + m * projections.multiplies) * row.shape[0]


@compiled
def estimate_inner_product(projections, layer, node, query):
    """The inner product of a node's and the query's features, close to w.x."""
    features = projections.features
    at = (layer * features.shape[1] + node) * features.shape[2]
    return dot_blocks(features, at, query, projections.blocks)
