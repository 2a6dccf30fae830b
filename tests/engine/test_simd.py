"""The vector leaves against NumPy, over random rows and lists of blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.simd import (
    TILE,
    add_scaled_blocks,
    dot_blocks,
    dot_tile,
    step_adagrad,
    step_adagrad_momentum,
    step_momentum,
    step_sgd,
)

NUMBERS = st.floats(-8, 8, width=32).map(lambda v: v if abs(v) > 1e-3 else 0.0)


@compiled
def call_dot(weights, start, x, blocks):
    return dot_blocks(weights, start, x, blocks)


@compiled
def call_tile(left, right, blocks, products):
    dot_tile(left[:, :-16], right[1 : 1 + TILE], blocks, products[:, 1 : 1 + TILE])


@compiled
def call_add_scaled(target, factor, weights, start, blocks):
    add_scaled_blocks(target, factor, weights, start, blocks)


@compiled
def call_sgd(weights, squares, velocity, start, gradient, x, blocks, rate, decay):
    step_sgd(weights, squares, velocity, start, gradient, x, blocks, rate, decay)


@compiled
def call_momentum(weights, squares, velocity, start, gradient, x, blocks, rate, decay):
    step_momentum(weights, squares, velocity, start, gradient, x, blocks, rate, decay)


@compiled
def call_adagrad(weights, squares, velocity, start, gradient, x, blocks, rate, decay):
    step_adagrad(weights, squares, velocity, start, gradient, x, blocks, rate, decay)


@compiled
def call_both(weights, squares, velocity, start, gradient, x, blocks, rate, decay):
    step_adagrad_momentum(weights, squares, velocity, start, gradient, x, blocks, rate, decay)


@st.composite
def rows_and_blocks(draw):
    """Flat weights of some rows, the start of one, a vector and some of its blocks."""
    width = 16 * draw(st.integers(1, 4))
    rows = draw(st.integers(1, 3))
    weights = aligned_zeros(rows * width)
    weights[:] = draw(arrays(np.float32, rows * width, elements=NUMBERS))
    x = draw(arrays(np.float32, width, elements=NUMBERS))
    chosen = draw(st.sets(st.integers(0, width // 16 - 1)))
    blocks = np.array(sorted(chosen), np.int32) * 16
    return weights, draw(st.integers(0, rows - 1)) * width, x, blocks


def positions(blocks):
    """Every number's position in the blocks."""
    return (blocks[:, None] + np.arange(16)).ravel()


@given(rows_and_blocks())
def test_dot_product_is_over_the_listed_blocks_only(case):
    weights, start, x, blocks = case
    at = positions(blocks)
    row = weights[start:].astype(np.float64)
    expected = row[at] @ x[at]
    scale = np.abs(row[at]) @ np.abs(x[at])
    assert call_dot(weights, start, x, blocks) == pytest.approx(expected, abs=1e-6 * scale + 1e-30)


@given(st.integers(1, 9), st.data())
def test_tile_holds_the_same_dot_products_to_the_last_bit(count, data):
    """Of rows that stand apart, to a part of an array; nothing else is written."""
    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    width = 16 * count
    left = generator.standard_normal((TILE, width + 16), np.float32)
    right = generator.standard_normal((TILE + 2, width), np.float32)
    chosen = data.draw(st.sets(st.integers(0, count - 1)))
    blocks = np.array(sorted(chosen), np.int32) * 16
    products = np.full((TILE, TILE + 2), np.nan, np.float32)
    call_tile(left, right, blocks, products)
    expected = [[call_dot(row, 0, other, blocks) for other in right[1:-1]] for row in left]
    np.testing.assert_array_equal(products[:, 1:-1], expected)
    assert np.isnan(products[:, [0, -1]]).all()


@given(rows_and_blocks(), NUMBERS)
def test_add_scaled_changes_the_listed_blocks_only(case, factor):
    weights, start, target, blocks = case
    before, kept = target.copy(), weights.copy()
    call_add_scaled(target, np.float32(factor), weights, start, blocks)
    expected = before.astype(np.float64)
    at = positions(blocks)
    expected[at] += factor * kept[start + at].astype(np.float64)
    np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-5)
    rest = np.setdiff1d(np.arange(target.size), at)
    np.testing.assert_array_equal(target[rest], before[rest])
    np.testing.assert_array_equal(weights, kept)


@pytest.mark.parametrize("momentum", [False, True])
@pytest.mark.parametrize("adagrad", [False, True])
@given(
    case=rows_and_blocks(),
    gradient=NUMBERS,
    rate=st.floats(2**-10, 1, width=32),
    decay=st.floats(0.125, 0.9375, width=32),
    seed=st.integers(0, 1000),
)
def test_steps_follow_their_formula_and_leave_zero_inputs_alone(
    adagrad, momentum, case, gradient, rate, decay, seed
):
    weights, start, x, blocks = case
    generator = np.random.default_rng(seed)
    squares = generator.random(weights.size, np.float32)
    velocity = generator.standard_normal(weights.size, np.float32)
    w, h, v = (array.astype(np.float64) for array in (weights, squares, velocity))

    at = positions(blocks)
    at = at[x[at] != 0]
    slope = gradient * x[at].astype(np.float64)
    step = rate * slope
    if adagrad:
        h[start + at] += slope**2
        step = step / np.sqrt(h[start + at])
    if momentum:
        step = v[start + at] = decay * v[start + at] + step
    w[start + at] -= step

    call = ((call_sgd, call_momentum), (call_adagrad, call_both))[adagrad][momentum]
    kept = weights.copy(), squares.copy(), velocity.copy()
    numbers = np.float32([gradient, rate, decay])
    call(weights, squares, velocity, start, numbers[0], x, blocks, numbers[1], numbers[2])
    rest = np.setdiff1d(np.arange(weights.size), start + at)
    for got, expected, before in zip((weights, squares, velocity), (w, h, v), kept, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)  # 14 bits of the root
        np.testing.assert_array_equal(got[rest], before[rest])
