"""A loop that is not timed has no trace of a clock."""

import numba
import numpy as np
from networks import KEY, draw_batch, make_model

from lsh_dl.engine.clock import OTHER, create_clock, end_stage, start_clock
from lsh_dl.engine.loop import train_samples
from lsh_dl.engine.threads import create_queue
from lsh_dl.engine.workspace import create_tally


def reads_a_clock(function, *arguments):
    """Does what is compiled for these arguments, whose text LLVM still has, read a clock?"""
    function(*arguments)
    made = function.inspect_llvm(function.signatures[-1])
    return "_add_time" in made or "clock_gettime" in made


def test_a_stage_is_timed_by_a_clock_alone():
    @numba.njit
    def stage(clock):
        start_clock(clock)
        end_stage(clock, OTHER)

    clock = create_clock()
    assert reads_a_clock(stage, clock)
    assert clock[OTHER] > 0
    assert not reads_a_clock(stage, None)


def test_a_loop_without_a_clock_reads_none():
    model = make_model("standard", [6, 5, 3])
    loop = numba.njit(train_samples.py_func)
    assert not reads_a_clock(
        loop,
        model.state,
        False,
        model.network,
        None,
        draw_batch(2, 6, 3),
        create_queue(),
        KEY,
        model.workspaces[0],
        create_tally(),
        model.optimiser,
        None,
        None,
        None,
    )
    assert np.isfinite(model.network.weights).all()
