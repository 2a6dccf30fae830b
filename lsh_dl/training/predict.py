"""Use a model file: predict the samples of a prepared data set or of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import require_apart, require_replaceable, written_whole
from lsh_dl.common.user_arrays import require_range_alike
from lsh_dl.data.formats.sample_files import read_sample_file
from lsh_dl.data.formats.sample_form import read_form, require_form
from lsh_dl.data.prepared.store import ArraySamples, SparseSamples, open_prepared
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.engine.workspace import Tally, add_tally, create_tally
from lsh_dl.training.epochs import predict_all
from lsh_dl.training.loader import DenseInputs, Inputs, SparseInputs, prefetch
from lsh_dl.training.metrics import RANKS, add_hits, count_hits, no_hits, precision_at
from lsh_dl.training.model_file import TrainedModel, read_model

FIRST_HEADING = b"sample,"
"""What a table of predictions begins with."""


class Summary(NamedTuple):
    """What came out of a prediction."""

    samples: int
    accuracy: float | None  # in [0, 1]; None where samples have no labels
    counts: dict[int | str, int]  # samples by predicted class
    active_fraction: float  # mean share of active hidden nodes
    multiplications: float  # mean per sample
    precision: Mapping[int, float] | None = None  # at each of RANKS; of sets with several labels


def predict_file(
    model_path: Path, source: Path, part: str, out: Path | None, rule: str | None = None
) -> Summary:
    """Predict samples with a model file, each with the nodes that the model's rule selects.

    Parameters
    ----------
    source
        A prepared data set's folder, or a file (`read_sample_file`); in the units of the data
        that the model was trained on: the file's own offset and scale are applied.
    part
        "train", "validation" or "test".
    out
        CSV to write: sample, label (where there are labels), predicted, and a probability a class.
        Of sets with several labels a sample: sample, labels (parted by blanks) and the first
        `max(RANKS)` classes, best first, as predicted_1, ...; empty where fewer were selected.
    rule
        Where the model's rule is, if that is not in lsh_dl/rules (`read_model`).

    Raises
    ------
    UserError
        The model or the samples cannot be read or do not go together, the model diverged, or
        `out` is one of them or another file that holds no predictions.
    """
    if out is not None:
        require_apart([out], [model_path, source])
        require_replaceable(out, _holds_predictions, "holds no predictions")
    trained = read_model(model_path, rule)
    inputs, labelled = open_samples(source, part, trained, model_path)

    def predict(file) -> Summary:
        if isinstance(inputs, SparseInputs):
            return _rank(trained, inputs, model_path, file)
        return _predict(trained, inputs, labelled, model_path, file)

    if out is None:
        return predict(None)
    with written_whole(out) as file:
        return predict(file)


def _holds_predictions(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(FIRST_HEADING)) == FIRST_HEADING


def open_samples(
    source: Path, part: str, trained: TrainedModel, model_path: Path
) -> tuple[Inputs, bool]:
    """The samples to predict, checked, and whether they have labels."""
    features, classes = len(trained.transform.order), len(trained.classes)
    form = read_form(features, trained.record.get("data"), f"{model_path}: data")
    if source.is_dir():
        data = open_prepared(source)
        samples = getattr(data, part)
        if samples is None:
            raise UserError(f"{source}: no {part} part; prepare it with a share for validation")
        if (data.features, data.classes) != (features, classes):
            raise UserError(
                f"{source}: {data.features} inputs and {data.classes} classes, but the model has "
                f"{features} and {classes}; it was trained on other data"
            )
        if data.class_names != trained.classes:
            raise UserError(f"{source}: its classes are not called as those of the model")
        require_form(read_form(features, data.meta, str(source)), form, str(source))
        if isinstance(samples, SparseSamples):
            return SparseInputs(samples.x, samples.y), True
        if form.numbers:
            some = np.linspace(0, len(samples) - 1, min(len(samples), 1000)).astype(np.int64)
            require_range_alike(samples.take(some)[0], form.numbers, str(source))
        return DenseInputs(samples, trained.transform), True
    x, y = read_sample_file(source, part, form, trained.classes)
    labels = np.zeros(len(x), np.int32) if y is None else y.astype(np.int32)
    return DenseInputs(ArraySamples(x, labels), trained.transform), y is not None


def _predict(trained, inputs, labelled, model_path, file) -> Summary:
    model, names = trained.model, np.array(trained.classes)
    total, counts, correct, first = create_tally(), np.zeros(len(names), np.int64), 0, 0
    for batch, probabilities, tally in predict_all(model, inputs, trained.key):
        if not np.isfinite(probabilities).all():
            raise _diverged(model_path)
        predicted = probabilities.argmax(axis=1)
        counts += np.bincount(predicted, minlength=len(names))
        correct += np.count_nonzero(predicted == batch.labels)
        add_tally(total, tally)
        if file:
            table = {"sample": batch.numbers}
            if labelled:
                table["label"] = names[batch.labels]
            table["predicted"] = names[predicted]
            table |= {
                f"probability_{name}": p for name, p in zip(names, probabilities.T, strict=True)
            }
            # Nine digits are enough to tell any two float32 apart.
            pd.DataFrame(table).to_csv(file, index=False, header=first == 0, float_format="%.9g")
        first += len(predicted)
    return Summary(
        first,
        correct / first if labelled else None,
        dict(zip(trained.classes, counts.tolist(), strict=True)),
        *_measure(trained, total, first),
    )


def _rank(trained: TrainedModel, inputs: SparseInputs, model_path: Path, file) -> Summary:
    """Predict samples with several labels each: their best classes, not all probabilities."""
    model, names = trained.model, np.array(trained.classes)
    if not model.is_finite():
        raise _diverged(model_path)
    total, hits = create_tally(), no_hits()
    counts = np.zeros(len(names), np.int64)
    for batch in prefetch(inputs, np.arange(len(inputs))):
        ranked, tally = model.rank(batch, trained.key, max(RANKS))
        add_tally(total, tally)
        hits = add_hits(hits, count_hits(ranked, batch))
        counts += np.bincount(ranked[:, 0][ranked[:, 0] >= 0], minlength=len(names))
        if file:
            parts = np.split(names[batch.labels].astype(str), batch.label_ends[1:-1])
            table = {"sample": batch.numbers, "labels": [" ".join(part) for part in parts]}
            for place, classes in enumerate(ranked.T, 1):
                known = names[classes].astype(str)
                table[f"predicted_{place}"] = np.where(classes >= 0, known, "")
            pd.DataFrame(table).to_csv(file, index=False, header=int(batch.numbers[0]) == 0)
    precision, seen = precision_at(hits, len(inputs)), np.flatnonzero(counts)
    return Summary(
        len(inputs),
        precision[1],
        {trained.classes[place]: int(counts[place]) for place in seen},
        *_measure(trained, total, len(inputs)),
        precision,
    )


def _measure(trained: TrainedModel, total: Tally, samples: int) -> tuple[float, float]:
    """Mean share of active hidden nodes, and multiplications a sample."""
    hidden = int(trained.model.network.sizes[1:-1].sum())
    return (
        float(total.active[0] / (samples * hidden)),
        float(total.work[:OPTIMISER].sum() / samples),
    )


def _diverged(model_path: Path) -> UserError:
    return UserError(f"{model_path}: its outputs are not finite: its training diverged")
