"""A trial of a setting: trained as a run is, judged on the validation part alone."""

import json
import time
from collections.abc import Iterator
from typing import Any

from lsh_dl.data.prepared.store import Prepared
from lsh_dl.runs.spec import Run
from lsh_dl.training.epochs import draw_key, draw_order, evaluate, train_epoch
from lsh_dl.training.run import (
    HOPELESS_LOSS,
    count_work,
    create_model,
    describe_run,
    inputs_of,
    share_active,
)


def measure_trial(run: Run, data: Prepared) -> Iterator[dict[str, Any]]:
    """Train a run; after each epoch a row of accuracy and work on the validation part.

    Ends early, with status `diverged`, as `lsh_dl.training.run.train_run` does. `data.test` is not
    looked at.
    """
    model = create_model(run, data.features, data.classes)
    sizes = [data.features, *run.hidden, data.classes]
    training, validation = (inputs_of(data, part, model) for part in (data.train, data.validation))
    for epoch in range(1, run.training.epochs + 1):
        order, key = draw_order(run.seed, epoch, len(data.train)), draw_key(run.seed, epoch)
        start = time.perf_counter()
        learned = train_epoch(model, training, order, key)
        seconds = time.perf_counter() - start
        judged = evaluate(model, validation, key)
        loss = learned.loss[0] / len(order)
        diverged = not model.is_finite() or loss > HOPELESS_LOSS
        work = count_work(learned, len(order), judged.tally, len(data.validation), sizes)
        yield {
            **describe_run(run, data),
            "group": run.group,
            "learning_rate": run.training.learning_rate,
            "active_fraction_wanted": run.active_fraction,
            "settings": json.dumps(run.settings),
            "active_fraction": share_active(learned, len(order), run.hidden),
            "epoch": epoch,
            "train_loss": loss,
            "validation_accuracy": judged.accuracy,
            "training_percent": work["training_percent"],
            "inference_percent": work["inference_percent"],
            "train_seconds": round(seconds, 4),
            "microseconds": 1e6 * seconds / len(order),
            "status": "diverged" if diverged else "ok",
        }
        if diverged:
            return
