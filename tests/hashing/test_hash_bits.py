"""Hash bits against the theory of each family, and what balance, rotations and lifts do to them."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from networks import follow_inputs, to_vector

from lsh_dl.engine.network import padded
from lsh_dl.hashing.hash_bits import (
    BIN,
    WINNER_BITS,
    Bits,
    create_bits,
    create_winner_bits,
    lift_scores,
    score_features,
    score_winners,
)
from lsh_dl.hashing.probing import code_of
from lsh_dl.hashing.projections import Projections, create_projections, project_nodes, project_query

ANGLES = np.radians([10, 30, 60, 90, 120, 150, 175])
FAMILIES = ["gaussian", "sparse", "pooled", "fitted"]
MIXED = ("pooled", "fitted")


def make_hashes(
    family,
    count,
    inputs,
    nodes=1,
    layers=1,
    directions=8,
    centred=False,
    orthogonal=False,
    asymmetric=False,
):
    """Projections and bits of equal layers."""
    generator = np.random.default_rng(0)
    mixed = family in MIXED
    m = directions if mixed else count
    projections = create_projections(family, m, np.full(layers, inputs), nodes, generator)
    columns = np.array([*range(m), *[m] * centred]) if mixed else np.arange(0)
    width = projections.features.shape[2]
    bits = create_bits(count, nodes, layers, columns, width, orthogonal, asymmetric, generator)
    return projections, bits


def score_query(projections: Projections, bits: Bits, layer, x, count):
    """Features and scores of a layer's input without the bias's 1."""
    features = np.zeros(projections.features.shape[2], np.float32)
    scores = np.zeros(count, np.float32)
    project_query(projections, layer, to_vector(x), features)
    score_features(bits, projections, layer, features, scores)
    return features, scores


def score_node(projections: Projections, bits: Bits, layer, node, w, count):
    """Features and scores of a weight row (bias last)."""
    row, scores = np.zeros(padded(w.size), np.float32), np.zeros(count, np.float32)
    row[: w.size] = w
    project_nodes(projections, layer, node, row[None], np.arange(0, row.size, 16, dtype=np.int32))
    features = projections.features[layer, node].copy()
    score_features(bits, projections, layer, features, scores)
    if bits.lifts.shape[1]:
        hashed = features if bits.mixtures.shape[1] else w
        bits.lengths[layer, node] = hashed @ hashed
        bits.longest[layer] = max(bits.longest[layer], bits.lengths[layer, node])
        lift_scores(bits, layer, node, scores)
    return features, scores


def pair_at_angle(inputs, angle, generator):
    """An input x and a weight row w (bias last) with that angle between (x, 1) and w."""
    x = generator.standard_normal(inputs)
    query = np.append(x, 1)
    query /= np.linalg.norm(query)
    other = generator.standard_normal(inputs + 1)
    other -= query * (other @ query)
    other /= np.linalg.norm(other)
    return x, np.cos(angle) * query + np.sin(angle) * other


@pytest.mark.parametrize("angle", ANGLES, ids=lambda a: f"{np.degrees(a):.0f}")
@pytest.mark.parametrize(("family", "spare"), [("gaussian", 0.0), ("sparse", 0.02)])
def test_bits_collide_as_often_as_the_angle_says(family, spare, angle):
    count = 4000
    hashes = make_hashes(family, count, inputs=120)
    generator = np.random.default_rng(int(np.degrees(angle)))
    x, w = pair_at_angle(120, angle, generator)
    query, node = score_query(*hashes, 0, x, count)[1], score_node(*hashes, 0, 0, w, count)[1]
    expected = 1 - angle / np.pi
    band = 4 * np.sqrt(expected * (1 - expected) / count) + spare
    assert ((query > 0) == (node > 0)).mean() == pytest.approx(expected, abs=band)


def angle_between(one, other):
    return np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("family", MIXED)
def test_mixtures_collide_as_often_as_the_angle_of_their_features_says(family, orthogonal, centred):
    count = 4000
    hashes = make_hashes(family, count, inputs=50, nodes=5, centred=centred, orthogonal=orthogonal)
    generator = np.random.default_rng(3)
    recent = np.float32(generator.random((64, 64)) * (np.arange(64) <= 50))
    recent[:, 50] = 1
    if centred:
        follow_inputs(hashes[0], recent, centred=True)
    used = slice(0, 8 + centred)  # the last feature is w.mean(x) against 1
    rates = []
    for node in range(5):
        x, w = recent[node, :50], generator.standard_normal(51)
        query, query_scores = score_query(*hashes, 0, x, count)
        features, node_scores = score_node(*hashes, 0, node, w, count)
        expected = 1 - angle_between(query[used], features[used]) / np.pi
        rates.append(expected)
        same = ((query_scores > 0) == (node_scores > 0)).mean()
        assert same == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(count))
    assert np.ptp(rates) > 0.1


def test_bits_of_rotations_tell_an_angle_better_than_independent_ones():
    """Super-Bit's point: the same mean, a smaller variance."""
    draws, count = 1500, 8
    deviations = {}
    for orthogonal in (False, True):
        hashes = make_hashes(
            "fitted", count, inputs=7, layers=draws, directions=8, orthogonal=orthogonal
        )
        hashes[0].directions[:, :8, :8] = np.eye(8)
        x, w = pair_at_angle(7, np.radians(60), np.random.default_rng(1))
        agreed = [
            np.sum(
                (score_query(*hashes, layer, x, count)[1] > 0)
                == (score_node(*hashes, layer, 0, w, count)[1] > 0)
            )
            for layer in range(draws)
        ]
        assert np.mean(agreed) == pytest.approx(count * (1 - 60 / 180), abs=0.15)
        deviations[orthogonal] = np.std(agreed)
    assert deviations[True] < 0.9 * deviations[False]


@pytest.mark.parametrize("degrees", [20, 45, 80])
@pytest.mark.parametrize(("K", "L"), [(1, 1), (4, 1), (3, 6), (6, 5)])
def test_chance_of_retrieval_is_one_minus_one_minus_p_to_the_k_to_the_l(K, L, degrees):
    draws = 1200  # every layer has hash functions of its own: as many independent draws
    hashes = make_hashes("gaussian", K * L, inputs=31, layers=draws)
    x, w = pair_at_angle(31, np.radians(degrees), np.random.default_rng(degrees))
    retrieved = 0
    for draw in range(draws):
        node_scores = score_node(*hashes, draw, 0, w, K * L)[1]
        query_scores = score_query(*hashes, draw, x, K * L)[1]
        retrieved += any(
            code_of(node_scores, table, K) == code_of(query_scores, table, K) for table in range(L)
        )
    p = 1 - degrees / 180
    expected = 1 - (1 - p**K) ** L
    band = 4 * np.sqrt(expected * (1 - expected) / draws)
    assert retrieved / draws == pytest.approx(expected, abs=band)


@pytest.mark.parametrize("family", ["gaussian", "fitted"])
@pytest.mark.parametrize("length", [0.2, 0.6, 1.0])
def test_asymmetric_bits_collide_as_often_as_the_inner_product_says(family, length):
    """Simple-LSH: p = 1 - arccos(q.w / (|q| M)) / pi, whatever the node's own length."""
    count, inputs, angle = 6000, 7, np.radians(50)
    hashes = make_hashes(
        family, count, inputs, nodes=2, directions=8, asymmetric=True, orthogonal=True
    )
    if family == "fitted":
        hashes[0].directions[0, :8, :8] = np.eye(8)
    x, w = pair_at_angle(inputs, angle, np.random.default_rng(2))
    score_node(*hashes, 0, 1, 3 * w, count)  # the longest: M = 3
    query = score_query(*hashes, 0, x, count)[1]
    node = score_node(*hashes, 0, 0, 3 * length * w, count)[1]
    expected = 1 - np.arccos(length * np.cos(angle)) / np.pi
    same = ((query > 0) == (node > 0)).mean()
    assert same == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(count))


def winner_scores(bits, values):
    scores = np.zeros(bits.bins.shape[1] * WINNER_BITS, np.float32)
    score_winners(bits, 0, np.float32(values), scores)
    return scores


def winners_of(scores):
    return [code_of(scores, winner, WINNER_BITS) for winner in range(scores.size // WINNER_BITS)]


@given(
    arrays(np.float32, 30, elements=st.sampled_from([0, 0, -2, -1, -0.5, 0.25, 0.5, 1, 2, 3])),
    st.integers(0, 5),
)
def test_a_winner_is_the_largest_non_zero_entry_of_its_bin(values, seed):
    bits = create_winner_bits(60, 1, np.array([29]), np.random.default_rng(seed))
    for winner, place in enumerate(winners_of(winner_scores(bits, values))):
        entries = values[bits.bins[0, winner]]
        if np.count_nonzero(entries):
            assert entries[place] == max(entries[entries != 0])
            assert entries[place] != 0


def test_winners_collide_as_often_as_their_ranks_say():
    """The chance that the largest of a random bin is the same entry (Yagnik et al., ICCV 2011)."""
    inputs, winners = 39, 6000
    generator = np.random.default_rng(2)
    bits = create_winner_bits(WINNER_BITS * winners, 1, np.array([inputs]), generator)
    rates = []
    for mixing in (0.0, 0.5, 1.0):
        one = generator.standard_normal(inputs + 1)
        other = mixing * one + (1 - mixing) * generator.standard_normal(inputs + 1)
        below_both = ((one[:, None] > one) & (other[:, None] > other)).sum(axis=1)
        expected = sum(comb(int(n), BIN - 1) for n in below_both) / comb(inputs + 1, BIN)
        same = np.equal(*(winners_of(winner_scores(bits, v)) for v in (one, other))).mean()
        band = 4 * 0.5 / np.sqrt(winners)
        assert same == pytest.approx(expected, abs=band)
        rates.append(same)
    assert rates[0] < rates[1] < rates[2] == 1


def test_empty_bins_borrow_from_full_ones():
    """Densification: sparse vectors with the same few non-zeros collide, others hardly do."""
    bits = create_winner_bits(WINNER_BITS * 400, 1, np.array([199]), np.random.default_rng(0))
    one, other, third = np.zeros(200), np.zeros(200), np.zeros(200)
    one[[3, 50, 120, 160]] = [1.0, 2.0, 3.0, 4.0]
    other[[3, 50, 120, 160]] = [0.1, 0.5, 0.6, 0.9]
    third[[7, 51, 121, 161]] = [4.0, 3.0, 2.0, 1.0]
    empty = np.mean([not one[entries].any() for entries in bits.bins[0]])
    assert empty > 0.7
    codes = [winners_of(winner_scores(bits, v)) for v in (one, other, third)]
    assert codes[0] == codes[1]
    assert np.equal(codes[0], codes[2]).mean() < 0.4
    assert len(set(codes[0])) == 8, "not all of them from one bin"


def test_vectors_of_zeros_and_short_ones_have_winners_too():
    for inputs in (1, 3, 7):
        bits = create_winner_bits(12, 1, np.array([inputs]), np.random.default_rng(0))
        assert winners_of(winner_scores(bits, np.zeros(inputs + 1))) == [0, 0, 0, 0]
        assert np.isfinite(winner_scores(bits, np.ones(inputs + 1))).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("inputs", [1, 3, 15, 16, 70])
def test_zero_vectors_and_constant_inputs_hash_to_something_finite(family, asymmetric, inputs):
    hashes = make_hashes(family, 6, inputs, nodes=4, centred=True, asymmetric=asymmetric)
    projections = hashes[0]
    for recent in (np.zeros, np.ones):
        inputs_seen = recent((20, padded(inputs + 1)), np.float32)
        iterations = 2 * (family == "fitted")
        follow_inputs(projections, inputs_seen, iterations, centred=True, balanced=4)
        for x in (np.zeros(inputs), np.ones(inputs)):
            assert np.isfinite(np.concatenate(score_query(*hashes, 0, x, 6))).all()
        for w in (np.zeros(inputs + 1), np.ones(inputs + 1)):
            features, scores = score_node(*hashes, 0, 0, w, 6)
            assert np.isfinite(features).all()
            assert np.isfinite(scores).all()
        if not asymmetric:
            zero = score_node(*hashes, 0, 0, np.zeros(inputs + 1), 6)[1]
            np.testing.assert_array_equal(zero, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_work_of_bits_is_that_of_the_mixtures_and_lifts(family):
    projections, bits = make_hashes(family, 10, 63, directions=8, asymmetric=True)
    features, scores = np.zeros(16, np.float32), np.zeros(10, np.float32)
    expected = 10 * 8 if family in MIXED else 0
    assert score_features(bits, projections, 0, features, scores) == expected
    assert lift_scores(bits, 0, 0, scores) == 10
