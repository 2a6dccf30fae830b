"""What a run and the estimator have in common: a model by its settings, an epoch, an evaluation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lsh_dl.common.discovery import find
from lsh_dl.common.memory import require_memory
from lsh_dl.common.validation import validate
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.network import create_network
from lsh_dl.engine.optimiser import OptimiserSettings, create_optimiser
from lsh_dl.engine.workspace import Tally, add_tally, create_tally
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Training
from lsh_dl.training.loader import Inputs, prefetch
from lsh_dl.training.metrics import (
    RANKS,
    add_hits,
    count_hits,
    no_hits,
    precision_at,
    scored_precision_at,
)
from lsh_dl.training.model import SparseModel

#: Called while an epoch is trained, with the samples learned so far and the sums over them.
Advance = Callable[[int, Tally], None]

# Streams of random numbers, all from one seed; weights are drawn from stream 0.
_ORDER, _SELECTION = 1, 2


class Evaluation(NamedTuple):
    """How a model does on some samples."""

    accuracy: float | None  # share of samples whose first class is true; None without samples
    precision: Mapping[int, float]  # at each of metrics.RANKS; empty without samples
    scored_precision: Mapping[int, float]  # propensity-scored; empty without propensities too
    tally: Tally


def build_model(
    sizes: Sequence[int],
    rule: str | type[Rule],
    settings: Mapping[str, Any],
    active_fraction: float,
    training: Training,
    seed: int,
    linear: bool = False,
) -> SparseModel:
    """Initial network, optimiser and rule.

    Models of one seed and the same sizes share initial weights whatever their rule; the rule's
    draws have a stream of their own.

    Parameters
    ----------
    sizes
        Inputs, widths of the hidden layers, classes.
    rule, settings
        Name of a rule in lsh_dl/rules, path of a file, `module:Class` or the class itself; and its
        own settings as a config gives them.
    linear
        Outputs are numbers (squared loss), not classes.

    Raises
    ------
    UserError
        There is no such rule, or it has no such settings, or the network needs more memory than
        there is.
    """
    weights = sum(before * after for before, after in pairwise(sizes))
    require_memory(4 * training.copies * weights, f"the network {'-'.join(map(str, sizes))}")
    found = find("lsh_dl.rules", Rule, rule) if isinstance(rule, str) else rule
    checked = validate(found.Settings, settings, f"rule {found.name}")
    selection = found(checked, active_fraction, seed)
    sampled = selection.for_outputs() is not None
    network = create_network(sizes, seed, sampled, linear, training.initial_weights)
    given = training.model_dump(include=set(OptimiserSettings._fields))
    optimiser = create_optimiser(network, **given)
    return SparseModel(network, optimiser, selection)


def draw_order(seed: int, epoch: int, samples: int) -> np.ndarray:
    """The order of an epoch's samples: a permutation, int64 (samples,)."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(samples)


def draw_key(seed: int, epoch: int) -> np.uint64:
    """The key of a rule's random draws in an epoch."""
    return np.random.SeedSequence([seed, _SELECTION, epoch]).generate_state(1, np.uint64)[0]


def train_epoch(
    model: SparseModel,
    inputs: Inputs,
    order: np.ndarray,
    key: np.uint64,
    advance: Advance | None = None,
) -> Tally:
    """Train once on the samples `order` (positions, int64), in that order; stop at a NaN."""
    total, done = create_tally(), 0
    for batch in prefetch(inputs, order):
        add_tally(total, model.train(batch, key))
        done += len(batch.numbers)
        if advance:
            advance(done, total)
        if not model.is_finite():
            break
    return total


def predict_all(
    model: SparseModel, inputs: Inputs, key: np.uint64
) -> Iterator[tuple[Batch, np.ndarray, Tally]]:
    """Predict all samples in their order, each in the rule's form for inference.

    Yields, chunk by chunk, the batch, its class probabilities (float32 (samples, classes)) and
    the sums of the work done.
    """
    for batch in prefetch(inputs, np.arange(len(inputs))):
        yield batch, *model.predict(batch, key)


def evaluate(
    model: SparseModel,
    inputs: Inputs | None,
    key: np.uint64,
    weights: np.ndarray | None = None,
) -> Evaluation:
    """Accuracy, precision and work of predicting `inputs`.

    Parameters
    ----------
    weights
        float32 (classes,): `lsh_dl.training.metrics.inverse_propensities`; None: labels are not
        weighted.
    """
    total = create_tally()
    if inputs is None:
        return Evaluation(None, {}, {}, total)
    hits = no_hits()
    for batch in prefetch(inputs, np.arange(len(inputs))):
        ranked, tally = model.rank(batch, key, max(RANKS))
        hits = add_hits(hits, count_hits(ranked, batch, weights))
        add_tally(total, tally)
    precision = precision_at(hits, len(inputs))
    scored = {} if weights is None else scored_precision_at(hits)
    return Evaluation(precision[1], precision, scored, total)
