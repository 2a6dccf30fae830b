"""Small networks and samples, and plain NumPy forms of what the kernels do.

Shared by the tests of the engine, the rules and the hashing.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lsh_dl.common.discovery import discover, find
from lsh_dl.data.prepared.store import ArraySamples, Prepared
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.network import Network, create_network, layer_weights
from lsh_dl.engine.optimiser import create_optimiser
from lsh_dl.engine.prng import mix
from lsh_dl.engine.threads import Team, barrier
from lsh_dl.hashing.fitting import (
    average_inputs,
    balance_features,
    centre_projections,
    create_fitting,
    fit_directions,
)
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.projections import Projections
from lsh_dl.rules.base import Rule, RuleSettings
from lsh_dl.runs.spec import Run, Training
from lsh_dl.testing import probe
from lsh_dl.testing.probe import (  # noqa: F401 (for the tests)
    KEY,
    Answer,
    copy_state,
    draw_batch,
    draw_inputs,
    to_vector,
)
from lsh_dl.training.model import SparseModel

RULES = discover("lsh_dl.rules", Rule)


class FirstState(NamedTuple):
    """What `FirstNodes` needs."""

    budgets: np.ndarray


class FirstNodes(Rule):
    """Always the first nodes, in plain NumPy."""

    name = "first"
    title = "First"

    def start(self, network):
        return FirstState(self.budgets(network))

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        count = state.budgets[layer.index]
        chosen.nodes[:count] = np.arange(count)
        return count


def make_run(rule: str, training: Training, fraction: float = 0.3, **others: Any) -> Run:
    """A run on two small hidden layers; `fraction` is for rules that have one."""
    described = {"dataset": "digits", "hidden": (20, 12), "seed": 1} | others
    return Run(
        rule=rule,
        label=rule,
        title=rule,
        active_fraction=fraction if RULES[rule].uses_active_fraction else 1.0,
        training=training,
        **described,
    )


def to_batch(x: np.ndarray, classes: int, seed: int = 0) -> Batch:
    """The inputs as they are, with random labels."""
    return probe.to_batch(x, np.random.default_rng(seed).integers(0, classes, len(x)))


def make_rule(name: str, fraction: float, seed: int = 1, **settings: Any) -> Rule:
    """A rule by its name, with its settings checked as a config's are."""
    rule = find("lsh_dl.rules", Rule, name)
    return rule(rule.Settings(**settings), fraction, seed)


def make_model(
    rule: str | type[Rule],
    sizes: list[int],
    fraction: float = 1.0,
    seed: int = 1,
    rate: float = 0.01,
    momentum: float = 0.0,
    adagrad: bool = False,
    threads: int = 1,
    adam: bool = False,
    **settings: Any,
) -> SparseModel:
    """A model on a new network; `rule` is a known name or a class without settings."""
    if isinstance(rule, str):
        made = make_rule(rule, fraction, seed, **settings)
    else:
        made = rule(RuleSettings(), fraction, seed)
    network = create_network(sizes, seed, made.for_outputs() is not None)
    optimiser = create_optimiser(network, rate, momentum, adagrad, adam=adam)
    return SparseModel(network, optimiser, made, threads)


def make_prepared(
    train: ArraySamples,
    validation: ArraySamples,
    test: ArraySamples,
    features: int,
    classes: int,
    scale: float = 1.0,
) -> Prepared:
    """Drawn samples as a prepared data set."""
    return Prepared(
        train=train,
        validation=validation,
        test=test,
        offset=np.zeros(features, np.float32),
        scale=np.full(features, scale, np.float32),
        features=features,
        classes=classes,
        name="drawn",
        title="Drawn",
        kind="generated",
        image_shape=None,
        provenance="",
        meta={},
    )


def true_weights(network: Network) -> list[np.ndarray]:
    """Each layer's weights and, last, bias without padding: float64 (nodes, inputs + 1)."""
    layers = range(len(network.strides))
    return [
        layer_weights(network, index)[:, : network.sizes[index] + 1].astype(np.float64)
        for index in layers
    ]


def with_one(x: np.ndarray) -> np.ndarray:
    """The inputs with the bias's 1 behind them."""
    return np.append(x, 1.0)


def ask(rule: Rule, state: Any, *arguments: Any, **more: Any) -> Answer:
    """Call a rule's `select` on its own; arguments as for `lsh_dl.testing.probe.ask`."""
    return probe.ask(type(rule).select, state, *arguments, **more)


def flatten_state(state: Any, leave_out: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """All arrays and numbers of a state by their path, such as `tables.heads`."""
    found = {}
    for field, value in state._asdict().items():
        if field in leave_out:
            continue
        if hasattr(value, "_asdict"):
            inner = flatten_state(value, leave_out)
            found |= {f"{field}.{name}": part for name, part in inner.items()}
        else:
            found[field] = np.asarray(value)
    return found


class Step(NamedTuple):
    """One hidden layer of one sample, as plain NumPy computes it."""

    x: np.ndarray  # float64 (inputs,)
    answer: Answer
    values: np.ndarray  # float64 (nodes,): the layer's outputs, 0 where not active


def sample_inputs(rows: Batch, s: int, features: int) -> np.ndarray:
    """One row as a dense vector without the bias's 1."""
    x = np.zeros(features + 1)
    part = slice(rows.ends[s], rows.ends[s + 1])
    x[rows.ids[part]] = rows.values[part]
    return x[:-1]


def walk_layers(
    model: SparseModel, rows: Batch, s: int, key: np.uint64, training: bool
) -> Iterator[Step]:
    """The hidden layers of one sample; the model stays as it is, the rule's state too."""
    state = copy_state(model.state)
    x = sample_inputs(rows, s, int(model.network.sizes[0]))
    for index, weights in enumerate(true_weights(model.network)[:-1]):
        layer_key = mix(np.uint64(mix(key, rows.numbers[s])), index)
        answer = ask(model.rule, state, model.network, index, x, layer_key, training)
        values = activate(weights, x, answer)
        yield Step(x, answer, values)
        x = values


def activate(weights: np.ndarray, x: np.ndarray, answer: Answer) -> np.ndarray:
    """A layer's outputs: ReLU of the chosen nodes, times their gains."""
    values = np.zeros(len(weights))
    preactivations = weights[answer.nodes] @ with_one(x)
    values[answer.nodes] = np.maximum(preactivations * answer.gains, 0)
    return values


def softmax(logits: np.ndarray) -> np.ndarray:
    """Class probabilities."""
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def read_buckets(tables: Tables, table: int) -> list[list[int]]:
    """The nodes in each bucket of one table."""
    starts = tables.starts[table]
    return [tables.members[table][a:b].tolist() for a, b in itertools.pairwise(starts)]


def follow_inputs(
    projections: Projections,
    recent: np.ndarray,
    iterations: int = 0,
    centred: bool = False,
    balanced: int = 0,
    threads: int = 1,
) -> int:
    """Fit layer 0's projections to its inputs, centre them, and balance so many nodes' features.

    Returns the multiplications.
    """
    fitting = create_fitting(projections, len(recent))
    stride = recent.shape[1]

    def follow(worker):
        work = 0
        average_inputs(recent, stride, fitting.mean, worker)
        if iterations:
            work += fit_directions(projections, 0, recent, stride, iterations, fitting, worker)
        if centred:
            work += centre_projections(projections, 0, stride, fitting.mean, worker)
        barrier(worker)
        if balanced:
            work += balance_features(projections, 0, recent, stride, balanced, fitting, worker)
        return work

    with Team(threads) as team:
        return sum(team.run_together(follow))
