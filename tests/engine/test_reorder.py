"""Renumbering nodes: the network computes the same, and neighbours are active together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from networks import KEY, draw_batch, make_model

from lsh_dl.engine.reorder import group_nodes, permute_nodes


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_an_order_has_every_node_once(active):
    np.testing.assert_array_equal(np.sort(group_nodes(active)), np.arange(active.shape[1]))


def count_blocks(active):
    """Blocks of 16 nodes with an active one: mean over the samples."""
    padded = np.pad(active, ((0, 0), (0, -active.shape[1] % 16)))
    return padded.reshape(len(active), -1, 16).any(axis=2).sum(axis=1).mean()


def test_nodes_active_together_become_neighbours():
    generator = np.random.default_rng(0)
    teams = generator.permutation(np.repeat(np.arange(10), 16))
    active = teams == generator.integers(0, 10, (200, 1))
    assert count_blocks(active) > 7
    assert count_blocks(active[:, group_nodes(active)]) < 2


@pytest.mark.parametrize("rule", ["standard", "wta"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_network_renumbered_predicts_and_learns_as_before(rule, momentum):
    sizes, rows = [20, 37, 21, 3], draw_batch(60, 20, 3)
    plain, other = (make_model(rule, sizes, 0.3, adagrad=True, momentum=momentum) for _ in range(2))
    generator = np.random.default_rng(0)
    for _ in range(2):
        for index, width in enumerate(sizes[1:-1]):
            permute_nodes(other.network, other.optimiser, index, generator.permutation(width))
        for model in (plain, other):
            model.train(rows, KEY)
        expected, got = (model.predict(rows, KEY)[0] for model in (plain, other))
        np.testing.assert_allclose(got, expected, atol=1e-4)
    assert not np.array_equal(plain.network.weights, other.network.weights)
