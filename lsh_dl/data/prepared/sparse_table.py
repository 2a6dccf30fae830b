"""What sparse samples with several labels each look like, as text: sizes, and some of them."""

from collections.abc import Iterator

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.store import Prepared, SparseSamples

#: Labels and features of a sample that are shown; of features, those of the largest magnitude.
LABELS, FEATURES = 6, 4


def is_shown_as_table(prepared: Prepared) -> bool:
    """Whether its samples are sparse with several labels each."""
    return isinstance(prepared.train, SparseSamples)


def describe_sizes(prepared: Prepared) -> list[tuple[str, str]]:
    """Names and values: what decides how hard the set is, and what a network of it costs."""
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    y, x = prepared.train.y, prepared.train.x
    counts = np.bincount(y.indices, minlength=y.shape[1])
    labels = np.diff(y.indptr)
    return [
        ("data set", prepared.title),
        ("kind", prepared.kind),
        ("samples", ", ".join(f"{name} {len(part):,}" for name, part in parts.items() if part)),
        ("features", f"{x.shape[1]:,}, of a sample {np.diff(x.indptr).mean():.1f} on average"),
        (
            "labels",
            f"{y.shape[1]:,}, of a sample {labels.mean():.1f} on average (0 of "
            f"{np.count_nonzero(labels == 0):,} samples, at most {labels.max()})",
        ),
        (
            "samples of a label",
            f"{counts.mean():.1f} on average, at most {counts.max():,}; none of "
            f"{np.count_nonzero(counts == 0):,} labels, 1 of {np.count_nonzero(counts == 1):,}",
        ),
    ]


def list_samples(
    prepared: Prepared, part: str, count: int, seed: int
) -> Iterator[tuple[int, str, str]]:
    """Number, labels and strongest features of some samples of a part, drawn at random.

    Raises
    ------
    UserError
        The part is empty.
    """
    samples: SparseSamples | None = getattr(prepared, part)
    if samples is None:
        raise UserError(f"{prepared.title}: no {part} part; set `validation` above 0")
    generator = np.random.default_rng(seed)
    for row in generator.choice(len(samples), min(count, len(samples)), replace=False):
        labels = samples.y.indices[samples.y.indptr[row] : samples.y.indptr[row + 1]]
        inside = slice(samples.x.indptr[row], samples.x.indptr[row + 1])
        ids, values = samples.x.indices[inside], samples.x.data[inside]
        strongest = np.argsort(-np.abs(values), kind="stable")[:FEATURES]
        pairs = [f"{ids[place]}:{values[place]:.3g}" for place in strongest]
        yield int(row), _join(map(str, labels[:LABELS]), len(labels)), _join(pairs, len(ids))


def _join(words, count: int) -> str:
    shown = list(words)
    return " ".join(shown + ([f"... {count - len(shown)} more"] if count > len(shown) else []))
