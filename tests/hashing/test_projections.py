"""Features against inner products."""

import numpy as np
import pytest
from networks import follow_inputs, to_vector

from lsh_dl.engine.network import padded
from lsh_dl.hashing.projections import (
    create_projections,
    estimate_inner_products,
    project_nodes,
    project_query,
    project_step,
)

FAMILIES = ["gaussian", "sparse", "pooled", "fitted"]


def make_projections(family, directions, inputs, nodes=1, layers=1, seed=0):
    """Projections of equal layers."""
    generator = np.random.default_rng(seed)
    return create_projections(family, directions, np.full(layers, inputs), nodes, generator)


def query_features(projections, layer, x):
    """Features of a layer's input, given without the bias's 1."""
    features = np.zeros(projections.features.shape[2], np.float32)
    project_query(projections, layer, to_vector(x), features)
    return features


def node_features(projections, layer, node, w):
    """Features of a weight row (bias last)."""
    row = np.zeros(padded(w.size), np.float32)
    row[: w.size] = w
    project_nodes(projections, layer, node, row[None], np.arange(0, row.size, 16, dtype=np.int32))
    return projections.features[layer, node].copy()


@pytest.mark.parametrize("directions", [1, 2, 6, 7])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_features_of_a_node_do_not_depend_on_its_company(directions, count):
    """To the last bit: so tables do not depend on how nodes are spread over threads."""
    projections = make_projections("gaussian", directions, inputs=40, nodes=count + 2, layers=2)
    projections.scales[1] = np.random.default_rng(0).random(directions + 1) + 0.5
    rows = np.random.default_rng(1).standard_normal((count, 48), np.float32)
    blocks = np.arange(0, 48, 16, dtype=np.int32)
    works = [project_nodes(projections, 1, 2 + i, rows[[i]], blocks) for i in range(count)]
    alone = projections.features[1].copy()
    projections.features[1] = np.nan
    assert project_nodes(projections, 1, 2, rows, blocks) == sum(works)
    np.testing.assert_array_equal(
        projections.features[1, 2:, : directions + 1], alone[2:, : directions + 1]
    )
    assert np.isnan(projections.features[1, :2]).all()
    exact = rows @ projections.directions[1, :, :48].T / projections.scales[1]
    np.testing.assert_allclose(alone[2:, : directions + 1], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["gaussian", "sparse"])
def test_features_keep_inner_products_on_average(family):
    draws = 1500
    projections = make_projections(family, 12, inputs=40, layers=draws)
    generator = np.random.default_rng(0)
    x, w = generator.standard_normal(40), generator.standard_normal(41)
    products = []
    for draw in range(draws):
        query = query_features(projections, draw, x)
        node_features(projections, draw, 0, w)
        estimate = np.empty(1, np.float32)
        estimate_inner_products(projections, draw, np.zeros(1, np.int32), query, estimate)
        products.append(estimate[0])
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
    projections = make_projections("fitted", m, inputs)
    recent = draw_recent(200, inputs, rank=m, noise=1e-3)
    follow_inputs(projections, recent, iterations=1)
    once = projections.directions[0, :m, : recent.shape[1]].astype(np.float64)
    np.testing.assert_allclose(once @ once.T, np.eye(m), atol=1e-5)
    follow_inputs(projections, recent, iterations=30)
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
    projections = make_projections("fitted", 40, inputs=10)
    follow_inputs(projections, draw_recent(50, 10, rank=3), iterations=3)
    rows = projections.directions[0, :40, :16]
    gram = rows @ rows.T
    np.testing.assert_allclose(gram[:16, :16], np.eye(16), atol=1e-5)
    assert not gram[16:].any()


def test_inputs_that_are_all_alike_leave_orthonormal_directions():
    projections = make_projections("fitted", 5, inputs=10)
    follow_inputs(projections, np.ones((20, 16), np.float32), iterations=2)
    rows = projections.directions[0, :5]
    np.testing.assert_allclose(rows @ rows.T, np.eye(5), atol=1e-5)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_projections(threads):
    """To the last bit; more threads than there are tiles of inputs or blocks of a row, too."""
    nodes, recent = 600, draw_recent(21, 40, rank=5)
    alone, team = (make_projections("fitted", 6, inputs=40, nodes=nodes) for _ in range(2))
    weights = np.random.default_rng(0).standard_normal((nodes, 41))
    works = []
    for projections, count in ((alone, 1), (team, threads)):
        for node, w in enumerate(weights):
            node_features(projections, 0, node, w)
        works.append(follow_inputs(projections, recent, 2, True, nodes, threads=count))
    assert works[0] == works[1]
    for one, other in zip(alone, team, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_estimates_are_close_to_inner_products_where_the_data_lie_in_the_span(noise):
    inputs, m, nodes = 60, 6, 20
    projections = make_projections("fitted", m, inputs, nodes=nodes, seed=1)
    recent = draw_recent(256, inputs, rank=m, noise=noise)
    follow_inputs(projections, recent, iterations=20, centred=True)
    generator = np.random.default_rng(4)
    weights = generator.standard_normal((nodes, inputs + 1))
    for node, w in enumerate(weights):
        node_features(projections, 0, node, w)
    for x in recent[:20, :inputs]:
        query = query_features(projections, 0, x)
        estimates = np.empty(nodes, np.float32)
        everyone = np.arange(nodes, dtype=np.int32)
        estimate_inner_products(projections, 0, everyone, query, estimates)
        exact = weights @ np.append(x, 1)
        limit = 1e-4 * np.abs(exact).max() + 5 * noise * np.sqrt(inputs)
        np.testing.assert_allclose(estimates, exact, atol=limit)


@pytest.mark.parametrize("family", ["pooled", "fitted"])
def test_balance_leaves_products_of_features_alone_and_evens_their_spreads(family):
    inputs, m, nodes = 40, 7, 50
    projections = make_projections(family, m, inputs, nodes=nodes)
    recent = draw_recent(256, inputs, rank=m)
    follow_inputs(projections, recent, centred=True)
    weights = np.random.default_rng(4).standard_normal((nodes, inputs + 1)) * 0.05

    def project_all():
        queries = np.array([query_features(projections, 0, x[:inputs]) for x in recent])
        rows = np.array([node_features(projections, 0, n, w) for n, w in enumerate(weights)])
        return queries[:, : m + 1], rows[:, : m + 1]

    queries, features = project_all()
    np.testing.assert_array_equal(projections.scales, 1)
    for _ in range(3):  # again on what is balanced: nothing adds up
        follow_inputs(projections, recent, balanced=nodes)
        kept = projections.features[0, :, : m + 1].copy()
        balanced_queries, balanced = project_all()
        np.testing.assert_allclose(balanced, kept, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(
            balanced_queries @ balanced.T, queries @ features.T, rtol=1e-3, atol=1e-4
        )
        spread, other = (np.sqrt((f**2).mean(axis=0)) for f in (balanced_queries, balanced))
        np.testing.assert_allclose(spread, other, rtol=1e-2)
    assert np.ptp(projections.scales) > 0.01


def test_sparse_and_pooled_projections_take_additions_only():
    directions = make_projections("sparse", 12, inputs=40).directions[0, :12, :41]
    magnitudes = np.unique(np.abs(directions))
    assert magnitudes.size == 2
    assert magnitudes[0] == 0
    assert 0.2 < np.count_nonzero(directions) / directions.size < 0.47
    pools = make_projections("pooled", 8, inputs=40).directions[0, :8, :41]
    np.testing.assert_array_equal(np.count_nonzero(pools, axis=0), 1)
    np.testing.assert_allclose((pools**2).sum(axis=1), 1, rtol=1e-5)
    assert all(np.all(np.diff(np.flatnonzero(pool)) == 1) for pool in pools)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("balanced", [False, True])
def test_a_step_along_an_input_changes_features_as_projecting_anew_does(family, balanced):
    inputs, m = 40, 6
    projections = make_projections(family, m, inputs, nodes=3)
    recent = draw_recent(100, inputs, rank=5)
    follow_inputs(projections, recent, centred=True)
    generator = np.random.default_rng(1)
    weights = generator.standard_normal((3, inputs + 1))
    for node, w in enumerate(weights):
        node_features(projections, 0, node, w)
    if balanced:
        follow_inputs(projections, recent, balanced=3)
    features, change = projections.features[0, 1].copy(), np.zeros(16, np.float32)
    for x in recent[:5, :inputs]:
        project_step(projections, 0, to_vector(x), query_features(projections, 0, x), change)
        features += np.float32(-0.1) * change
        weights[1] -= 0.1 * np.append(x, 1)
    np.testing.assert_allclose(
        features, node_features(projections, 0, 1, weights[1]), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_work_is_that_of_the_non_zero_inputs(family):
    inputs, m = 63, 8
    projections = make_projections(family, m, inputs)
    features = np.zeros(projections.features.shape[2], np.float32)
    x = np.zeros(inputs)
    x[[3, 40, 62]] = 1.5
    multiplied = m * (family in ("gaussian", "fitted"))
    assert project_query(projections, 0, to_vector(x), features) == 3 * multiplied + m
    row, blocks = np.ones(64, np.float32), np.arange(0, 64, 16, dtype=np.int32)
    work = project_nodes(projections, 0, 0, row[None], blocks)
    assert work == 64 * (1 + multiplied) + m + 1, "scaling, and w.mean(x)"
