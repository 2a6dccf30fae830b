"""What a sample costs in one hidden layer of a given width: work, seconds, upkeep, memory.

Training is real, on real or generated images, but short: what is wanted are costs. Upkeep of the
tables is timed apart from the samples, since wide layers have long intervals between refreshes: a
sample's share is that of the refreshes that are due while `SCHEDULED` samples are trained.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lsh_dl.data.prepared.store import Prepared
from lsh_dl.engine.counts import MAINTAIN, OPTIMISER, STAGES, dense_work
from lsh_dl.engine.threads import Team
from lsh_dl.engine.workspace import add_tally, create_tally
from lsh_dl.measurements.energy import EnergyCounter
from lsh_dl.runs.load import LoadMeter
from lsh_dl.runs.machine import describe_machine
from lsh_dl.runs.spec import Run
from lsh_dl.training.arrays import name_arrays
from lsh_dl.training.epochs import draw_key, draw_order
from lsh_dl.training.loader import Inputs
from lsh_dl.training.model import SparseModel
from lsh_dl.training.run import create_model, inputs_of

WARMED = 4_000
"""Samples that LSH is trained on before anything is timed: past its first refresh."""
ROUNDS = 5
"""Timed parts, of which the median counts."""
SAMPLES = 1_000
"""Samples of a timed part."""
DENSE_NODES = 4_000_000
"""Nodes computed in a timed part of a rule without tables, which bounds its samples."""
REFRESHES = 3
SCHEDULED = 60_000
"""Samples whose refreshes are counted, an epoch of MNIST: frequent at first, then rarer."""


def measure_width(run: Run, data: Prepared) -> dict[str, Any]:
    """Train a run's network for a while; returns costs per sample, seconds and bytes."""
    # Kernels are compiled, or loaded from disk, on a small network of the same kind.
    create_model(run.model_copy(update={"hidden": (100,)}), data.features, data.classes)
    model, started = _time(lambda: create_model(run, data.features, data.classes))
    _, built = _time(lambda: model.rule.start(model.network))
    inputs = inputs_of(data, data.train)
    order, key = draw_order(run.seed, 1, len(data.train)), draw_key(run.seed, 1)
    keeps_tables = model.until_refresh is not None
    samples, warmed = SAMPLES, WARMED
    if not keeps_tables:
        samples = warmed = max(4, min(SAMPLES, DENSE_NODES // run.hidden[0]))
    model.train(inputs.batch(np.resize(order, warmed)), key)
    parts = np.resize(np.roll(order, -warmed), (ROUNDS, samples))
    refreshed = _time_refreshes(model, inputs, parts) if keeps_tables else {}
    model.until_refresh = None
    learned, predicted = create_tally(), create_tally()
    seconds = {"training": [], "inference": []}
    test = inputs_of(data, data.test)
    correct = tested = 0
    with LoadMeter() as load:
        with EnergyCounter() as energy:
            for part in parts:
                rows = inputs.batch(part)
                tally, passed = _time(lambda rows=rows: model.train(rows, key))
                add_tally(learned, tally)
                seconds["training"].append(passed / samples)
        for part in np.resize(np.arange(len(test)), (ROUNDS, samples)):
            rows = test.batch(part)
            (probabilities, tally), passed = _time(lambda rows=rows: model.predict(rows, key))
            add_tally(predicted, tally)
            seconds["inference"].append(passed / samples)
            correct += np.count_nonzero(probabilities.argmax(axis=1) == rows.labels)
            tested += samples
    work = {"training": learned.work / parts.size, "inference": predicted.work / parts.size}
    work["training"][MAINTAIN] += refreshed.get("upkeep_multiplications", 0.0)
    dense = dense_work((data.features, *run.hidden, data.classes))
    machine = describe_machine()
    return {
        "run_id": run.id,
        "dataset": run.dataset,
        "dataset_title": data.title,
        "data_kind": data.kind,
        "rule": run.rule,
        "title": run.title,
        "inputs": data.features,
        "width": run.hidden[0],
        "active_nodes": learned.active[0] / parts.size,
        "K": run.settings.get("K", 0),
        "adagrad": run.training.adagrad,
        "samples_trained": warmed + parts.size,
        "samples_timed": parts.size,
        "test_accuracy": correct / tested,
        "training_multiplications": work["training"][:OPTIMISER].sum(),
        "inference_multiplications": work["inference"][:OPTIMISER].sum(),
        "textbook_training_multiplications": dense.training,
        "textbook_inference_multiplications": dense.inference,
        **{f"training_{stage}": work["training"][i] for i, stage in enumerate(STAGES)},
        "sample_seconds": np.median(seconds["training"]),
        "upkeep_seconds": refreshed.get("upkeep_seconds", 0.0),
        "training_seconds": np.median(seconds["training"]) + refreshed.get("upkeep_seconds", 0.0),
        "inference_seconds": np.median(seconds["inference"]),
        "start_seconds": started,
        "build_seconds": built if keeps_tables else 0.0,
        "refresh_seconds": refreshed.get("refresh_seconds", 0.0),
        "refresh_interval": refreshed.get("refresh_interval", 0),
        "joules": energy.joules / parts.size if energy.joules is not None else None,
        "joules_absent": energy.reason,
        **_count_bytes(model),
        **load.columns(),
        "processor": machine["processor"],
        "cores": machine["cores"],
        "git_commit": machine["git_commit"],
    }


def _time(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def _time_refreshes(model: SparseModel, inputs: Inputs, parts: np.ndarray) -> dict[str, float]:
    """Refresh after each of some parts: seconds, multiplications, and a sample's share of them."""
    interval = average_interval(model)
    work, seconds = np.zeros(len(STAGES), np.int64), []
    with Team(1) as team:
        for part in parts[:REFRESHES]:
            model.until_refresh = None
            rows = inputs.batch(part)
            model.train(rows, np.uint64(0))
            refresh = (model.state, model.network, rows, work, team)
            seconds.append(_time(lambda refresh=refresh: model.rule.refresh(*refresh))[1])
    return {
        "refresh_seconds": np.median(seconds),
        "refresh_interval": interval,
        "upkeep_seconds": np.median(seconds) / interval,
        "upkeep_multiplications": work[MAINTAIN] / len(seconds) / interval,
    }


def average_interval(model: SparseModel) -> float:
    """Samples between refreshes, on average over the first `SCHEDULED` (and at least one)."""
    seen = refreshes = 0
    while seen < SCHEDULED:
        following = model.rule.refresh_interval(seen, model.network)
        if following is None:
            break
        seen, refreshes = seen + following, refreshes + 1
    return max(seen, SCHEDULED) / max(refreshes, 1)


def _count_bytes(model: SparseModel) -> dict[str, int]:
    """Bytes of all that is kept of the network, by what it is for."""
    state = {name: array.nbytes for name, array in name_arrays(model.state, "state")}
    tables = sum(size for name, size in state.items() if ".tables." in name)
    features = sum(size for name, size in state.items() if name.endswith(".features"))
    return {
        "bytes_weights": model.network.weights.nbytes,
        "bytes_optimiser": model.optimiser.squares.nbytes + model.optimiser.velocity.nbytes,
        "bytes_tables": tables,
        "bytes_features": features,
        "bytes_other": sum(state.values())
        - tables
        - features
        + sum(array.nbytes for array in model.workspaces[0]),
    }
