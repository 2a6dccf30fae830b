"""Hash bits against the theory of random projections, and features against inner products."""

import numpy as np
import pytest
from networks import to_vector

from lsh_dl.engine.network import padded
from lsh_dl.hashing.probing import code_of
from lsh_dl.hashing.projections import (
    balance_mixtures,
    centre_projections,
    create_projections,
    estimate_inner_product,
    fit_directions,
    project_node,
    project_query,
)
from lsh_dl.hashing.tables import create_tables, place_node

ANGLES = np.radians([10, 30, 60, 90, 120, 150, 175])
FAMILIES = ["gaussian", "sparse", "pooled", "fitted"]


def make_projections(family, bits, inputs, nodes=1, layers=1, directions=8, centred=False, seed=0):
    """Projections of equal layers."""
    return create_projections(
        family,
        directions,
        bits,
        np.full(layers, inputs),
        nodes,
        centred,
        np.random.default_rng(seed),
    )


def to_row(w):
    """A weight row, its last number being the bias, in whole blocks."""
    row = np.zeros(padded(w.size), np.float32)
    row[: w.size] = w
    return row


def score_query(projections, layer, x):
    """Features and scores of a layer's input without the bias's 1."""
    features = np.zeros(projections.features.shape[2], np.float32)
    scores = np.zeros(projections.query_mix.shape[1], np.float32)
    project_query(projections, layer, to_vector(x), features, scores)
    return features, scores


def score_node(projections, layer, node, w):
    """Features and scores of a weight row (bias last)."""
    scores = np.zeros(projections.node_mix.shape[1], np.float32)
    row = to_row(w)
    blocks = np.arange(0, row.size, 16, dtype=np.int32)
    project_node(projections, layer, node, row, blocks, scores)
    return projections.features[layer, node].copy(), scores


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
    bits = 4000
    projections = make_projections(family, bits, inputs=120)
    generator = np.random.default_rng(int(np.degrees(angle)))
    x, w = pair_at_angle(120, angle, generator)
    same = (score_query(projections, 0, x)[1] > 0) == (score_node(projections, 0, 0, w)[1] > 0)
    expected = 1 - angle / np.pi
    band = 4 * np.sqrt(expected * (1 - expected) / bits) + spare
    assert same.mean() == pytest.approx(expected, abs=band)


def angle_between(one, other):
    return np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("family", ["pooled", "fitted"])
def test_mixtures_collide_as_often_as_the_angle_of_their_features_says(family, centred):
    bits = 4000
    projections = make_projections(family, bits, inputs=50, nodes=5, centred=centred)
    generator = np.random.default_rng(3)
    recent = np.float32(generator.random((64, 64)) * (np.arange(64) <= 50))
    recent[:, 50] = 1
    if centred:
        centre_projections(projections, 0, recent)
    used = slice(0, 8 + centred)  # the last feature is w.mean(x) against 1
    rates = []
    for node in range(5):
        x, w = recent[node, :50], generator.standard_normal(51)
        query, query_scores = score_query(projections, 0, x)
        features, node_scores = score_node(projections, 0, node, w)
        expected = 1 - angle_between(query[used], features[used]) / np.pi
        rates.append(expected)
        same = ((query_scores > 0) == (node_scores > 0)).mean()
        assert same == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(bits))
    assert np.ptp(rates) > 0.1


@pytest.mark.parametrize("degrees", [20, 45, 80])
@pytest.mark.parametrize(("K", "L"), [(1, 1), (4, 1), (3, 6), (6, 5)])
def test_chance_of_retrieval_is_one_minus_one_minus_p_to_the_k_to_the_l(K, L, degrees):
    draws = 1200  # every layer has hash functions of its own: as many independent draws
    projections = make_projections("gaussian", K * L, inputs=31, layers=draws)
    x, w = pair_at_angle(31, np.radians(degrees), np.random.default_rng(degrees))
    retrieved = 0
    for draw in range(draws):
        tables = create_tables(K, L, 1)
        node_scores = score_node(projections, draw, 0, w)[1]
        for table in range(L):
            place_node(tables, table, 0, code_of(node_scores, table, K))
        query_scores = score_query(projections, draw, x)[1]
        heads = [tables.heads[table, code_of(query_scores, table, K)] for table in range(L)]
        retrieved += 0 in heads
    p = 1 - degrees / 180
    expected = 1 - (1 - p**K) ** L
    band = 4 * np.sqrt(expected * (1 - expected) / draws)
    assert retrieved / draws == pytest.approx(expected, abs=band)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("inputs", [1, 3, 15, 16, 70])
def test_zero_vectors_and_constant_inputs_hash_to_something_finite(family, inputs):
    projections = make_projections(family, 6, inputs, centred=True)
    for recent in (np.zeros, np.ones):
        inputs_seen = recent((20, padded(inputs + 1)), np.float32)
        if family == "fitted":
            fit_directions(projections, 0, inputs_seen, 2)
        centre_projections(projections, 0, inputs_seen)
        balance_mixtures(projections, 0, inputs_seen, np.zeros((4, padded(inputs + 1))))
        for x in (np.zeros(inputs), np.ones(inputs)):
            assert np.isfinite(np.concatenate(score_query(projections, 0, x))).all()
        for w in (np.zeros(inputs + 1), np.ones(inputs + 1)):
            features, scores = score_node(projections, 0, 0, w)
            assert np.isfinite(features).all()
            assert np.isfinite(scores).all()
        zero = score_node(projections, 0, 0, np.zeros(inputs + 1))[1]
        np.testing.assert_array_equal(zero, 0)


@pytest.mark.parametrize("family", ["gaussian", "sparse"])
def test_features_keep_inner_products_on_average(family):
    draws = 1500
    projections = make_projections(family, 12, inputs=40, layers=draws)
    generator = np.random.default_rng(0)
    x, w = generator.standard_normal(40), generator.standard_normal(41)
    products = []
    for draw in range(draws):
        query = score_query(projections, draw, x)[0]
        score_node(projections, draw, 0, w)
        products.append(estimate_inner_product(projections, draw, 0, query))
    error = np.std(products) / np.sqrt(draws)
    assert np.mean(products) == pytest.approx(np.append(x, 1) @ w, abs=4 * error)


def draw_recent(samples, inputs, rank, seed=0, noise=0.0):
    """Inputs with the bias's 1, close to `rank` dimensions around a mean: whole blocks."""
    generator = np.random.default_rng(seed)
    spread = 2.0 ** -np.arange(rank) * 4
    x = (
        generator.standard_normal((samples, rank))
        * spread
        @ generator.standard_normal((rank, inputs))
    )
    x += generator.random(inputs) * 3 + noise * generator.standard_normal(x.shape)
    recent = np.zeros((samples, padded(inputs + 1)), np.float32)
    recent[:, :inputs] = x
    recent[:, inputs] = 1
    return recent


@pytest.mark.parametrize(("inputs", "m"), [(40, 5), (100, 8), (15, 1), (20, 20)])
def test_fitted_directions_are_orthonormal_and_span_the_principal_ones(inputs, m):
    projections = make_projections("fitted", 4, inputs, directions=m)
    recent = draw_recent(200, inputs, rank=m, noise=1e-3)
    fit_directions(projections, 0, recent, iterations=1)
    once = projections.directions[0, :m, : recent.shape[1]].astype(np.float64)
    np.testing.assert_allclose(once @ once.T, np.eye(m), atol=1e-5)
    fit_directions(projections, 0, recent, iterations=30)
    rows = projections.directions[0, :m, : recent.shape[1]].astype(np.float64)
    np.testing.assert_allclose(rows @ rows.T, np.eye(m), atol=1e-5)
    deviations = recent - recent.mean(axis=0, dtype=np.float64)
    singular, principal = np.linalg.svd(deviations, full_matrices=False)[1:]
    kept = np.linalg.norm(deviations @ rows.T) ** 2 / (singular**2).sum()
    best = (singular[:m] ** 2).sum() / (singular**2).sum()
    assert kept >= best * (1 - 1e-4)
    leading = min(m, 4)  # the weakest lie near the noise
    cosines = np.linalg.svd(principal[:leading] @ rows.T)[1]
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    assert abs(rows[:, inputs]).max() < 1e-3, "the bias's input does not vary"


def test_more_directions_than_a_row_has_numbers():
    projections = make_projections("fitted", 4, inputs=10, directions=40)
    fit_directions(projections, 0, draw_recent(50, 10, rank=3), iterations=3)
    rows = projections.directions[0, :40, :16]
    gram = rows @ rows.T
    np.testing.assert_allclose(gram[:16, :16], np.eye(16), atol=1e-5)
    assert not gram[16:].any()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_estimates_are_close_to_inner_products_where_the_data_lie_in_the_span(noise):
    inputs, m, nodes = 60, 6, 20
    projections = make_projections(
        "fitted", 4, inputs, nodes=nodes, directions=m, centred=True, seed=1
    )
    recent = draw_recent(256, inputs, rank=m, noise=noise)
    fit_directions(projections, 0, recent, iterations=20)
    centre_projections(projections, 0, recent)
    generator = np.random.default_rng(4)
    weights = generator.standard_normal((nodes, inputs + 1))
    for node, w in enumerate(weights):
        score_node(projections, 0, node, w)
    for x in recent[:20, :inputs]:
        query = score_query(projections, 0, x)[0]
        estimates = [estimate_inner_product(projections, 0, node, query) for node in range(nodes)]
        exact = weights @ np.append(x, 1)
        limit = 1e-4 * np.abs(exact).max() + 5 * noise * np.sqrt(inputs)
        np.testing.assert_allclose(estimates, exact, atol=limit)


@pytest.mark.parametrize("family", ["pooled", "fitted"])
def test_balance_leaves_products_of_features_alone_and_evens_their_spreads(family):
    inputs, m, nodes = 40, 7, 50
    projections = make_projections(family, 600, inputs, nodes=nodes, directions=m, centred=True)
    recent = draw_recent(256, inputs, rank=m)
    centre_projections(projections, 0, recent)
    generator = np.random.default_rng(4)
    weights = np.stack([to_row(w) for w in generator.standard_normal((nodes, inputs + 1)) * 0.05])
    before = projections.query_mix[0] * projections.node_mix[0]
    np.testing.assert_array_equal(projections.query_mix, projections.node_mix)
    for _ in range(3):  # again on balanced mixtures: nothing adds up
        balance_mixtures(projections, 0, recent, weights)
        after = projections.query_mix[0] * projections.node_mix[0]
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-10)
    scale = np.abs(projections.query_mix[0, :, : m + 1] / projections.node_mix[0, :, : m + 1])
    np.testing.assert_allclose(scale, scale[:1].repeat(600, axis=0), rtol=1e-3)

    queries = np.array([score_query(projections, 0, x[:inputs])[0] for x in recent])[:, : m + 1]
    features = np.array(
        [score_node(projections, 0, node, w[: inputs + 1])[0] for node, w in enumerate(weights)]
    )[:, : m + 1]
    ratio = np.sqrt((features**2).mean(axis=0) / (queries**2).mean(axis=0))
    np.testing.assert_allclose(scale[0], ratio, rtol=1e-2)


def test_sparse_and_pooled_projections_take_additions_only():
    directions = make_projections("sparse", 12, inputs=40).directions[0, :12, :41]
    magnitudes = np.unique(np.abs(directions))
    assert magnitudes.size == 2
    assert magnitudes[0] == 0
    assert 0.2 < np.count_nonzero(directions) / directions.size < 0.47
    pools = make_projections("pooled", 4, inputs=40).directions[0, :8, :41]
    np.testing.assert_array_equal(np.count_nonzero(pools, axis=0), 1)
    np.testing.assert_allclose((pools**2).sum(axis=1), 1, rtol=1e-5)
    assert all(np.all(np.diff(np.flatnonzero(pool)) == 1) for pool in pools)


@pytest.mark.parametrize("family", FAMILIES)
def test_work_is_that_of_the_non_zero_inputs(family):
    inputs, bits = 63, 10
    projections = make_projections(family, bits, inputs, directions=8)
    features = np.zeros(projections.features.shape[2], np.float32)
    scores = np.zeros(bits, np.float32)
    x = np.zeros(inputs)
    x[[3, 40, 62]] = 1.5
    mixing = {"gaussian": 0, "sparse": 0, "pooled": 90, "fitted": 90}[family]
    projecting = {"gaussian": 10, "sparse": 0, "pooled": 0, "fitted": 8}[family]
    work = project_query(projections, 0, to_vector(x), features, scores)
    assert work == mixing + 3 * projecting
    blocks = np.arange(0, 64, 16, dtype=np.int32)
    row = to_row(np.ones(inputs + 1))
    work = project_node(projections, 0, 0, row, blocks, scores)
    assert work == mixing + 64 * (1 + projecting)
