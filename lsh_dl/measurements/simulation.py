"""What asynchronous training would gain from more cores than there are: a simulation.

Its threads run through samples whose updated rows were recorded in real training, on cores of
their own. Measured on this machine are a sample's seconds forward and in the update, with one
thread; what a row costs more whose last writer is another thread (from what two threads lose);
and a refresh: by one and two threads where all renew the tables together, by one while another
trains where they are renewed meanwhile. Assumed is that every core is as near to any other as the
two measured are, and that memory serves them all: an upper bound for a real machine with several
sockets. That threads meet at the end of each call (some thousand samples) is not in it.
"""

import heapq
import os
import time
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.counts import STAGES
from lsh_dl.engine.threads import Team, create_queue, create_relays
from lsh_dl.measurements.conflicts import list_rows, record_updates
from lsh_dl.runs.spec import Run
from lsh_dl.training.epochs import draw_key, train_epoch
from lsh_dl.training.loader import Inputs
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

THREADS = (2, 8, 56, 128)
WARMED = 5_000
"""Samples trained on before anything is measured."""
RECORDED = 600
"""Samples whose updated rows are known; threads take them in turn."""
TIMED = 1_000
ROUNDS = 3
EACH = 6
"""Samples that each simulated thread does."""


class Costs(NamedTuple):
    """Measured seconds."""

    forward: float  # of a sample, selection included
    update: float  # of a sample, backward included
    two: float  # of a sample, of each of two threads
    refresh: float  # of one refresh, by one thread
    refresh_two: float  # by two
    interval: float  # samples from one refresh to the next
    # A layer's part of a refresh by one thread while another trains, seconds; none: all threads
    # refresh together.
    layers: tuple[float, ...] = ()


class Outcome(NamedTuple):
    """What a simulation gives."""

    seconds: float  # of a sample, of each thread
    foreign: float  # visits a sample to rows that another thread wrote last
    staleness: float  # others' updates of a row between reading and updating it, mean
    staleness_high: float  # the 95th percentile


def simulate_run(run: Run, data: Prepared) -> pd.DataFrame:
    """Train a run's network for a while, then simulate more threads.

    Returns
    -------
    `simulate_speedup`'s table with `run_id` and `cores` of this machine.
    """
    inputs = inputs_of(data, data.train)
    model = create_model(run, data.features, data.classes)
    train_epoch(model, inputs, np.arange(WARMED) % len(inputs), draw_key(run.seed, 1))
    table = simulate_speedup(model, inputs, draw_key(run.seed, 2))
    return table.assign(run_id=run.id, cores=os.cpu_count())


def simulate_speedup(
    model: SparseModel, inputs: Inputs, key: np.uint64, threads: Sequence[int] = THREADS
) -> pd.DataFrame:
    """Measure a model's costs and conflicts, then predict speed-up and staleness.

    Parameters
    ----------
    model
        Trained for a while, so that its active sets and refresh interval are typical; trained
        further here.

    Returns
    -------
    A row a number of threads: speedup, staleness_mean, staleness_high, and refresh_late: the
    samples that are taken from when a refresh is due until it is handed over, at most.
    """
    costs = measure_costs(model, inputs, key)
    model.use_threads(1)
    levels = record_updates(model, inputs.batch(np.arange(RECORDED) % len(inputs)), key)
    visits = list_rows(levels)
    two = simulate(visits, costs, 2, 0.0)
    # What two threads lose, shared out over the rows that they take from each other.
    lost = max(0.0, costs.two - two.seconds)
    transfer = lost / max(two.foreign, 1e-9)
    alone = costs.forward + costs.update + costs.refresh / costs.interval
    table = []
    for count in threads:
        outcome = simulate(visits, costs, count, transfer)
        sample, late = sample_seconds(outcome.seconds, costs, count)
        table.append(
            {
                "threads": count,
                "speedup": alone / sample,
                "refresh_late": late,
                "staleness_mean": outcome.staleness,
                "staleness_high": outcome.staleness_high,
            }
        )
    return pd.DataFrame(table)


def sample_seconds(seconds: float, costs: Costs, threads: int) -> tuple[float, float]:
    """Seconds from one sample to the next of all threads, refreshes included.

    Parameters
    ----------
    seconds
        Of a sample, of each thread.

    Returns
    -------
    Beside it, the samples from when a refresh is due until it is handed over, at most.
    """
    if not costs.layers:
        return seconds / threads + refresh_seconds(costs, threads) / costs.interval, 0.0
    # A layer has at most one thread at its renewal, and always one where that takes longer than
    # the samples until the next is due.
    parts = sorted(costs.layers, reverse=True)
    for always in range(min(threads, len(parts) + 1)):
        sample = (seconds + sum(parts[always:]) / costs.interval) / (threads - always)
        if always == len(parts) or parts[always] <= costs.interval * sample:
            break
    waiting = parts[0] if always else 0  # for the one before
    return sample, (waiting + parts[0]) / sample


def measure_costs(model: SparseModel, inputs: Inputs, key: np.uint64) -> Costs:
    """Time one and two threads in turn; medians."""
    rows = inputs.batch(np.arange(TIMED) % len(inputs))
    work = np.zeros(len(STAGES), np.int64)
    interval = model.rule.refresh_interval(model.seen, model.network)
    seconds: dict[tuple, list[float]] = {}

    def clock(name: str, threads: int, call) -> None:
        start = time.perf_counter()
        call()
        seconds.setdefault((name, threads), []).append(time.perf_counter() - start)

    for _ in range(ROUNDS):
        for threads in (1, 2):
            model.use_threads(threads)
            with Team(threads) as team:
                refresh = (model.state, model.network, rows, work, team)
                clock("refresh", threads, lambda refresh=refresh: model.rule.refresh(*refresh))
                model.until_refresh = None
                clock("train", threads, lambda: model.train(rows, key))
                clock("forward", threads, lambda: model.predict(rows, key))
    meanwhile = interval and any(
        model.rule.refreshes_meanwhile(model.state, ahead) for ahead in range(3)
    )
    layers = time_meanwhile(model, rows, key) if meanwhile else ()
    model.until_refresh = interval
    middle = {name: float(np.median(values)) for name, values in seconds.items()}
    forward = min(middle["forward", 1], 0.9 * middle["train", 1]) / TIMED
    return Costs(
        forward,
        middle["train", 1] / TIMED - forward,
        2 * middle["train", 2] / TIMED,
        middle["refresh", 1] if interval else 0.0,
        middle["refresh", 2] if interval else 0.0,
        interval or 1,
        layers,
    )


def time_meanwhile(model: SparseModel, rows: Batch, key: np.uint64) -> tuple[float, ...]:
    """Seconds that one thread takes to renew each layer while another trains; medians."""
    layers, work = len(model.network.sizes) - 2, np.zeros(len(STAGES), np.int64)
    seconds = np.zeros((ROUNDS, layers))
    model.use_threads(1)

    def renew(measured: np.ndarray) -> None:
        for layer in range(layers):
            (relay,) = create_relays(1, layers, create_queue(), 1, [0])
            relay.begun[np.arange(layers) != layer] = 1  # nothing to do for the others
            start = time.perf_counter()
            type(model.rule).renew(model.state, model.network, relay, 0, work)
            measured[layer] = time.perf_counter() - start

    renew(seconds[0])  # compiles
    with Team(2) as team:
        for measured in seconds:
            tasks = (lambda: model.train(rows, key), lambda measured=measured: renew(measured))
            team.run(lambda part, tasks=tasks: tasks[part]())
    return tuple(np.median(seconds, axis=0).tolist())


def refresh_seconds(costs: Costs, threads: int) -> float:
    """A refresh by so many threads, by Amdahl's law through one and two."""
    shared = min(max(0.0, 2 * (costs.refresh - costs.refresh_two)), costs.refresh)
    return costs.refresh - shared + shared / threads


def simulate(
    visits: Sequence[Sequence[int]], costs: Costs, threads: int, transfer: float
) -> Outcome:
    """Let threads run through samples, each on a core of its own.

    A sample reads its rows forward and updates them backward. A row whose last writer is another
    thread takes `transfer` seconds more, and while one thread updates it, another waits.
    """
    per_row = np.mean([len(rows) for rows in visits])
    read, write = costs.forward / per_row, costs.update / per_row
    generator = np.random.default_rng(0)
    count = 1 + max(max(rows) for rows in visits)
    writer = generator.integers(0, threads, count).tolist()
    versions, free_at = [0] * count, [0.0] * count
    starts = generator.permutation(threads) * ((costs.forward + costs.update) / threads)
    events = [(start, thread, 0, False) for thread, start in enumerate(starts.tolist())]
    heapq.heapify(events)
    sample = list(range(threads))
    done = [0] * threads
    seen = [[0] * len(visits[s % len(visits)]) for s in sample]
    foreign, staleness, ended, following = 0, [], [], threads
    while events:
        now, thread, place, updates = heapq.heappop(events)
        rows = visits[sample[thread] % len(visits)]
        if place == len(rows):
            if not updates:
                events_next = (now, thread, 0, True)
            else:
                done[thread] += 1
                if done[thread] == EACH:
                    ended.append(now - starts[thread])
                    continue
                sample[thread], following = following, following + 1
                seen[thread] = [0] * len(visits[sample[thread] % len(visits)])
                events_next = (now, thread, 0, False)
            heapq.heappush(events, events_next)
            continue
        at = len(rows) - 1 - place if updates else place
        row = rows[at]
        moved = writer[row] != thread
        foreign += moved
        now += transfer * moved
        if updates:
            now = max(now, free_at[row]) + write
            free_at[row] = now
            staleness.append(versions[row] - seen[thread][at])
            versions[row] += 1
            writer[row] = thread
        else:
            now += read
            waiting = ceil(max(0.0, free_at[row] - now) / write)  # updates asked for, not done
            seen[thread][at] = versions[row] - waiting
        heapq.heappush(events, (now, thread, place + 1, updates))
    return Outcome(
        float(np.mean(ended)) / EACH,
        foreign / (threads * EACH),
        float(np.mean(staleness)),
        float(np.percentile(staleness, 95)),
    )
