"""What every selection rule has to hold to: the checks of `lsh-dl rules check` and of the tests.

A check is a function of `Make`, which builds a model of the rule; it raises `ContractError` with
the reason. Another error in the rule's own code is a reason as well.
"""

import copy
import inspect
import json
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba.core.dispatcher import Dispatcher

from lsh_dl.common.discovery import find, is_outside, load
from lsh_dl.common.errors import UserError
from lsh_dl.engine.batch import Batch
from lsh_dl.engine.counts import STAGES, dense_work
from lsh_dl.engine.network import create_network, layer_weights
from lsh_dl.engine.optimiser import create_optimiser
from lsh_dl.rules.base import Rule, RuleSettings
from lsh_dl.testing.probe import (
    INPUTS,
    KEY,
    Answer,
    ask,
    copy_state,
    draw_batch,
    draw_input,
    to_batch,
)
from lsh_dl.training.arrays import name_arrays, require_state
from lsh_dl.training.model import SparseModel

FRACTIONS = (1e-6, 0.05, 0.3, 0.5, 1.0)
#: Networks that are unlike each other: one of everything, wide to narrow, narrow to wide.
ODD_SIZES = ([1, 1, 1], [3, 50, 1, 8, 2], [40, 3, 60, 2], [1, 30, 30, 4])
#: Share of samples that a rule classifies rightly after training on two far clouds of points.
LEARNED = 0.8


#: Checks after whose failure nothing more is run.
UNSAFE = ("start", "plain form", "answers")
#: What lines of verdicts begin with, among those that a rule prints.
_MARK = "verdict: "


class Verdict(NamedTuple):
    """What a check came to."""

    check: str
    reason: str | None  # what is wrong; None: nothing


class ContractError(Exception):
    """What a rule does against its contract."""


class Make:
    """Builds models of one rule with the same settings."""

    def __init__(self, rule: type[Rule], settings: RuleSettings | None = None):
        self.rule = rule
        self.settings = rule.Settings() if settings is None else settings

    def __call__(self, sizes: list[int], fraction: float = 0.3, seed: int = 1) -> SparseModel:
        """A model with layers of `sizes` nodes, input and output included."""
        rule = self.rule(self.settings, fraction, seed)
        network = create_network(sizes, seed, rule.for_outputs() is not None)
        return SparseModel(network, create_optimiser(network, 0.01, 0.5, True), rule)


def require(holds: Any, reason: str) -> None:
    """Raise `ContractError` with the reason unless all of `holds` is true."""
    if not np.all(holds):
        raise ContractError(reason)


def check_answer(
    model: SparseModel, index: int, x: np.ndarray, key: np.uint64, training: bool
) -> Answer:
    """Ask a rule for the active nodes of one layer, check the answer and return it."""
    select = type(model.rule).select
    width = int(model.network.sizes[index + 1])
    answer = ask(select, copy_state(model.state), model.network, index, x, key, training)
    nodes = answer.nodes
    require((nodes >= 0) & (nodes < width), f"select: ids outside 0 ... {width - 1}: {nodes}")
    require(np.unique(nodes).size == nodes.size, f"select: a node is chosen twice: {nodes}")
    require(np.isfinite(answer.gains) & (answer.gains >= 0), f"select: gains {answer.gains}")
    require(answer.work >= 0, f"select: negative work {answer.work}")
    stages = {stage for stage, work in zip(STAGES, answer.work, strict=True) if work}
    require(
        stages <= {"select", "rerank"},
        f"select: counts work of {', '.join(sorted(stages))}; SELECT and RERANK are the rule's",
    )
    if model.rule.computes_preactivations:
        weights = layer_weights(model.network, index)[:, : x.size + 1].astype(np.float64)
        inputs = np.append(x, 1.0)
        error = np.abs(answer.preactivations - weights[nodes] @ inputs)
        scale = (np.abs(weights) @ np.abs(inputs))[nodes]
        require(error <= 1e-5 * scale + 1e-30, "select: preactivations that are not w.x + b")
    again = ask(select, copy_state(model.state), model.network, index, x, key, training)
    for one, other in zip(answer, again, strict=True):
        same = np.array_equal(one, other, equal_nan=True)
        require(same, "select: another answer to the same state, input and key; draw from `key`")
    return answer


def check_settings(make: Make) -> None:
    """Settings say what they mean."""
    for name, field in make.rule.Settings.model_fields.items():
        require(field.description, f"setting {name}: no description; give Field(description=...)")


def check_start(make: Make) -> None:
    """The state follows from settings, seed and weights, and holds arrays and numbers only."""
    network = create_network([20, 30, 12, 3], 1)
    weights = network.weights.copy()
    states = [make.rule(make.settings, 0.3, 4).start(network) for _ in range(2)]
    require_state(states[0], make.rule)
    first, again = (dict(name_arrays(state, "state")) for state in states)
    for name, value in first.items():
        same = np.array_equal(value, again[name], equal_nan=value.dtype.kind == "f")
        require(same, f"start: {name} differs at the second call; draw from self.seed")
    require(np.array_equal(network.weights, weights), "start: changes the network's weights")


def check_plain_form(make: Make) -> None:
    """Read as plain Python, which knows the bounds of arrays, `select` stays within them."""
    select = make.rule.select
    if not isinstance(select, Dispatcher):
        return
    model = make([12, 20, 9, 3], 0.3)
    for index, x in enumerate((draw_input("dense", 12, 1), draw_input("sparse", 20, 1))):
        try:
            with np.errstate(over="ignore"):  # random keys wrap around
                ask(select.py_func, copy_state(model.state), model.network, index, x, KEY)
        except NotImplementedError:  # the vector kernels have no such form
            return


def check_answers(make: Make) -> None:
    """Sound, repeatable answers for all kinds of inputs, levels and widths, new and trained."""
    for number, fraction in enumerate(FRACTIONS):
        for widths in ([1], [6, 40], [33, 2, 17]):
            sizes = [10 + number, *widths, 2]
            model = make(sizes, fraction, number)
            for trained in (False, True):
                if trained:  # beyond a first refresh
                    model.train(draw_batch(110, sizes[0], 2, number), KEY)
                for kind in INPUTS:
                    for index in range(len(widths)):
                        x = draw_input(kind, sizes[index], number)
                        for training in (True, False):
                            check_answer(model, index, x, KEY, training)


def check_work(make: Make) -> None:
    """A rule whose answer follows the weights multiplies by them, and counts that."""
    model = make([30, 40, 2], 0.3)
    x = draw_input("dense", 30, 1)
    first = check_answer(model, 0, x, KEY, True)
    state = copy_state(model.state)
    layer_weights(model.network, 0)[:] *= -1
    other = ask(type(model.rule).select, state, model.network, 0, x, KEY)
    follows = any(
        not np.array_equal(one, two, equal_nan=True)
        for one, two in zip(first[:3], other[:3], strict=True)
    )
    require(
        not follows or first.work.sum() > 0,
        "select: reads weights and counts no multiplication; add them to chosen.work[SELECT]",
    )


def check_odd_networks(make: Make) -> None:
    """Networks of odd shapes train and predict."""
    for sizes in ODD_SIZES:
        _train_and_predict(make(sizes), draw_batch(320, sizes[0], sizes[-1]))


def check_odd_inputs(make: Make) -> None:
    """Training on empty and on constant inputs goes well."""
    for density in (0.0, 1.0):
        batch = draw_batch(320, 20, 3, density=density)
        batch.values[:] = 1
        _train_and_predict(make([20, 30, 10, 3]), batch)


def _train_and_predict(model: SparseModel, batch: Batch) -> None:
    sizes = model.network.sizes.tolist()
    tally = model.train(batch, KEY)
    require(np.isfinite(tally.loss[0]), f"layers {sizes}: the loss is not finite after training")
    require(np.all(tally.work >= 0), f"layers {sizes}: negative work {tally.work}")
    sums = model.predict(batch, KEY)[0].sum(axis=1)
    require(np.abs(sums - 1) < 1e-4, f"layers {sizes}: probabilities do not sum up to 1")


def check_repeatable(make: Make) -> None:
    """Two trainings with the same seed end with the same weights, to the bit."""
    models = [make([20, 30, 12, 3]) for _ in range(2)]
    for model in models:
        for epoch in range(2):
            model.train(draw_batch(300, 20, 3), np.uint64(epoch))
    weights = [model.network.weights for model in models]
    require(
        np.array_equal(*weights, equal_nan=True),
        "training: the same seed gives other weights; draw from `key` and self.seed only",
    )


def check_memory(make: Make) -> None:
    """All that changes while training lies in the state: the rule's own attributes stay."""
    model = make([20, 30, 12, 3])
    before = {name: repr(value) for name, value in vars(model.rule).items()}
    model.train(draw_batch(300, 20, 3), KEY)
    after = {name: repr(value) for name, value in vars(model.rule).items()}
    changed = sorted(name for name in before | after if before.get(name) != after.get(name))
    require(
        not changed,
        f"training changes the rule's {', '.join(changed)}; keep it in an array of the state, "
        "which is saved with a model",
    )


def check_copies(make: Make) -> None:
    """A model that is saved and restored goes on as if nothing had happened, to the bit."""
    batch = draw_batch(300, 20, 3)
    model = make([20, 30, 12, 3])
    model.train(batch, KEY)
    twin = copy.deepcopy(model)  # by its arrays, as a file holds them
    for one in (model, twin):
        one.train(batch, np.uint64(1))
    results = [(one.network.weights, one.predict(batch, KEY)[0]) for one in (model, twin)]
    require(
        all(np.array_equal(*pair, equal_nan=True) for pair in zip(*results, strict=True)),
        "a model that was saved and restored learns otherwise; keep all that changes in arrays of "
        "the state",
    )


def check_learning(make: Make) -> None:
    """Two clouds of points that lie apart are told apart after some passes."""
    generator = np.random.default_rng(1)
    labels = np.arange(400) % 2
    x = generator.standard_normal((400, 20), np.float32) + np.where(labels, 1, -1)[:, None]
    batch = to_batch(x.astype(np.float32), labels)
    model = make([20, 40, 2], 0.5)
    for epoch in range(3):
        model.train(batch, np.uint64(epoch))
    share = np.mean(model.predict(batch, KEY)[0].argmax(axis=1) == labels)
    require(share >= LEARNED, f"{100 * share:.0f} % of an easy task learned; guessing gives 50 %")


#: The checks by name, in an order in which the first that fails explains the most.
CHECKS: dict[str, Callable[[Make], None]] = {
    "settings": check_settings,
    "start": check_start,
    "plain form": check_plain_form,
    "answers": check_answers,
    "work": check_work,
    "odd networks": check_odd_networks,
    "odd inputs": check_odd_inputs,
    "repeatable": check_repeatable,
    "memory": check_memory,
    "copies": check_copies,
    "learning": check_learning,
}


def check_rule(rule: type[Rule], settings: RuleSettings) -> Iterator[Verdict]:
    """Run the checks in order: the name of each, and None or what is wrong.

    After a wrong answer nothing more is run: a compiled loop would use it as it is.
    """
    make = Make(rule, settings)
    for name, check in CHECKS.items():
        reason = None
        try:
            check(make)
        except (ContractError, UserError) as error:
            reason = str(error)
        except Exception as error:
            reason = _describe(error, rule)
        yield Verdict(name, reason)
        if reason and name in UNSAFE:
            return


def describe_work(make: Make) -> str:
    """Multiplications that a rule counts for a sample, beside the dense network's."""
    sizes, samples = [100, 400, 400, 10], 600
    model = make(sizes, 0.05)
    tally = model.train(draw_batch(samples, 100, 10, density=1.0), KEY)
    counted = {stage: round(int(n) / samples) for stage, n in zip(STAGES, tally.work, strict=True)}
    own = ", ".join(f"{stage} {counted[stage]:,}" for stage in ("select", "rerank", "maintain"))
    layers = "-".join(map(str, sizes))
    return (
        f"{own} multiplications a training sample ({layers}, 5 %), "
        f"of {dense_work(sizes).training:,} of the dense network"
    )


def check_apart(source: str, settings: RuleSettings) -> Iterator[Verdict]:
    """`check_rule` in a process of its own, whose crash is the verdict of the check at work.

    Parameters
    ----------
    source
        Name, file or `module:Class`.

    Yields
    ------
    Verdicts; the last one, `work counted`, has what `describe_work` says.
    """
    command = [sys.executable, "-m", __name__, source, settings.model_dump_json()]
    waiting = list(CHECKS)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        for line in process.stdout:
            if not line.startswith(_MARK):
                continue  # printed by the rule
            verdict = Verdict(*json.loads(line.removeprefix(_MARK)))
            waiting = waiting[1:]
            if verdict.reason and verdict.check in UNSAFE:
                waiting = []
            yield verdict
    if waiting:
        code = process.returncode
        how, why = f"exit code {code}", "its code ends the process"
        if code < 0:
            how, why = signal.Signals(-code).name, "`select` reads or writes outside of its arrays"
        yield Verdict(waiting[0], f"the process that checks it died ({how}): {why}, most likely")


def _check_here(source: str, settings: str) -> None:
    rule = load("lsh_dl.rules", Rule, source) if is_outside(source) else None
    rule = rule or find("lsh_dl.rules", Rule, source)
    given = rule.Settings.model_validate_json(settings)
    sound = True
    for verdict in check_rule(rule, given):
        sound &= verdict.reason is None
        print(_MARK + json.dumps(verdict), flush=True)
    if sound:
        work = Verdict("work counted", describe_work(Make(rule, given)))
        print(_MARK + json.dumps(work), flush=True)


def _describe(error: Exception, rule: type[Rule]) -> str:
    """An error of the rule's own code, in one line with its place in the rule's file."""
    file = inspect.getfile(rule)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename == file]
    place = inside[-1] if inside else frames[-1]
    reason = " ".join(str(error).split())
    return f"{Path(place.filename).name}:{place.lineno}: {type(error).__name__}: {reason}"


if __name__ == "__main__":
    _check_here(*sys.argv[1:])
