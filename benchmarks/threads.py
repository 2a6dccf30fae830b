"""Asynchronous training with 1, 2 and 4 threads: time, accuracy, waiting for a streamed data set.

`python -m benchmarks threads`. Numbers of threads take turns, round after round, so that a slow
spell of the machine hits all; speed-up is formed within a round. Network 784-1000-1000-10.

What a cache line costs that another core wrote or read last is measured beside it: threads that
share weights pay it all the time, and a virtual machine's cores may be near each other or far.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pandas as pd

from benchmarks._digits import LSH, MEANWHILE, STANDARD, WAYS, describe_run, open_digits
from benchmarks._results import write_table
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.network import aligned_zeros
from lsh_dl.engine.simd import LANES
from lsh_dl.engine.threads import Team
from lsh_dl.training.epochs import draw_key, draw_order, evaluate, train_epoch
from lsh_dl.training.loader import prefetch
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

THREADS = (1, 2, 4)
ROUNDS = 11
SEEDS = (1, 2, 3, 4, 5)
#: Samples of a timed call, and samples that an accuracy is learned from.
SAMPLES = {"lsh": 4_000, "standard": 500}
LEARNED = {"lsh": 20_000, "standard": 6_000}
#: Samples before timing: past the first, frequent refreshes of the hash tables.
WARMED = {"lsh": 12_000, "standard": 500}
STREAMED = 30_000
KEY = np.uint64(2)
LINES = 8_000
"""Half a megabyte: what one core's cache holds."""


def main() -> None:
    """Measure, print and write results/benchmarks/threads.csv."""
    with tempfile.TemporaryDirectory() as folder:
        data = open_digits(Path(folder))
        rows = [*measure_lines(), *measure_times(data), *measure_lines()]
        rows += measure_accuracies(data)
        rows += measure_waiting(open_digits(Path(folder), stream=True))
    table = pd.DataFrame(rows).assign(data=data.title)
    print(f"{data.title}, {os.cpu_count()} cores")
    print(table.to_string(index=False, float_format="{:.4g}".format))
    write_table(table, "threads")


def measure_lines() -> Iterator[dict]:
    """Nanoseconds to update a cache line, by what the two cores did with it before."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        return
    lines = aligned_zeros(LINES, LANES)
    order = np.random.default_rng(0).permutation(LINES)
    update_lines(lines, order)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for core, thread in zip(sorted(os.sched_getaffinity(0)), (one, other), strict=False):
            thread.submit(os.sched_setaffinity, 0, {core}).result()
        cases = {
            "its own core wrote": [(one, update_lines)],
            "another core wrote": [(other, update_lines)],
            "its own core wrote and another has read": [(one, update_lines), (other, read_lines)],
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(50):
            for name, before in cases.items():
                for thread, touch in before:
                    thread.submit(touch, lines, order).result()
                seconds = one.submit(_clock, update_lines, lines, order).result()
                times[name].append(1e9 * seconds / LINES)
    for name, values in times.items():
        yield _row(f"ns to update a line {name}", "", 1, pd.Series(values))


@numba.njit(nogil=True)
def update_lines(lines, order):
    """Add 1 to the first number of each cache line."""
    for line in order:
        lines[line, 0] += 1


@numba.njit(nogil=True)
def read_lines(lines, order):
    """Sum of the first numbers of all cache lines."""
    total = np.float32(0)
    for line in order:
        total += lines[line, 0]
    return total


def _clock(call, *arguments) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def measure_times(data: Prepared) -> Iterator[dict]:
    """Microseconds of a training sample and speed-up: median, lowest and highest round.

    Beside them two threads that each train a network of its own: what sharing one costs. LSH's
    tables are renewed in both ways, in turns.
    """
    inputs = inputs_of(data, data.train)
    for system in (LSH, STANDARD):
        rule = system[1]
        models = {
            (title, threads): create_model(
                describe_run(system, threads=threads, **settings), 784, 10
            )
            for title, of, settings in WAYS
            for threads in THREADS
            if of == system and (threads > 1 or not settings)  # one thread trains alike in all
        }
        warm = inputs.batch(np.arange(WARMED[rule]) % len(inputs))
        apart = [create_model(describe_run(system), 784, 10) for _ in range(2)]
        for model in (*models.values(), *apart):
            model.train(warm, np.uint64(1))
        times: dict[object, list[float]] = {case: [] for case in (*models, "apart")}
        for number in range(ROUNDS):
            rows = inputs.batch((np.arange(SAMPLES[rule]) + number * 100) % len(inputs))
            for case, model in models.items():
                start = time.perf_counter()
                model.train(rows, KEY)
                times[case].append(1e6 * (time.perf_counter() - start) / SAMPLES[rule])
            halves = slice_batch(rows, 0, SAMPLES[rule] // 2)
            with Team(2) as team:
                start = time.perf_counter()
                team.run(lambda part, apart=apart, rows=halves: apart[part].train(rows, KEY))
                times["apart"].append(1e6 * (time.perf_counter() - start) / SAMPLES[rule])
        series = {case: pd.Series(values) for case, values in times.items()}
        alone = series[system[0], 1]
        for title, threads in models:
            yield _row("microseconds a sample", title, threads, series[title, threads])
        for title, threads in models:
            if threads > 1:
                speedups = alone / series[title, threads]
                yield _row("speed-up over 1 thread", title, threads, speedups)
        yield _row("the same, on two networks", system[0], 2, alone / series["apart"])
        for (title, threads), model in models.items():
            if title == MEANWHILE:
                yield _describe_lateness(title, threads, model)


def _describe_lateness(title: str, threads: int, model: SparseModel) -> dict:
    """Samples from when a refresh was due until it was handed over: mean, least of layers, most."""
    refreshes, late, latest = model.state.upkeep.handovers.T
    row = _row("samples a refresh came late", title, threads, pd.Series(late / refreshes))
    return row | {"highest": latest.max(), "n": refreshes.sum()}


def measure_accuracies(data: Prepared) -> Iterator[dict]:
    """Test accuracy after the same samples: median, lowest and highest seed."""
    inputs = inputs_of(data, data.train)
    tested = inputs_of(data, data.test)
    for title, system, settings in WAYS:
        for threads in THREADS:
            accuracies = []
            for seed in SEEDS:
                model = create_model(describe_run(system, seed, threads, **settings), 784, 10)
                order = draw_order(seed, 1, len(inputs))[: LEARNED[system[1]]]
                train_epoch(model, inputs, order, draw_key(seed, 1))
                accuracies.append(100 * evaluate(model, tested, draw_key(seed, 1)).accuracy)
            yield _row("test accuracy, %", title, threads, pd.Series(accuracies))


def measure_waiting(data: Prepared) -> Iterator[dict]:
    """Share of an epoch that training waits for its samples, and that reading them would take."""
    inputs = inputs_of(data, data.train)
    order = draw_order(1, 1, len(inputs))[:STREAMED]
    for threads in THREADS[:2]:
        model = create_model(describe_run(LSH, threads=threads), 784, 10)
        model.train(inputs.batch(order[: WARMED["lsh"]]), np.uint64(1))
        shares = []
        for _ in range(3):
            start, waited = time.perf_counter(), 0.0
            asked = start
            for rows in prefetch(inputs, order):
                waited += time.perf_counter() - asked
                model.train(rows, np.uint64(2))
                asked = time.perf_counter()
            shares.append(100 * waited / (time.perf_counter() - start))
        yield _row("waiting for the stream, % of an epoch", LSH[0], threads, pd.Series(shares))
        start = time.perf_counter()
        rows = inputs.batch(order[:4_096])
        read = time.perf_counter() - start
        start = time.perf_counter()
        model.train(rows, np.uint64(2))
        share = 100 * read / (read + time.perf_counter() - start)
        yield _row("the same, not read ahead", LSH[0], threads, pd.Series([share]))


def _row(measured: str, title: str, threads: int, values: pd.Series) -> dict:
    return {
        "measured": measured,
        "system": title,
        "threads": threads,
        "median": values.median(),
        "lowest": values.min(),
        "highest": values.max(),
        "n": len(values),
    }


if __name__ == "__main__":
    main()
