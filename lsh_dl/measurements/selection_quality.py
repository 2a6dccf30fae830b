"""Chance of selection over the rank of a node's true pre-activation, before and after training."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from lsh_dl.data.prepared.store import Prepared
from lsh_dl.measurements.theory import chance_of_meeting
from lsh_dl.runs.spec import Run
from lsh_dl.training.diagnostics import (
    Trace,
    pick_samples,
    recall_of_top,
    trace_selection,
    unused_share,
)
from lsh_dl.training.epochs import draw_key, draw_order, train_epoch
from lsh_dl.training.model import SparseModel
from lsh_dl.training.progress import describe_epoch
from lsh_dl.training.run import create_model, describe_run, inputs_of, train_run

#: Samples that a rule sees before it is measured as untrained: hash tables are fitted to them, and
#: adaptive dropout finds its share. The weights stand still.
SETTLING = 1000
#: Bins of ranks, at most; of equal width on a logarithmic axis.
BINS = 24


def measure_selection(run: Run, data: Prepared) -> Iterator[dict[str, Any]]:
    """Rows with the run, `when` and `describe_trace`, of some test samples.

    Before training means: initial weights, after `SETTLING` samples without learning.
    """
    untrained, trained = settle(run, data), create_model(run, data.features, data.classes)
    for row in train_run(run, data, model=trained):
        print(describe_epoch(row, run.training.epochs), flush=True)
    common = describe_run(run, data) | {"status": row["status"]}
    test, key = inputs_of(data, data.test), draw_key(run.seed, row["epoch"])
    for when, epoch, model in (("before", 0, untrained), ("after", row["epoch"], trained)):
        rows = test.batch(pick_samples(model, test))
        trace = trace_selection(model, rows, key)
        for point in describe_trace(trace, chance_of_meeting(model, rows, trace)):
            yield common | {"when": when, "epoch": epoch, "samples": len(rows.numbers)} | point


def settle(run: Run, data: Prepared) -> SparseModel:
    """The run's initial network under its rule, which has seen `SETTLING` samples."""
    still = run.training.model_copy(update={"learning_rate": 0.0})
    model = create_model(run.model_copy(update={"training": still}), data.features, data.classes)
    order = draw_order(run.seed, 1, len(data.train))[:SETTLING]
    train_epoch(model, inputs_of(data, data.train), order, draw_key(run.seed, 1))
    return model


def describe_trace(trace: Trace, theory: np.ndarray | None) -> Iterator[dict[str, Any]]:
    """A row for each hidden layer and bin of ranks; rank 1 is the largest pre-activation.

    Parameters
    ----------
    theory
        Expected chance of each node, like `trace.selected`; None: there is no formula.
    """
    recall, unused = recall_of_top(trace), unused_share(trace)
    for layer, width in enumerate(trace.widths):
        order = np.argsort(-trace.preactivations[:, layer, :width], axis=1, kind="stable")
        chances = np.take_along_axis(trace.selected[:, layer], order, axis=1).mean(axis=0)
        expected = np.full(width, np.nan)
        if theory is not None:
            expected = np.take_along_axis(theory[:, layer], order, axis=1).mean(axis=0)
        for first, stop in pairwise(bin_ranks(int(width))):
            yield {
                "layer": layer + 1,
                "width": int(width),
                "budget": int(trace.budgets[layer]),
                "lowest_rank": int(first),
                "highest_rank": int(stop) - 1,
                "chance": chances[first - 1 : stop - 1].mean(),
                "theory": expected[first - 1 : stop - 1].mean(),
                "recall_of_top": recall[layer],
                "unused_share": unused[layer],
            }


def bin_ranks(width: int) -> np.ndarray:
    """First rank of each bin and, last, width + 1; bins are about equally wide in log(rank)."""
    return np.unique(np.geomspace(1, width + 1, BINS + 1).round().astype(np.int64))
