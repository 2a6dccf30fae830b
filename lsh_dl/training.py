"""Train one run: epochs over shuffled samples, evaluation after each, one row of results each."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsh_dl.data.store import Prepared, Samples, open_prepared
from lsh_dl.engine.model import SparseModel
from lsh_dl.engine.work import OPTIMISER, STAGES, dense_work
from lsh_dl.engine.workspace import Tally
from lsh_dl.inputs import DenseInputs
from lsh_dl.learning import Advance, build_model, draw_key, draw_order, evaluate, train_epoch
from lsh_dl.progress import Progress
from lsh_dl.records import describe_machine, write_record, write_rows
from lsh_dl.runs import Run, describe_widths

#: Mean training loss of an epoch, in nats, that no learning network has: outputs are certain and
#: wrong (guessing among 10 classes costs 2.3). All its ReLUs closed, it would stay finite.
HOPELESS_LOSS = 20.0


def create_model(run: Run, features: int, classes: int) -> SparseModel:
    """Initial network, optimiser and rule of a run."""
    sizes = [features, *run.hidden, classes]
    return build_model(sizes, run.rule, run.settings, run.active_fraction, run.training, run.seed)


def train_run(run: Run, data: Prepared, advance: Advance | None = None) -> Iterator[dict[str, Any]]:
    """Train, yielding a row of `records.COLUMNS` after each epoch.

    All randomness comes from the run's seed: with one thread the rows are the same each time but
    for the seconds. Ends early, with status `diverged`, when outputs are no longer finite or
    the epoch's mean loss is above `HOPELESS_LOSS`.
    """
    model = create_model(run, data.features, data.classes)
    sizes = [data.features, *run.hidden, data.classes]
    training = inputs_of(data, data.train)
    for epoch in range(1, run.training.epochs + 1):
        order = draw_order(run.seed, epoch, len(data.train))
        key = draw_key(run.seed, epoch)
        start = time.perf_counter()
        learned = train_epoch(model, training, order, key, advance)
        trained = time.perf_counter()
        validation = evaluate(model, inputs_of(data, data.validation), key)
        test = evaluate(model, inputs_of(data, data.test), key)
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


def inputs_of(data: Prepared, samples: Samples | None) -> DenseInputs | None:
    """A part of `data` as the network's inputs; None if there is no such part."""
    return None if samples is None else DenseInputs(samples, data.offset, data.scale)


def run_to_files(run: Run, data_folder: Path, csv_path: Path, json_path: Path) -> None:
    """Train one run on a prepared data set and write its two files, whole or not at all."""
    data = open_prepared(data_folder)
    rows = []
    with Progress(run, len(data.train)) as progress:
        for row in train_run(run, data, progress.advance):
            progress.end_epoch(row)
            rows.append(row)
    record = {
        "run_id": run.id,
        "run": run.model_dump(mode="json"),
        "data": dict(data.meta),
        "machine": describe_machine(),
        "status": rows[-1]["status"],
    }
    write_record(json_path, record)
    write_rows(csv_path, rows)


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
