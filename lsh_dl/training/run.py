"""Train one run: epochs over shuffled samples, evaluation after each, one row of results each.

What is trained is a rule's network or another system's; both are asked alike.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lsh_dl.common.validation import validate
from lsh_dl.data.prepared.store import Prepared, Samples, SparseSamples
from lsh_dl.engine.counts import OPTIMISER, STAGES, dense_work
from lsh_dl.engine.workspace import Tally
from lsh_dl.runs.load import LoadMeter
from lsh_dl.runs.row import Row
from lsh_dl.runs.spec import Run, describe_widths
from lsh_dl.training.diagnostics import pick_samples, recall_of_top, trace_selection, unused_share
from lsh_dl.training.epochs import (
    Advance,
    Evaluation,
    build_model,
    draw_key,
    draw_order,
    evaluate,
    train_epoch,
)
from lsh_dl.training.loader import DenseInputs, Inputs, SparseInputs
from lsh_dl.training.metrics import inverse_propensities
from lsh_dl.training.model import SparseModel
from lsh_dl.training.system_model import ArrayInputs, SparseArrayInputs, SystemModel

Model = SparseModel | SystemModel

#: Mean training loss of an epoch, in nats, that no learning network has: outputs are certain and
#: wrong (guessing among 10 classes costs 2.3). All its ReLUs closed, it would stay finite.
HOPELESS_LOSS = 20.0


def create_model(run: Run, features: int, classes: int) -> Model:
    """Initial network, optimiser and rule of a run, or the system that it is trained by.

    Errors as `build_model`.
    """
    sizes = [features, *run.hidden, classes]
    reference, level = run.reference, run.active_fraction
    if run.system:
        return SystemModel(sizes, reference, run.settings, run.training, run.seed, run.threads)
    model = build_model(sizes, reference, run.settings, level, run.training, run.seed)
    model.use_threads(run.threads)
    return model


def train_run(
    run: Run,
    data: Prepared,
    advance: Advance | None = None,
    model: Model | None = None,
    done: int = 0,
) -> Iterator[dict[str, Any]]:
    """Train, yielding what `lsh_dl.runs.row.Row` says after each epoch, or each part of one.

    All randomness comes from the run's seed: with one thread the rows of a rule are the same each
    time but for the seconds. Ends early, with status `diverged`, when outputs are no longer finite
    or the mean loss is above `HOPELESS_LOSS`.

    Parameters
    ----------
    advance
        Called while an epoch, or a part of one, is trained by a rule.
    model
        What is trained; default: a new one.
    done
        Rows that `model` has been trained for already.
    """
    model = create_model(run, data.features, data.classes) if model is None else model
    sizes = [data.features, *run.hidden, data.classes]
    training, validation, test = (
        inputs_of(data, part, model) for part in (data.train, data.validation, data.test)
    )
    weights = weigh_labels(data)
    for number in range(done + 1, run.training.epochs * run.evaluations + 1):
        order, key = draw_part(run, number, len(data.train))
        with LoadMeter() as load:
            start = time.perf_counter()
            learned = train_epoch(model, training, order, key, None if run.system else advance)
            trained = time.perf_counter()
        validated = evaluate(model, validation, key)
        tested = evaluate(model, test, key, weights)
        evaluated = time.perf_counter()
        train_loss = learned.loss[0] / len(order)
        diverged = not model.is_finite() or train_loss > HOPELESS_LOSS
        row = {
            **describe_run(run, data),
            "width": run.hidden[0],
            "active_fraction": share_active(learned, len(order), run.hidden),
            "inference_active_fraction": share_active(tested.tally, len(data.test), run.hidden),
            **_diagnose(model, test, key),
            "epoch": number / run.evaluations,
            "samples": len(order),
            "train_loss": train_loss,
            "train_accuracy": learned.correct[0] / len(order),
            "validation_accuracy": validated.accuracy,
            "test_accuracy": tested.accuracy,
            **describe_precision(tested),
            "counting": "counted",
            **count_work(learned, len(order), tested.tally, len(data.test), sizes),
            "train_seconds": round(trained - start, 4),
            "evaluation_seconds": round(evaluated - trained, 4),
            **load.columns(),
            "status": "diverged" if diverged else "ok",
        }
        if run.system:
            row |= {"counting": "dense", "train_accuracy": None, "training_optimiser": None}
        yield validate(Row, row, f"{run.id}, epoch {row['epoch']:g}").model_dump()
        if diverged:
            return


def draw_part(run: Run, number: int, samples: int) -> tuple[np.ndarray, np.uint64]:
    """What is trained for row `number` of a run, from 1: positions in order, the key of draws."""
    epoch, part = divmod(number - 1, run.evaluations)
    first, last = (samples * end // run.evaluations for end in (part, part + 1))
    return draw_order(run.seed, epoch + 1, samples)[first:last], draw_key(run.seed, epoch + 1)


def describe_run(run: Run, data: Prepared) -> dict[str, Any]:
    """The columns of a row that tell its run."""
    return {
        "run_id": run.id,
        "dataset": run.dataset,
        "dataset_title": data.title,
        "data_kind": data.kind,
        "hidden_layers": len(run.hidden),
        "hidden": describe_widths(run.hidden),
        "rule": run.rule,
        "label": run.label,
        "title": run.title,
        "target_active_fraction": run.active_fraction,
        "seed": run.seed,
        "threads": run.threads,
    }


def inputs_of(
    data: Prepared, samples: Samples | SparseSamples | None, model: Model | None = None
) -> Inputs | ArrayInputs | SparseArrayInputs | None:
    """A part of `data` as the network's inputs, as `model` reads it; None if there is no such."""
    if isinstance(model, SystemModel):
        return None if samples is None else model.read(samples, data.transform)
    if isinstance(samples, SparseSamples):
        return SparseInputs(samples.x, samples.y)
    return None if samples is None else DenseInputs(samples, data.transform)


def weigh_labels(data: Prepared) -> np.ndarray | None:
    """How much each label counts in propensity-scored precision; None: samples have one label."""
    if not isinstance(data.train, SparseSamples):
        return None
    return inverse_propensities(data.train.y, *data.propensity)


def describe_precision(found: Evaluation) -> dict[str, float]:
    """The columns of a row about precision; none of a set with one label a sample."""
    if not found.scored_precision:
        return {}
    return {f"precision_at_{k}": value for k, value in found.precision.items()} | {
        f"scored_precision_at_{k}": value for k, value in found.scored_precision.items()
    }


def share_active(tally: Tally, samples: int, hidden: tuple[int, ...]) -> float:
    """Mean share of the hidden nodes that were active for a sample."""
    return tally.active[0] / (samples * sum(hidden))


def _diagnose(model: Model, inputs: Inputs, key: np.uint64) -> dict[str, float]:
    """How well the rule selects, on some of `inputs`; a system has all nodes active."""
    if isinstance(model, SystemModel):
        return {"recall_of_top": 1.0, "unused_share": 0.0}
    trace = trace_selection(model, inputs.batch(pick_samples(model, inputs)), key)
    unused = np.average(unused_share(trace), weights=trace.widths)
    return {"recall_of_top": float(recall_of_top(trace).mean()), "unused_share": float(unused)}


def count_work(
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
