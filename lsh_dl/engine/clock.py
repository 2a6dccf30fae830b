"""A clock for the sample loop: where the time of a training sample goes, stage by stage.

It is read four times a sample and twice more for each hidden layer; what that takes is measured
(lsh_dl/measurements/stage_times.py). Without one (None) the compiled loop has no trace of it.
"""

import time

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros

#: What is told apart. Selecting includes ranking; a gradient and the update are one pass over a
#: row; `other` is listing inputs, the loss, and clearing what was touched.
TIMED_STAGES = ("select", "forward", "backward", "other")
SELECT, FORWARD, BACKWARD, OTHER = range(4)
_LAST = OTHER + 1  # when the clock was last read

SECOND = 1_000_000_000
CLOCK = time.CLOCK_MONOTONIC
clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))


def create_clock() -> np.ndarray:
    """Nanoseconds by stage, 0, and behind them room for readings of the clock: int64."""
    return aligned_zeros(len(TIMED_STAGES) + 3, dtype=np.int64)


def read_clock(clock):
    """Nanoseconds since some moment."""
    return time.clock_gettime_ns(CLOCK)


@overload(read_clock)
def _compile_read_clock(clock):
    def read(clock):
        reading = clock[_LAST + 1 :]  # seconds and nanoseconds: POSIX's timespec
        clock_gettime(CLOCK, reading.ctypes)
        return reading[0] * SECOND + reading[1]

    return read


@compiled
def _add_time(clock, stage):
    now = read_clock(clock)
    clock[stage] += now - clock[_LAST]
    clock[_LAST] = now


@register_jitable
def start_clock(clock):
    """What comes from now on is timed, if there is a clock."""
    if clock is not None:
        clock[_LAST] = read_clock(clock)


@register_jitable
def end_stage(clock, stage):
    """Add the time since the clock was last read to a stage, if there is a clock."""
    if clock is not None:
        _add_time(clock, stage)
