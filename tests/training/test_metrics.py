"""Precision at k against counting one by one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from lsh_dl.engine.batch import Batch
from lsh_dl.training.metrics import (
    RANKS,
    add_hits,
    count_hits,
    inverse_propensities,
    precision_at,
    scored_precision_at,
)

CLASSES = 9
LABELS = st.lists(st.integers(0, CLASSES - 1), unique=True)


def to_batch(labels: list[list[int]]) -> Batch:
    """Samples of which only the labels are known."""
    ends = np.cumsum([0, *map(len, labels)])
    flat = np.array([label for one in labels for label in one], np.int32)
    nothing = np.zeros(0)
    return Batch(nothing, nothing, nothing, flat, ends, np.arange(len(labels)))


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1), st.integers(1, 5))
def test_hits_are_those_counted_one_by_one(samples, places):
    labels = [true for true, _ in samples]
    ranked = np.full((len(samples), places), -1, np.int32)
    for line, (_, best) in zip(ranked, samples, strict=True):
        line[: len(best[:places])] = best[:places]
    precision = precision_at(count_hits(ranked, to_batch(labels)), len(samples))
    for k in RANKS:
        naive = [
            sum(label in true for label in line[:k].tolist()) / k
            for line, true in zip(ranked, labels, strict=True)
        ]
        assert precision[k] == pytest.approx(np.mean(naive))


def test_nothing_ranked_is_no_hit():
    ranked = np.full((2, 5), -1, np.int32)
    hits = count_hits(ranked, to_batch([[0, CLASSES - 1], []]), np.full(CLASSES, 2, np.float32))
    assert not hits.true.any()
    assert not hits.weighted.any()
    assert scored_precision_at(hits) == {1: 0, 3: 0, 5: 0}


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1), st.integers(0, 2**32 - 1))
def test_scored_precision_is_that_summed_one_by_one(samples, seed):
    weights = np.random.default_rng(seed).uniform(1, 9, CLASSES).astype(np.float32)
    ranked = np.full((len(samples), 5), -1, np.int32)
    for line, (_, best) in zip(ranked, samples, strict=True):
        line[: len(best[:5])] = best[:5]
    labels = [true for true, _ in samples]
    half = len(samples) // 2
    hits = add_hits(
        count_hits(ranked[:half], to_batch(labels[:half]), weights),
        count_hits(ranked[half:], to_batch(labels[half:]), weights),
    )
    found = scored_precision_at(hits)
    for k in RANKS:
        reached = sum(
            weights[label]
            for line, true in zip(ranked, labels, strict=True)
            for label in line[:k]
            if label in true
        )
        best = sum(sum(sorted(weights[true].tolist())[::-1][:k]) for true in labels)
        assert found[k] == pytest.approx(reached / best if best else 0, rel=1e-5)


def test_propensities_are_those_of_the_published_formula():
    # 100 samples; label 0 on all, label 1 on 3, label 2 on none.
    rows = [*range(100), 4, 8, 15]
    labels = csr_array((np.ones(103, np.int8), (rows, [0] * 100 + [1] * 3)), (100, 3))
    found = inverse_propensities(labels, 0.55, 1.5)
    c = (math.log(100) - 1) * 2.5**0.55
    expected = [1 + c * (count + 1.5) ** -0.55 for count in (100, 3, 0)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # A label that no sample has: (B + 1)^A (0 + B)^-A is above 1, so is C's share of its weight.
    assert found[2] > math.log(100)
    # Numbers by hand, from Amazon's A and B.
    other = inverse_propensities(labels, 0.6, 2.6)
    assert other[1] == pytest.approx(1 + 3.605170 * 3.6**0.6 / 5.6**0.6, rel=1e-6)
