"""Hash bits: the signs of scores, made of a vector's features or of its own entries.

SimHash (Charikar, STOC 2002)
    Scores are random projections. The features of families that are random already are the scores;
    those of the pooled and fitted families are mixed at random. Mixtures can be *orthogonal* in
    groups as large as there are features (Super-Bit, Ji et al., NIPS 2012): each bit still tells
    the angle as before, and together they tell it better.

Densified winner-take-all, DWTA (Chen & Shrivastava, UAI 2018)
    A winner is the largest non-zero entry of 8 drawn at random; its place among them gives three
    bits. A bin without a non-zero entry borrows from another one. The sign of a bit's score is the
    winner's bit, its size is the winner's lead over the largest entry at a place with the other.

Maximum inner products rather than angles
    SimHash finds vectors at a small angle; long weight rows at a larger one are missed.
    *Asymmetric* hashing gives each node one more coordinate, sqrt(M^2 - |w|^2) with M the longest
    node's length, against 0 in queries: then all nodes are equally long, and the angle follows the
    inner product (Simple-LSH, Neyshabur & Srebro, ICML 2015).
"""

from typing import NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros, padded
from lsh_dl.engine.prng import mix
from lsh_dl.engine.simd import dot_blocks

#: Entries that a winner is the largest of, and the bits of its place.
BIN, WINNER_BITS = 8, 3
#: Stands for entries that take no part.
ABSENT = np.float32(-1e30)
#: The margin of two equal entries, the first of which wins.
TIE = np.float32(1e-30)


class Bits(NamedTuple):
    """How scores are made in all hidden layers; what a family does not need has length 0."""

    mixed: int  # features that a mixture is made of
    mixtures: np.ndarray  # float32 (layers, K L or 0, padded features)
    lifts: np.ndarray  # float32 (layers, K L or 0): weights of the asymmetric coordinate
    bins: np.ndarray  # int32 (layers, winners or 0, BIN): entries of each bin
    lengths: np.ndarray  # float32 (layers, nodes): squared length of a node's hashed vector
    longest: np.ndarray  # float32 (layers,): M^2


def create_bits(
    count: int,
    nodes: int,
    layers: int,
    columns: np.ndarray,
    width: int,
    orthogonal: bool,
    asymmetric: bool,
    generator: np.random.Generator,
) -> Bits:
    """SimHash of features.

    Parameters
    ----------
    count
        K L, bits of a vector.
    nodes, layers
        Width of the widest hidden layer, hidden layers.
    columns
        The features that are mixed; none: the features are the scores, and there are K L of them.
    width
        Length of a row of features.
    orthogonal
        Draw mixtures orthogonal in groups of as many as there are coordinates.
    asymmetric
        Hash nodes with one more coordinate.
    """
    mixed = len(columns)
    mixtures = aligned_zeros(layers, count if mixed else 0, width)
    lifts = np.zeros((layers, count if asymmetric else 0), np.float32)
    for layer in range(layers):
        if mixed:
            rows = _draw_mixtures(count, mixed + asymmetric, orthogonal, generator)
            mixtures[layer][:, columns] = rows[:, :mixed]
            lifts[layer] = rows[:, mixed] if asymmetric else lifts[layer]
        elif asymmetric:
            # As the entries of Gaussian features, which keep inner products on average.
            lifts[layer] = generator.standard_normal(count) / np.sqrt(count)
    return Bits(
        mixed,
        mixtures,
        lifts,
        np.zeros((layers, 0, BIN), np.int32),
        np.zeros((layers, nodes), np.float32),
        np.zeros(layers, np.float32),
    )


def create_winner_bits(
    count: int, nodes: int, inputs: np.ndarray, generator: np.random.Generator
) -> Bits:
    """DWTA: `count` bits (a multiple of 3) from bins of entries of the vectors themselves.

    `inputs` are those of each hidden layer without the bias, int64 (layers,); the bias is one of
    the entries.
    """
    winners = count // WINNER_BITS
    bins = np.zeros((len(inputs), winners, BIN), np.int32)
    for layer, entries in enumerate(inputs + 1):
        for start in range(winners):
            bins[layer, start] = np.resize(generator.permutation(entries), BIN)
    return Bits(
        0,
        aligned_zeros(len(inputs), 0, padded(1)),
        np.zeros((len(inputs), 0), np.float32),
        bins,
        np.zeros((len(inputs), nodes), np.float32),
        np.zeros(len(inputs), np.float32),
    )


def _draw_mixtures(count: int, size: int, orthogonal: bool, generator: np.random.Generator):
    """Gaussian rows (count, size), or rows of random rotations."""
    rows = generator.standard_normal((count, size))
    if not orthogonal:
        return rows
    for start in range(0, count, size):
        rotation = np.linalg.qr(generator.standard_normal((size, size)))[0]
        rows[start : start + size] = rotation[: count - start]
    return rows


@compiled
def score_features(bits, projections, layer, features, scores):
    """Scores of a row of features, float32 (K L,); returns the multiplications."""
    mixtures, count = bits.mixtures, scores.shape[0]
    if mixtures.shape[1] == 0:
        scores[:] = features[:count]
        return 0
    width = mixtures.shape[2]
    for bit in range(count):
        at = (layer * count + bit) * width
        scores[bit] = dot_blocks(mixtures, at, features, projections.blocks)
    return count * bits.mixed


@compiled
def lift_scores(bits, layer, node, scores):
    """Add a node's asymmetric coordinate to its scores; returns the multiplications."""
    lift = np.sqrt(max(np.float32(0), bits.longest[layer] - bits.lengths[layer, node]))
    for bit in range(bits.lifts.shape[1]):
        scores[bit] += lift * bits.lifts[layer, bit]
    return bits.lifts.shape[1]


@compiled
def score_winners(bits, layer, values, scores):
    """DWTA scores of a dense vector."""
    winners = bits.bins.shape[1]
    for winner in range(winners):
        entries = bits.bins[layer, _find_donor(bits.bins[layer], winner, values)]
        best = 0
        for place in range(BIN):
            value, highest = values[entries[place]], values[entries[best]]
            if value != 0 and (value > highest or highest == 0):
                best = place
        for bit in range(WINNER_BITS):
            rival = ABSENT
            for place in range(BIN):
                value = values[entries[place]]
                if value != 0 and (place ^ best) >> bit & 1:
                    rival = max(rival, value)
            margin = max(values[entries[best]] - rival, TIE)
            scores[winner * WINNER_BITS + bit] = margin if best >> bit & 1 else -margin


@compiled
def _find_donor(bins, winner, values):
    """The bin itself if it holds a non-zero entry, else the first that does of a random walk.

    The walk depends on the bin alone, so that a query and a node borrow from the same.
    """
    count, candidate = bins.shape[0], winner
    for step in range(4 * count):
        for place in range(BIN):
            if values[bins[candidate, place]] != 0:
                return candidate
        candidate = np.int64(mix(np.uint64(winner), step) % np.uint64(count))
    return winner
