"""Random numbers for kernels, keyed by what they are for.

`numpy.random.Generator` draws in sequence; images that can be made on their own, in any order and
on any thread, need a stream each. SplitMix64 (Steele, Lea, Flood 2014) has a 64-bit state and
passes BigCrush; a state is kept in a uint64 array of length 1, so that a kernel can advance it.
"""

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True)
def mix(value):
    """A uint64 scrambled: neighbouring values give unrelated results."""
    value = (value ^ (value >> np.uint64(30))) * FIRST
    value = (value ^ (value >> np.uint64(27))) * SECOND
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def key_state(state, seed, index):
    """Set `state` (1,) uint64 to the start of the stream of (`seed`, `index`), both unsigned."""
    state[0] = mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(index) * GOLDEN)


@njit(cache=True, nogil=True)
def draw_uniform(state):
    """The next float64 in [0, 1)."""
    state[0] += GOLDEN
    return (mix(state[0]) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def draw_below(state, limit):
    """The next integer in [0, limit); the bias is below limit / 2^53."""
    return int(draw_uniform(state) * limit)


@njit(cache=True, nogil=True)
def draw_geometric(state, p):
    """The next number of trials up to the first success, 1, 2, ...; p in (0, 1)."""
    return 1 + int(np.log(1.0 - draw_uniform(state)) / np.log(1.0 - p))
