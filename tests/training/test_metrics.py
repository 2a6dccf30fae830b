"""Precision at k against counting one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsh_dl.engine.batch import Batch
from lsh_dl.training.metrics import RANKS, count_hits, precision_at

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
    assert not count_hits(ranked, to_batch([[0, CLASSES - 1], []])).any()
