"""Counter-based random numbers: a draw depends on what it is for, never on who draws it.

A key is a 64-bit number mixed from (seed, epoch, sample, layer), so that any thread that works
on a sample draws the same numbers. The mixer is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
"""

import numpy as np

from lsh_dl.engine.compiled import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = np.float32(2.0**-24)


@compiled
def mix(key, number):
    """Derive a new uint64 key from a key and any whole number."""
    z = np.uint64(key) + (np.uint64(number) + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@compiled
def uniform(key, number):
    """Draw number `number` of a key: float32 in [0, 1)."""
    return np.float32(mix(key, number) >> np.uint64(40)) * _UNIT
