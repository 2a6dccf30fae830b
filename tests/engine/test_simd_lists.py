"""Vector leaves over lists of numbers, each against a twin in plain NumPy, on odd sizes."""

import numba
import numpy as np
import pytest

from lsh_dl.engine.simd import (
    BYTES,
    count_above,
    count_at_most,
    dot_blocks,
    dot_rows,
    find_bounds,
    list_at_most,
    lower_to,
    move_above,
    order_flips,
)

SIZES = (1, 2, 15, 16, 17, 33, 63, 64, 65, 250, 1000)


def run(kernel, *arguments):
    """Call a leaf from compiled code."""
    names = ", ".join(f"a{i}" for i in range(len(arguments)))
    scope = {"kernel": kernel}
    exec(f"def call({names}): return kernel({names})", scope)
    return numba.njit(scope["call"])(*arguments)


def draw(size, seed=0):
    generator = np.random.default_rng([size, seed])
    return generator.standard_normal(size).astype(np.float32), generator


@pytest.mark.parametrize("size", SIZES)
def test_scores_are_counted_bounded_and_moved(size):
    scores, _ = draw(size)
    bound, nodes = np.float32(0.3), np.arange(size, dtype=np.int32)
    assert run(count_above, scores, bound) == (scores > bound).sum()
    assert run(find_bounds, scores) == (scores.min(), scores.max())
    moved = scores.copy()
    kept = run(move_above, nodes, moved, bound)
    np.testing.assert_array_equal(nodes[:kept], np.flatnonzero(scores > bound))
    np.testing.assert_array_equal(moved[:kept], scores[scores > bound])


@pytest.mark.parametrize("size", SIZES)
def test_bytes_are_counted_and_listed(size):
    _, generator = draw(size)
    numbers, bound = generator.integers(0, 256, size).astype(np.uint8), np.uint8(200)
    places = np.full(size, -1, np.int32)
    wanted = np.flatnonzero(numbers <= bound)
    assert run(count_at_most, numbers, bound) == len(wanted)
    assert run(list_at_most, numbers, bound, places) == len(wanted)
    np.testing.assert_array_equal(places[: len(wanted)], wanted)
    assert (places[len(wanted) :] == -1).all()


@pytest.mark.parametrize("vectors", [1, 3, 16])
def test_least_of_a_table_looked_up(vectors):
    generator = np.random.default_rng(vectors)
    table, codes, least = (
        generator.integers(0, 256, size).astype(np.uint8)
        for size in (256, vectors * BYTES, vectors * BYTES)
    )
    wanted = np.minimum(least, table[codes ^ np.uint8(91)])
    run(lower_to, table, codes, np.uint8(91), least)
    np.testing.assert_array_equal(least, wanted)


@pytest.mark.parametrize("bits", range(1, 9))
def test_probes_are_numbered_by_the_ranks_of_margins(bits):
    scores, generator = draw(3 * bits, seed=bits)
    scores[bits] = scores[2 * bits - 1]  # a tie; the first counts as the less sure
    inverse = np.zeros(256, np.uint8)
    inverse[: 2**bits] = generator.permutation(2**bits)
    numbers, sets = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    code = run(order_flips, scores, bits, bits, inverse, sets, numbers)
    mine = scores[bits : 2 * bits]
    assert code == ((mine > 0) << np.arange(bits)).sum()
    places = np.argsort(np.argsort(np.abs(mine), kind="stable"), kind="stable")
    for flips in range(2**bits):
        ranks = sum(1 << places[bit] for bit in range(bits) if flips >> bit & 1)
        assert numbers[flips] == inverse[ranks]


@pytest.mark.parametrize("size", SIZES)
def test_rows_multiplied_together_or_alone_give_the_same(size):
    stride, blocks = 64, np.array([0, 32], np.int32)
    weights, generator = draw((size + 3) * stride)
    x, _ = draw(stride, seed=1)
    nodes, products = generator.permutation(size).astype(np.int32), np.zeros(size, np.float32)
    run(dot_rows, weights, stride, stride, nodes, x, blocks, products)
    columns = np.r_[0:16, 32:48]
    rows = weights.reshape(-1, stride)[1 + nodes][:, columns]
    np.testing.assert_allclose(products, rows @ x[columns], rtol=1e-4, atol=1e-5)
    alone = [run(dot_blocks, weights, stride + node * stride, x, blocks) for node in nodes[-1:]]
    np.testing.assert_array_equal(products[-1:], np.array(alone, np.float32))
    if size > 8:  # in another place of the list, or at its end
        other = np.zeros(size, np.float32)
        run(dot_rows, weights, stride, stride, nodes[::-1].copy(), x, blocks, other)
        np.testing.assert_array_equal(other[::-1], products)
