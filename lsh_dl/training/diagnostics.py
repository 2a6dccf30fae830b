"""How well a rule selects: watched on some samples, apart from what is timed and counted."""

from typing import NamedTuple

import numpy as np
from numba.core.dispatcher import Dispatcher

from lsh_dl.engine.batch import Batch, slice_batch
from lsh_dl.engine.kernel_cache import compile_together
from lsh_dl.engine.trace import trace_samples
from lsh_dl.engine.workspace import create_tally, create_workspace
from lsh_dl.training.loader import Inputs
from lsh_dl.training.model import SparseModel

#: Samples that are watched, and the dense multiplications that this may cost: very large networks
#: are watched on fewer samples.
MOST_SAMPLES, LEAST_SAMPLES, MOST_WORK = 256, 8, 1e9


class Trace(NamedTuple):
    """What a rule selected at inference, and what it could have selected.

    Layers narrower than the widest are filled up with nodes that are never selected, of
    pre-activation minus infinity.
    """

    selected: np.ndarray  # bool (samples, layers, widest)
    preactivations: np.ndarray  # float32 (samples, layers, widest)
    lengths: np.ndarray  # float32 (samples, layers): |input|, with the bias's 1
    budgets: np.ndarray  # int64 (layers,): wanted active nodes
    widths: np.ndarray  # int64 (layers,)


def pick_samples(model: SparseModel, inputs: Inputs) -> np.ndarray:
    """Numbers of the samples to watch, spread evenly over `inputs`: int64 (m,)."""
    sizes = model.network.sizes
    affordable = int(MOST_WORK / (sizes[:-1] * sizes[1:]).sum())
    count = min(len(inputs), np.clip(affordable, LEAST_SAMPLES, MOST_SAMPLES))
    return np.linspace(0, len(inputs) - 1, count).astype(np.int64)


def trace_selection(model: SparseModel, batch: Batch, key: np.uint64) -> Trace:
    """Watch the model predict `batch`, with the random draws of `key`.

    Nothing that decides the model's further answers changes.
    """
    network, select = model.network, type(model.rule).select
    widths = network.sizes[1:-1]
    shape = len(batch.numbers), len(widths), int(widths.max())
    selected, preactivations = np.zeros(shape, np.uint8), np.full(shape, -np.inf, np.float32)
    lengths, workspace = np.zeros(shape[:2], np.float32), create_workspace(network)

    def trace(kernel, some: Batch) -> None:
        kernel(
            model.state,
            model.rule.computes_preactivations,
            network,
            some,
            key,
            workspace,
            create_tally(),
            selected,
            preactivations,
            lengths,
        )

    if isinstance(select, Dispatcher):
        with compile_together():
            trace(trace_samples, slice_batch(batch, 0, 0))
        trace(trace_samples, batch)
    else:
        trace(trace_samples.py_func, batch)
    budgets = model.rule.budgets(network)
    return Trace(selected.astype(bool), preactivations, lengths, budgets, widths)


def find_top(trace: Trace) -> np.ndarray:
    """The nodes of the largest pre-activations, as many as wanted: bool like `trace.selected`."""
    top = np.zeros_like(trace.selected)
    for layer, budget in enumerate(trace.budgets):
        order = np.argpartition(-trace.preactivations[:, layer], budget - 1, axis=1)
        np.put_along_axis(top[:, layer], order[:, :budget], True, axis=1)
    return top


def recall_of_top(trace: Trace) -> np.ndarray:
    """Mean share of the nodes of the largest pre-activations that were selected: (layers,)."""
    found = np.count_nonzero(find_top(trace) & trace.selected, axis=2)
    return (found / trace.budgets).mean(axis=0)


def unused_share(trace: Trace) -> np.ndarray:
    """Share of each layer's nodes that were selected for none of the samples: (layers,)."""
    used = np.count_nonzero(trace.selected.any(axis=0), axis=1)
    return 1 - used / trace.widths
