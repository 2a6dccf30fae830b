"""A loop that is not timed has no trace of a clock."""

import numba
import numpy as np
from networks import KEY, draw_batch, make_model

from lsh_dl.engine.clock import create_clock
from lsh_dl.engine.loop import train_samples
from lsh_dl.engine.threads import create_queue
from lsh_dl.engine.workspace import create_tally


def test_without_a_clock_none_is_read():
    """By what is compiled: a loop made with a clock calls it, one made with None does not."""
    model = make_model("standard", [6, 5, 3])
    loop = numba.njit(train_samples.py_func)  # LLVM's text of what was kept on disk is not there
    for clock in (None, create_clock()):
        before = len(loop.signatures)
        loop(
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
            clock,
            None,
            None,
        )
        made = loop.inspect_llvm(loop.signatures[before])
        assert ("_add_time" in made or "clock_gettime" in made) == (clock is not None)
    assert np.all(clock[:4] >= 0)
