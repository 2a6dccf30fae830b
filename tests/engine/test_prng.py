"""Counter-based random numbers: shape of the distribution, independence of keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lsh_dl.engine.prng import mix, uniform

KEYS = st.integers(0, 2**64 - 1).map(np.uint64)


def draw(key, count):
    return np.array([uniform(np.uint64(key), number) for number in range(count)])


@given(KEYS, st.integers(0, 2**40))
def test_draws_lie_in_the_unit_interval_and_repeat(key, number):
    value = uniform(key, number)
    assert 0 <= value < 1
    assert value == uniform(key, number)
    assert uniform(key, number) == np.float32(int(mix(key, number)) >> 40) / np.float32(2**24)


def test_draws_of_one_key_are_uniform():
    draws = draw(12345, 20_000)
    assert abs(draws.mean() - 0.5) < 4 / np.sqrt(12 * draws.size)
    counts = np.histogram(draws, bins=50, range=(0, 1))[0]
    expected = draws.size / 50
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert 23 < chi_square < 86  # 99.9 % of chi-square with 49 degrees of freedom


def test_first_draws_of_neighbouring_keys_are_uniform_and_uncorrelated():
    first = np.array([uniform(np.uint64(key), 0) for key in range(10_000)])
    second = np.array([uniform(np.uint64(key), 1) for key in range(10_000)])
    for values in (first, second):
        assert abs(values.mean() - 0.5) < 4 / np.sqrt(12 * values.size)
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.04
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.04


@given(KEYS, KEYS)
def test_different_keys_give_different_draws(one, other):
    assert (one == other) == np.array_equal(draw(one, 4), draw(other, 4))


def test_keys_mixed_from_different_numbers_differ():
    key = np.uint64(7)
    levels = {int(mix(np.uint64(mix(key, s)), layer)) for s in range(2000) for layer in range(4)}
    assert len(levels) == 8000


def test_mixer_is_splitmix64():
    # The generator's published first outputs for the seed 1234567.
    outputs = [int(mix(np.uint64(1234567), number)) for number in range(3)]
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]
