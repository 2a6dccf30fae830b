"""The share of the memory's limit that forward and update reach: `python -m benchmarks limits`.

One thread, 784-1000-1000-10, LSH with Adagrad, MNIST where its files are at hand. What a sample has
to move: the weights of its active nodes over its non-zero inputs, read once in the forward pass;
the same weights and Adagrad's sums read and written once in the update; in whole cache lines. The
active nodes of many samples are noted, and the two kernels run over them alone, so that nothing
else counts. The limit is what the same instructions reach walking through the whole arrays from end
to end, which lie in the third level of caches on most processors; more than 100 % is possible,
since nodes that are often active stay in the second. The rest of a sample is hashing, candidates,
estimates, products of nodes that are not kept, the output layer, and lists. Times are the
processor's, which other programs disturb less than the clock's.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pandas as pd

from benchmarks._digits import describe_run, open_digits
from benchmarks._results import write_table
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.batch import Batch, slice_batch
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.optimiser import prefetch_row, step_row
from lsh_dl.engine.simd import LANES, dot_rows
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

LINE = 4 * LANES
SAMPLES, WARMED, ROUNDS = 1000, 20_000, 9
SYSTEMS = {
    "LSH 5 %": (0.05, {}),
    "LSH at the claim": (0.1, {"directions": 23, "shortlist": 1.5, "learning_rate": 0.02}),
}


class Noted(NamedTuple):
    """Active nodes and touched blocks of samples, of both hidden layers."""

    nodes: np.ndarray  # int32 (samples, 2, room)
    counts: np.ndarray  # int64 (samples, 2)
    blocks: np.ndarray  # int32 (samples, 2, room)
    block_counts: np.ndarray  # int64 (samples, 2)


def main() -> None:
    """Measure, print and write results/benchmarks/limits.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        rows = [row for name in SYSTEMS for row in measure(data, name)]
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.1f}".format))
    write_table(table.assign(data=data.title), "limits")


def measure(data: Prepared, name: str) -> list[dict]:
    """Bytes, time and share of the limit of both kernels, and the time of the whole sample."""
    level, settings = SYSTEMS[name]
    run = describe_run((name, "lsh", level), **settings)
    model = create_model(run, data.features, data.classes)
    inputs = inputs_of(data, data.train)
    model.train(inputs.batch(np.arange(WARMED)), np.uint64(1))
    rows = inputs.batch(np.arange(SAMPLES))
    noted = note_active(model, rows)
    network, optimiser = model.network, model.optimiser._replace(learning_rate=np.float32(1e-9))
    x, products = aligned_zeros(1024), aligned_zeros(1024)
    x[:] = 1e-3
    places = network.starts[:2].copy(), network.strides[:2].copy()
    lines = (noted.counts * noted.block_counts).sum() / SAMPLES
    everyone = np.arange(network.weights.size // x.size, dtype=np.int32)
    whole, all_products = np.arange(0, x.size, LANES, dtype=np.int32), aligned_zeros(everyone.size)
    calls = {
        "forward": lambda: _forward(network.weights, noted, *places, x, products),
        "update": lambda: _update(network.weights, optimiser, noted, *places, x),
        "train": lambda: model.train(rows, np.uint64(2)),
        "predict": lambda: model.predict(rows, np.uint64(2)),
        "read": lambda: _read(network.weights, everyone, x, whole, all_products),
        "change": lambda: _change(network.weights, optimiser, x, whole),
    }
    seconds = time_in_turns(calls)
    limits = {
        "forward": network.weights.nbytes / seconds["read"],
        "update": 4 * network.weights.nbytes / seconds["change"],
    }
    moved = {"forward": lines * LINE, "update": 4 * lines * LINE}
    table = []
    for stage, whole in (("forward", "predict"), ("update", "train")):
        took = seconds[stage] / SAMPLES
        table.append(
            {
                "system": name,
                "stage": stage,
                "kilobytes": moved[stage] / 1e3,
                "microseconds": 1e6 * took,
                "gigabytes_a_second": moved[stage] / took / 1e9,
                "limit": limits[stage] / 1e9,
                "percent_of_limit": 100 * moved[stage] / took / limits[stage],
                "of": whole,
                "whole_microseconds": 1e6 * seconds[whole] / SAMPLES,
            }
        )
    return table


def note_active(model: SparseModel, rows: Batch) -> Noted:
    """What each sample activates and touches."""
    workspace = model.workspaces[0]
    noted = []
    for s in range(SAMPLES):
        model.predict(slice_batch(rows, s, s + 1), np.uint64(0))
        arrays = (workspace.ids[1:3], workspace.counts[1:3] - 1)
        arrays += (workspace.blocks[:2], workspace.block_counts[:2])
        noted.append([array.copy() for array in arrays])
    return Noted(*(np.array(arrays) for arrays in zip(*noted, strict=True)))


def time_in_turns(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median seconds of the processor of each call, after one that does not count."""
    times = {name: [] for name in calls}
    for turn in range(ROUNDS + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


@numba.njit(nogil=True, fastmath=True)
def _forward(weights, noted, starts, strides, x, products):
    for s in range(noted.counts.shape[0]):
        for layer in range(2):
            nodes = noted.nodes[s, layer, : noted.counts[s, layer]]
            blocks = noted.blocks[s, layer, : noted.block_counts[s, layer]]
            dot_rows(weights, starts[layer], strides[layer], nodes, x, blocks, products)


@numba.njit(nogil=True, fastmath=True)
def _update(weights, optimiser, noted, starts, strides, x):
    for s in range(noted.counts.shape[0]):
        for layer in (1, 0):
            blocks = noted.blocks[s, layer, : noted.block_counts[s, layer]]
            count = noted.counts[s, layer]
            for p in range(count):
                start = starts[layer] + noted.nodes[s, layer, p] * strides[layer]
                if p + 1 < count:
                    following = starts[layer] + noted.nodes[s, layer, p + 1] * strides[layer]
                    prefetch_row(optimiser, weights, following, blocks)
                step_row(optimiser, weights, start, np.float32(1e-6), x, blocks)


@numba.njit(nogil=True, fastmath=True)
def _read(weights, everyone, x, blocks, products):
    dot_rows(weights, 0, x.shape[0], everyone, x, blocks, products)


@numba.njit(nogil=True, fastmath=True)
def _change(weights, optimiser, x, blocks):
    for start in range(0, weights.shape[0] - x.shape[0] + 1, x.shape[0]):
        step_row(optimiser, weights, start, np.float32(1e-6), x, blocks)


if __name__ == "__main__":
    main()
