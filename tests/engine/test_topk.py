"""Keeping the largest scores, against a stable sort."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lsh_dl.engine.topk import keep_largest

WIDE = st.floats(-(2.0**100), 2.0**100, width=32)
FEW = st.sampled_from([-1.5, -0.0, 0.0, 1e-38, 1.0, 1.0000001, 3.0])


def sort_out_largest(scores, budget):
    """Positions of the `budget` largest, ties to the earlier, in rising order."""
    return np.sort(np.argsort(-scores.astype(np.float64), kind="stable")[:budget])


@given(st.one_of(st.lists(WIDE, max_size=40), st.lists(FEW, max_size=40)), st.integers(1, 50))
@example([5.0] * 9, 1)
@example([5.0] * 9, 4)
@example([0.0] * 3, 2)
@example([1.0], 1)
@example([1.0, 2.0], 1)
@example([-3.0, -3.0, -2.0], 2)
@example([0.0, 1e-45, 0.0], 1)
def test_keeps_the_largest_in_order_and_prefers_the_earlier_of_equals(scores, budget):
    original = np.array(scores, np.float32)
    nodes = np.arange(100, 100 + original.size, dtype=np.int32)
    scores = original.copy()
    count = keep_largest(nodes, scores, original.size, budget)
    best = sort_out_largest(original, budget)
    np.testing.assert_array_equal(nodes[:count], 100 + best)
    np.testing.assert_array_equal(scores[:count], original[best])


@given(st.integers(0, 2**32), st.integers(1, 1000))
def test_on_many_scores_of_normal_size(seed, budget):
    original = np.random.default_rng(seed).standard_normal(1000, np.float32)
    nodes = np.arange(1000, dtype=np.int32)
    count = keep_largest(nodes, original.copy(), 1000, budget)
    np.testing.assert_array_equal(nodes[:count], sort_out_largest(original, budget))


def test_looks_only_at_the_first_scores():
    scores = np.float32([1, 3, 2, 100, 100])
    nodes = np.arange(5, dtype=np.int32)
    assert keep_largest(nodes, scores, 3, 2) == 2
    np.testing.assert_array_equal(nodes[:2], [1, 2])
    np.testing.assert_array_equal(scores[3:], [100, 100])


@pytest.mark.parametrize(
    "scores", [[np.nan] * 6, [1, np.nan, 2, 3, 4, 5], [np.inf, -np.inf, 1, 2, np.inf, 3]]
)
def test_numbers_of_a_diverged_network_end_the_search(scores):
    nodes = np.arange(6, dtype=np.int32)
    count = keep_largest(nodes, np.float32(scores), 6, 2)
    assert 0 <= count <= 2
    assert np.unique(nodes[:count]).size == count
