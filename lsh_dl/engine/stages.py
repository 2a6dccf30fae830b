"""Train with a clock read between the stages of a sample: where its time goes.

The steps are those of `lsh_dl.engine.loop.train_samples`, in the same order, so that the same is
learned; that loop itself has no clock in it. The clock is read four times a sample and twice more
for each hidden layer; what that takes is measured (lsh_dl/measurements/stage_times.py).
"""

import time
from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.dispatch import select_nodes
from lsh_dl.engine.layers import activate, forward_active, prepare_selection, scatter, view_level
from lsh_dl.engine.loop import backward_hidden, clear_sample
from lsh_dl.engine.network import aligned_zeros, view_layer
from lsh_dl.engine.optimiser import Optimiser
from lsh_dl.engine.outputs import backward_outputs, forward_outputs, score_sample
from lsh_dl.engine.prng import mix
from lsh_dl.engine.threads import drop_refcounts, take_row

#: What is told apart. Selecting includes ranking; a gradient and the update are one pass over a
#: row; `other` is listing inputs, the loss, and clearing what was touched.
TIMED_STAGES = ("select", "forward", "backward", "other")
SELECT, FORWARD, BACKWARD, OTHER = range(4)

SECOND = 1_000_000_000
CLOCK = time.CLOCK_MONOTONIC
clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))


class Clocked(NamedTuple):
    """What trains, and what notes its time."""

    optimiser: Optimiser
    clock: np.ndarray  # see create_clock


def create_clock() -> np.ndarray:
    """Nanoseconds by stage, 0, and behind them room for a reading of the clock: int64."""
    return aligned_zeros(len(TIMED_STAGES) + 2, dtype=np.int64)


def read_clock(clock):
    """Nanoseconds since some moment."""
    return time.clock_gettime_ns(CLOCK)


@overload(read_clock)
def _compile_read_clock(clock):
    def read(clock):
        reading = clock[OTHER + 1 :]  # seconds and nanoseconds: POSIX's timespec
        clock_gettime(CLOCK, reading.ctypes)
        return reading[0] * SECOND + reading[1]

    return read


@compiled
def end_stage(clock, stage, start):
    """Add the time since `start` to a stage; returns the time now."""
    now = read_clock(clock)
    clock[stage] += now - start
    return now


@register_jitable
def forward_by_the_clock(
    state, selects_values, network, batch, s, key, workspace, tally, clock, now
):
    """`forward_hidden` in training; returns the last level's vector, and the time."""
    inputs = batch.ids[batch.ends[s] : batch.ends[s + 1]]
    scatter(inputs, batch.values[batch.ends[s] : batch.ends[s + 1]], 0, workspace)
    x = view_level(0, inputs, workspace)
    now = end_stage(clock, OTHER, now)
    for index in range(network.strides.shape[0] - 1):
        layer = view_layer(network, index)
        chosen = prepare_selection(network.sizes[index + 1], workspace, tally.work)
        layer_key = np.uint64(mix(key, index))
        count = select_nodes(state, layer, x, layer_key, True, chosen)
        now = end_stage(clock, SELECT, now)
        if not selects_values:
            forward_active(layer, x, chosen, count)
        tally.active[0] += count
        activate(index + 1, chosen, count, workspace)
        ids = workspace.ids[index + 1][: workspace.counts[index + 1]]
        x = view_level(index + 1, ids, workspace)
        now = end_stage(clock, FORWARD, now)
    return x, now


@compiled
def train_by_the_clock(
    state, selects_values, network, outputs, batch, queue, key, workspace, tally, clocked
):
    """`train_samples`, with the time of each stage added to a clock."""
    state, network, batch = drop_refcounts(state), drop_refcounts(network), drop_refcounts(batch)
    workspace, tally, outputs = (
        drop_refcounts(workspace),
        drop_refcounts(tally),
        drop_refcounts(outputs),
    )
    optimiser, clock = drop_refcounts(clocked.optimiser), drop_refcounts(clocked.clock)
    hidden = network.strides.shape[0] - 1
    now = read_clock(clock)
    s = take_row(queue)
    while s < batch.numbers.shape[0]:
        targets = batch.labels[batch.label_ends[s] : batch.label_ends[s + 1]]
        if targets.shape[0] > 0:
            sample_key = np.uint64(mix(key, batch.numbers[s]))
            x, now = forward_by_the_clock(
                state, selects_values, network, batch, s, sample_key, workspace, tally, clock, now
            )
            output_key = np.uint64(mix(sample_key, hidden))
            count = forward_outputs(
                outputs, network, x, hidden, targets, output_key, True, workspace, tally.work
            )
            tally.outputs[0] += count
            now = end_stage(clock, FORWARD, now)
            score_sample(targets, count, network.sampled, workspace, tally)
            now = end_stage(clock, OTHER, now)
            backward_outputs(
                outputs, network, x, hidden, targets, count, optimiser, workspace, tally.work
            )
            backward_hidden(state, network, batch, s, optimiser, workspace, tally.work)
            now = end_stage(clock, BACKWARD, now)
            clear_sample(network, workspace)
        s = take_row(queue)
    end_stage(clock, OTHER, now)
