"""What a run needs, estimated from its size: seconds, memory, and minutes to ask a cluster for.

Rough on purpose: within a factor of three of what `python -m benchmarks.budget` measured for the
rules here (AMD EPYC, one core), which is what limits and shares of progress need. For a
forecast of hours use that command.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, prod
from typing import Any, NamedTuple

from lsh_dl.data.prepared.prepare import resolve
from lsh_dl.experiment.config import Experiment
from lsh_dl.runs.spec import Run

START_SECONDS = 5.0
"""What a job takes beside its training: starting Python, loading kernels."""
COMPILE_SECONDS = 240.0
"""What the first job of a rule on a machine may take longer: compiling, on a slow machine."""
PROCESS_MEGABYTES = 700
"""Python with its libraries, compiling."""
SAFETY = 4
"""Factor on the estimated time, so that a slower machine does not kill a run."""
ASSUMED = {"features": 1_000, "classes": 10, "train": 100_000, "test": 20_000}
"""Taken where a data set tells its size only when it is read (arrays of one's own)."""


class DataSize(NamedTuple):
    """What of a data set decides time and memory."""

    features: int
    classes: int
    train: int  # samples trained on in an epoch
    evaluated: int  # samples predicted after each epoch


def size_of_data(label: str, entry: Mapping[str, Any]) -> DataSize:
    """The size of the data set that an entry of a config describes, before it is prepared."""
    dataset = resolve(label, entry)
    settings = dataset.settings
    train = getattr(settings, "train", ASSUMED["train"])
    held_out = round(train * settings.validation)
    features = dataset.features or ASSUMED["features"]
    if dataset.image_shape:
        features = prod(dataset.image_shape)
    return DataSize(
        getattr(settings, "features", None) or features,
        getattr(settings, "labels", dataset.classes or ASSUMED["classes"]),
        train - held_out,
        held_out + getattr(settings, "test", ASSUMED["test"]),
    )


def sizes_of(experiment: Experiment) -> dict[str, DataSize]:
    """The size of each data set of an experiment, by its label."""
    return {
        label: size_of_data(label, {"source": entry.source or label} | entry.settings)
        for label, entry in experiment.datasets.items()
    }


def estimate_seconds(run: Run, size: DataSize) -> float:
    """Seconds that a run takes on one core, start included; kernels are compiled already."""
    millions = count_weights(run, size) / 1e6
    training = 20e-6 + millions * (60e-6 + 300e-6 * min(run.active_fraction, 0.5))
    prediction = 10e-6 + millions * 80e-6
    epoch = size.train * training / run.threads + size.evaluated * prediction
    return START_SECONDS + run.training.epochs * epoch


def estimate_megabytes(run: Run, size: DataSize) -> int:
    """Memory of a run. Samples are not counted: they are memory-mapped."""
    # Half as much again for hash tables, workspaces and chunks of samples.
    return PROCESS_MEGABYTES + ceil(1.5 * run.training.copies * 4 * count_weights(run, size) / 1e6)


def minutes_to_ask_for(run: Run, size: DataSize) -> int:
    """A limit of time that a run keeps, on a slower machine too and the first of its rule."""
    return ceil((COMPILE_SECONDS + SAFETY * estimate_seconds(run, size)) / 60)


def group_of_run(run: Run, size: DataSize) -> str | None:
    """Which runs may share a job of a cluster, so that it lasts minutes: those alike in length.

    A profile says how many of a group make a job. None: the run is long enough alone, or its
    times matter, which nothing beside it may disturb.
    """
    seconds = estimate_seconds(run, size)
    if run.threads > 1 or seconds > 600:
        return None
    return "seconds" if seconds < 60 else "minutes"


def count_weights(run: Run, size: DataSize) -> int:
    """Weights of a run's network, without biases."""
    return sum(a * b for a, b in pairwise([size.features, *run.hidden, size.classes]))
