"""Train one run: epochs over shuffled samples, evaluation after each, one row of results each."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lsh_dl.data.store import Prepared, Samples, open_prepared
from lsh_dl.discovery import find
from lsh_dl.engine.loop import Rows
from lsh_dl.engine.model import SparseModel
from lsh_dl.engine.network import create_network
from lsh_dl.engine.optimiser import create_optimiser
from lsh_dl.engine.rows import make_rows
from lsh_dl.engine.work import OPTIMISER, STAGES, dense_work
from lsh_dl.engine.workspace import Tally, add_tally, create_tally
from lsh_dl.records import describe_machine, write_record, write_rows
from lsh_dl.rules.base import Rule
from lsh_dl.runs import Run, describe_widths
from lsh_dl.validation import validate

#: Samples that are read and turned to sparse rows at a time; bounds memory, changes no result.
CHUNK = 2048

#: Mean training loss of an epoch, in nats, that no learning network has: outputs are certain and
#: wrong (guessing among 10 classes costs 2.3). All its ReLUs closed, it would stay finite.
HOPELESS_LOSS = 20.0

# Streams of random numbers, all from the run's seed; weights are drawn from stream 0.
_ORDER, _SELECTION = 1, 2


class Evaluation(NamedTuple):
    """How a model does on a part of the data."""

    accuracy: float | None  # in [0, 1]; None without samples
    tally: Tally


def create_model(run: Run, features: int, classes: int) -> SparseModel:
    """Initial network, optimiser and rule of a run.

    Runs of one seed share initial weights whatever their rule; the rule's draws have a stream of
    their own.
    """
    network = create_network([features, *run.hidden, classes], run.seed)
    settings = run.training
    optimiser = create_optimiser(
        network, settings.learning_rate, settings.momentum, settings.adagrad
    )
    rule = find("lsh_dl.rules", Rule, run.rule)
    checked = validate(rule.Settings, run.settings, f"rule {run.rule}")
    return SparseModel(network, optimiser, rule(checked, run.active_fraction, run.seed))


def train_run(run: Run, data: Prepared) -> Iterator[dict[str, Any]]:
    """Train, yielding a row of `records.COLUMNS` after each epoch.

    All randomness comes from the run's seed: with one thread the rows are the same each time but
    for the seconds. Ends early, with status `diverged`, when outputs are no longer finite or
    the epoch's mean loss is above `HOPELESS_LOSS`.
    """
    model = create_model(run, data.features, data.classes)
    sizes = [data.features, *run.hidden, data.classes]
    for epoch in range(1, run.training.epochs + 1):
        order = np.random.default_rng([run.seed, _ORDER, epoch]).permutation(len(data.train))
        key = _key(run.seed, epoch)
        start = time.perf_counter()
        learned = train_epoch(model, data, order, key)
        trained = time.perf_counter()
        validation = evaluate(model, data, data.validation, key)
        test = evaluate(model, data, data.test, key)
        evaluated = time.perf_counter()
        train_loss = learned.loss[0] / len(order)
        diverged = not model.is_finite() or train_loss > HOPELESS_LOSS
        yield {
            "run_id": run.id,
            "dataset": run.dataset,
            "dataset_title": data.title,
            "data_kind": data.kind,
            "rule": run.rule,
            "label": run.label,
            "title": run.title,
            "hidden_layers": len(run.hidden),
            "width": run.hidden[0],
            "hidden": describe_widths(run.hidden),
            "target_active_fraction": run.active_fraction,
            "active_fraction": _active_fraction(learned, len(order), run.hidden),
            "inference_active_fraction": _active_fraction(test.tally, len(data.test), run.hidden),
            "seed": run.seed,
            "threads": run.threads,
            "epoch": epoch,
            "train_loss": train_loss,
            "train_accuracy": learned.correct[0] / len(order),
            "validation_accuracy": validation.accuracy,
            "test_accuracy": test.accuracy,
            **_count_work(learned, len(order), test.tally, len(data.test), sizes),
            "train_seconds": round(trained - start, 4),
            "evaluation_seconds": round(evaluated - trained, 4),
            "status": "diverged" if diverged else "ok",
        }
        if diverged:
            return


def read_rows(data: Prepared, samples: Samples, numbers: np.ndarray) -> Rows:
    """The samples at `numbers` (m,) int64 of a part of `data`, as the network's sparse inputs."""
    return make_rows(*samples.take(numbers), numbers, data.offset, data.scale)


def train_epoch(model: SparseModel, data: Prepared, order: np.ndarray, key: np.uint64) -> Tally:
    """Train once on the samples `order` (positions in data.train, int64), in that order."""
    total = create_tally()
    for start in range(0, len(order), CHUNK):
        numbers = order[start : start + CHUNK]
        add_tally(total, model.train(read_rows(data, data.train, numbers), key))
        if not model.is_finite():
            break
    return total


def evaluate(
    model: SparseModel, data: Prepared, samples: Samples | None, key: np.uint64
) -> Evaluation:
    """Accuracy and work of predicting `samples`, each in the rule's form for inference."""
    total = create_tally()
    if samples is None:
        return Evaluation(None, total)
    correct = 0
    for start in range(0, len(samples), CHUNK):
        numbers = np.arange(start, min(start + CHUNK, len(samples)))
        rows = read_rows(data, samples, numbers)
        probabilities, tally = model.predict(rows, key)
        correct += np.count_nonzero(probabilities.argmax(axis=1) == rows.labels)
        add_tally(total, tally)
    return Evaluation(correct / len(samples), total)


def run_to_files(run: Run, data_folder: Path, csv_path: Path, json_path: Path) -> None:
    """Train one run on a prepared data set and write its two files, whole or not at all."""
    data = open_prepared(data_folder)
    rows = list(train_run(run, data))
    record = {
        "run_id": run.id,
        "run": run.model_dump(mode="json"),
        "data": dict(data.meta),
        "machine": describe_machine(),
        "status": rows[-1]["status"],
    }
    write_record(json_path, record)
    write_rows(csv_path, rows)


def _key(seed: int, epoch: int) -> np.uint64:
    return np.random.SeedSequence([seed, _SELECTION, epoch]).generate_state(1, np.uint64)[0]


def _active_fraction(tally: Tally, samples: int, hidden: tuple[int, ...]) -> float:
    return tally.active[0] / (samples * sum(hidden))


def _count_work(
    learned: Tally, trained: int, tested: Tally, evaluated: int, sizes: list[int]
) -> dict[str, float]:
    """Mean multiplications per sample, by stage and in per cent of the textbook dense network."""
    dense = dense_work(sizes)
    training, inference = learned.work / trained, tested.work / evaluated
    by_stage = {f"training_{stage}": float(training[i]) for i, stage in enumerate(STAGES)}
    by_stage |= {
        f"inference_{stage}": float(inference[i])
        for i, stage in enumerate(STAGES)
        if stage in ("select", "rerank", "forward")
    }
    training_sum = float(training[:OPTIMISER].sum())
    inference_sum = float(inference[:OPTIMISER].sum())
    return {
        "training_multiplications": training_sum,
        "inference_multiplications": inference_sum,
        "training_percent": 100 * training_sum / dense.training,
        "inference_percent": 100 * inference_sum / dense.inference,
        **by_stage,
    }
