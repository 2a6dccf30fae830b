"""Where the time of a training sample goes, beside its multiplications, stage by stage.

Two equal models take turns on the same samples: one is trained by the loop with a clock
between the stages, the other by the usual loop, which tells what reading the clock costs. Bringing
tables up to date is what a call takes beside the loop.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.clock import TIMED_STAGES, create_clock
from lsh_dl.engine.counts import STAGES
from lsh_dl.engine.workspace import Tally, add_tally, create_tally
from lsh_dl.runs.load import LoadMeter
from lsh_dl.runs.machine import describe_machine
from lsh_dl.runs.spec import Run
from lsh_dl.training.epochs import draw_key, draw_order
from lsh_dl.training.loader import prefetch
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, describe_run, inputs_of

#: What seconds and multiplications are compared by, and the stages of engine/work.py in each.
#: `other` multiplies nothing; the optimiser's arithmetic takes its time in `backward`.
PARTS = {
    "select": ("select", "rerank"),
    "forward": ("forward",),
    "backward": ("backward", "update"),
    "maintain": ("maintain",),
    "other": (),
    "optimiser": ("optimiser",),
}


def train_timed(model: SparseModel, rows: Batch, key: np.uint64) -> tuple[Tally, dict[str, float]]:
    """Train once on each row, in one thread; the sums over them, the seconds of each timed part."""
    clock = create_clock()
    tally, seconds = _time(model, rows, key, clock)
    parts = {stage: clock[i] / 1e9 for i, stage in enumerate(TIMED_STAGES)}
    beside = seconds - sum(parts.values())
    keeps_tables = model.until_refresh is not None
    parts["maintain"] = beside if keeps_tables else 0.0
    parts["other"] += 0.0 if keeps_tables else beside
    return tally, parts


def measure_stages(run: Run, data: Prepared, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Train a run's network; after each epoch a row of seconds and multiplications per sample.

    Parameters
    ----------
    most
        Samples of an epoch; default: all.
    """
    common = describe_run(run, data) | {"threads": 1}
    machine = describe_machine()
    plain, clocked = (create_model(run, data.features, data.classes) for _ in range(2))
    for model in (plain, clocked):
        model.use_threads(1)
    inputs = inputs_of(data, data.train)
    for epoch in range(1, run.training.epochs + 1):
        order, key = draw_order(run.seed, epoch, len(inputs))[:most], draw_key(run.seed, epoch)
        seconds, total, unclocked = dict.fromkeys(PARTS, 0.0), create_tally(), 0.0
        with LoadMeter() as load:
            for rows in prefetch(inputs, order):
                tally, parts = train_timed(clocked, rows, key)
                add_tally(total, tally)
                for part, passed in parts.items():
                    seconds[part] += passed
                unclocked += _time(plain, rows, key)[1]
        del seconds["optimiser"]
        work = dict(zip(STAGES, total.work / len(order), strict=True))
        yield {
            **common,
            "epoch": epoch,
            "status": "ok" if clocked.is_finite() else "diverged",
            "samples": len(order),
            **{f"{part}_seconds": passed / len(order) for part, passed in seconds.items()},
            "seconds": sum(seconds.values()) / len(order),
            "unclocked_seconds": unclocked / len(order),
            **{
                f"{part}_multiplications": sum(work[stage] for stage in stages)
                for part, stages in PARTS.items()
            },
            "multiplications": sum(work.values()) - work["optimiser"],
            "processor": machine["processor"],
            "cores": machine["cores"],
            **load.columns(),
        }


def _time(
    model: SparseModel, rows: Batch, key: np.uint64, clock: np.ndarray | None = None
) -> tuple[Tally, float]:
    start = time.perf_counter()
    tally = model.train(rows, key, clock)
    return tally, time.perf_counter() - start
