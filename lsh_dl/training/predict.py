"""Use a model file: predict the samples of a prepared data set or of a file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole
from lsh_dl.data.formats.sample_files import read_sample_file
from lsh_dl.data.prepared.prepare import check_samples
from lsh_dl.data.prepared.store import ArraySamples, Samples, SparseSamples, open_prepared
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.engine.workspace import add_tally, create_tally
from lsh_dl.training.epochs import predict_all
from lsh_dl.training.loader import DenseInputs
from lsh_dl.training.model_file import TrainedModel, read_model


class Summary(NamedTuple):
    """What came out of a prediction."""

    samples: int
    accuracy: float | None  # in [0, 1]; None where samples have no labels
    counts: dict[int | str, int]  # samples by predicted class
    active_fraction: float  # mean share of active hidden nodes
    multiplications: float  # mean per sample


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
    rule
        Where the model's rule is, if that is not in lsh_dl/rules (`read_model`).

    Raises
    ------
    UserError
        The model or the samples cannot be read or do not go together, or the model diverged.
    """
    trained = read_model(model_path, rule)
    samples, labelled = open_samples(source, part, trained)
    inputs = DenseInputs(samples, trained.transform)
    if out is None:
        return _predict(trained, inputs, labelled, model_path, None)
    with written_whole(out) as file:
        return _predict(trained, inputs, labelled, model_path, file)


def open_samples(source: Path, part: str, trained: TrainedModel) -> tuple[Samples, bool]:
    """The samples to predict, checked, and whether they have labels."""
    features, classes = len(trained.transform.order), len(trained.classes)
    if source.is_dir():
        data = open_prepared(source)
        samples = getattr(data, part)
        if samples is None:
            raise UserError(f"{source}: no {part} part; prepare it with a share for validation")
        if isinstance(samples, SparseSamples):
            raise UserError(
                f"{source}: samples with several labels each are not for this command; use "
                "SparseModel.rank (docs/wide_outputs.md)"
            )
        if (data.features, data.classes) != (features, classes):
            raise UserError(
                f"{source}: {data.features} inputs and {data.classes} classes, but the model has "
                f"{features} and {classes}; it was trained on other data"
            )
        return samples, True
    x, y = read_sample_file(source, part, features)
    check_samples(x, np.zeros(len(x), np.int32) if y is None else y, classes, str(source))
    labels = np.zeros(len(x), np.int32) if y is None else y.astype(np.int32)
    return ArraySamples(x, labels), y is not None


def _predict(trained, inputs, labelled, model_path, file) -> Summary:
    model, names = trained.model, np.array(trained.classes)
    total, counts, correct, first = create_tally(), np.zeros(len(names), np.int64), 0, 0
    for batch, probabilities, tally in predict_all(model, inputs, trained.key):
        if not np.isfinite(probabilities).all():
            raise UserError(f"{model_path}: its outputs are not finite: its training diverged")
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
    hidden = int(model.network.sizes[1:-1].sum())
    return Summary(
        first,
        correct / first if labelled else None,
        dict(zip(trained.classes, counts.tolist(), strict=True)),
        float(total.active[0] / (first * hidden)),
        float(total.work[:OPTIMISER].sum() / first),
    )
