"""Dense samples to sparse rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from lsh_dl.data.prepared.preprocessing import InputTransform, identity_transform
from lsh_dl.engine.batch import make_batch, pick_batch, slice_batch

SHAPES = st.tuples(st.integers(0, 5), st.integers(1, 20))


def check_rows(x, offset, scale, seed=0):
    samples, features = x.shape
    labels, numbers = np.arange(samples, dtype=np.int32), np.arange(samples) + 50
    order = np.random.default_rng(seed).permutation(features).astype(np.int32)
    rows = make_batch(x, labels, numbers, InputTransform(offset, scale, order))
    expected = ((x.astype(np.float32) - offset) * scale)[:, order]
    assert rows.ends[0] == 0
    assert rows.ids.dtype == np.int32
    assert rows.values.dtype == np.float32
    for s in range(samples):
        part = slice(rows.ends[s], rows.ends[s + 1])
        present = np.flatnonzero(expected[s])
        np.testing.assert_array_equal(rows.ids[part], [*present, features])
        np.testing.assert_allclose(rows.values[part], [*expected[s, present], 1], rtol=1e-5)
    np.testing.assert_array_equal(rows.labels, labels)
    np.testing.assert_array_equal(rows.numbers, numbers)
    return rows


@given(st.data(), SHAPES)
def test_bytes_with_offset_and_scale(data, shape):
    x = data.draw(arrays(np.uint8, shape))
    offset = data.draw(arrays(np.float32, shape[1], elements=st.sampled_from([0, 3, 127.5])))
    check_rows(x, offset, np.full(shape[1], 1 / 255, np.float32))


@given(st.data(), SHAPES)
def test_floats_with_offset_and_scale(data, shape):
    numbers = st.sampled_from([-2.5, 0, 0, 0, 0.5, 1, 100])
    x = data.draw(arrays(np.float32, shape, elements=numbers))
    offset = data.draw(arrays(np.float32, shape[1], elements=st.sampled_from([0, 0.5, 1])))
    scale = data.draw(arrays(np.float32, shape[1], elements=st.sampled_from([0, 1, 2.5])))
    check_rows(x, offset, scale)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_without_and_with_all_inputs(dtype):
    x = np.array([[0, 0, 0], [1, 2, 3]], dtype)
    rows = check_rows(x, np.zeros(3, np.float32), np.ones(3, np.float32))
    np.testing.assert_array_equal(rows.ends, [0, 1, 5])


def test_slices_are_the_same_rows():
    x = np.eye(4, dtype=np.float32)[[0, 1, 1, 3]]
    rows = make_batch(x, np.arange(4, dtype=np.int32), np.arange(4), identity_transform(4))
    part = slice_batch(rows, 1, 3)
    np.testing.assert_array_equal(part.labels, [1, 2])
    np.testing.assert_array_equal(part.numbers, [1, 2])
    ids = [list(part.ids[part.ends[s] : part.ends[s + 1]]) for s in range(2)]
    assert ids == [[1, 4], [1, 4]]


@given(st.data(), SHAPES, st.sampled_from([np.int32, np.int64]))
def test_picked_rows_of_a_sparse_matrix_are_those_of_the_dense_one(data, shape, index_type):
    x = data.draw(arrays(np.float32, shape, elements=st.sampled_from([-2.5, 0, 0, 0.5, 1])))
    sparse = csr_array(x)
    sparse.indptr, sparse.indices = (
        sparse.indptr.astype(index_type),
        sparse.indices.astype(index_type),
    )
    sparse.data[: data.draw(st.integers(0, 3))] = 0  # explicit zeros are no inputs
    numbers = np.array(
        data.draw(st.lists(st.integers(0, shape[0] - 1)) if shape[0] else st.just([]))
    )
    numbers = numbers.astype(np.int64)
    labels = np.arange(shape[0], dtype=np.int32)
    picked = pick_batch(sparse, labels, numbers)
    dense = sparse.toarray()[numbers]
    expected = make_batch(dense, labels[numbers], numbers, identity_transform(shape[1]))
    filled = expected.ends[-1]
    np.testing.assert_array_equal(picked.ids[:filled], expected.ids[:filled])
    np.testing.assert_array_equal(picked.values[:filled], expected.values[:filled])
    for field in ("ends", "labels", "numbers"):
        np.testing.assert_array_equal(getattr(picked, field), getattr(expected, field))
