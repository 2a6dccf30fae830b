"""A rule that breaks the contract is told so, by the check that is about it."""

import subprocess
import sys
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from networks import FirstNodes
from pydantic import Field

from lsh_dl.cli.main import main
from lsh_dl.rules.base import RuleSettings
from lsh_dl.testing.rule_checks import CHECKS, ContractError, Make, check_rule


def selecting(function):
    """A rule with a state of its own, which `select` is known by."""

    class Own(NamedTuple):
        budgets: np.ndarray

    class Selecting(FirstNodes):
        """Another `select`."""

        select = staticmethod(function)

        def start(self, network):
            return Own(self.budgets(network))

    return Selecting


def outside(state, layer, x, key, training, chosen):
    chosen.nodes[0] = layer.weights.shape[0]
    return 1


def twice(state, layer, x, key, training, chosen):
    chosen.nodes[:] = 0
    return chosen.nodes.size


def unseeded(state, layer, x, key, training, chosen):
    chosen.nodes[0] = np.random.default_rng().integers(layer.weights.shape[0])
    return 1


def of_another_stage(state, layer, x, key, training, chosen):
    chosen.nodes[0] = 0
    chosen.work[2] += 1
    return 1


def uncounted(state, layer, x, key, training, chosen):
    chosen.nodes[0] = np.argmax(layer.weights @ x.values[: layer.weights.shape[1]])
    return 1


def wrong_attribute(state, layer, x, key, training, chosen):
    return state.budget[layer.index]


def nothing(state, layer, x, key, training, chosen):
    return 0


class Vague(FirstNodes):
    """A setting without a word."""

    class Settings(RuleSettings):
        """One."""

        strength: float = Field(1.0)


class ListOfState(FirstNodes):
    """No NamedTuple."""

    def start(self, network):
        return [self.budgets(network)]


class Drawing(FirstNodes):
    """A state that no seed decides."""

    class State(NamedTuple):
        budgets: np.ndarray
        noise: float

    def start(self, network):
        return self.State(self.budgets(network), np.random.default_rng().random())


class Remembering(FirstNodes):
    """What it learns is lost with the object."""

    seen: ClassVar[int] = 0

    def refresh_interval(self, seen, network):
        return 50

    def refresh(self, state, network, recent, work, team):
        self.seen += 1


CALLS: list[int] = []


def remembering_elsewhere(state, layer, x, key, training, chosen):
    CALLS.append(1)
    chosen.nodes[0] = len(CALLS) // 7 % layer.weights.shape[0]
    return 1


CASES = {
    "no description": (Vague, "settings", "strength: no description"),
    "a list": (ListOfState, "start", "a NamedTuple of arrays"),
    "random state": (Drawing, "start", "draw from self.seed"),
    "outside": (selecting(outside), "answers", "ids outside"),
    "twice": (selecting(twice), "answers", "chosen twice"),
    "unseeded": (selecting(unseeded), "answers", "draw from `key`"),
    "stage": (selecting(of_another_stage), "answers", "counts work of forward"),
    "uncounted": (selecting(uncounted), "work", "counts no multiplication"),
    "typing error": (selecting(wrong_attribute), "answers", "test_rule_checks.py:"),
    "attribute": (Remembering, "memory", "changes the rule's seen"),
    "elsewhere": (selecting(remembering_elsewhere), "answers", "another answer to the same"),
    "no nodes": (selecting(nothing), "learning", "of an easy task learned"),
}


def test_sound_rule_passes():
    assert dict(check_rule(FirstNodes, RuleSettings())) == dict.fromkeys(CHECKS)


@pytest.mark.parametrize(("rule", "check", "message"), CASES.values(), ids=CASES)
def test_broken_rule_fails_its_check(rule, check, message):
    verdicts = dict(check_rule(rule, rule.Settings()))
    assert message in (verdicts[check] or "passed")
    assert "\n" not in verdicts[check]


def test_what_is_remembered_elsewhere_is_lost_with_a_copy():
    rule = selecting(remembering_elsewhere)
    with pytest.raises(ContractError, match="saved and restored learns"):
        CHECKS["copies"](Make(rule))


FILE = '''
"""A rule in a file of its own."""

from typing import NamedTuple

import numpy as np

from lsh_dl.rules.base import Rule


class State(NamedTuple):
    budgets: np.ndarray


class Last(Rule):
    """The last nodes."""

    name = "last"
    title = "Last"

    def start(self, network):
        return State(self.budgets(network))

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        count = state.budgets[layer.index]
        chosen.nodes[:count] = np.arange(chosen.nodes.size - count, chosen.nodes.size) + SHIFT
        return count
'''


def check(*arguments):
    return CliRunner().invoke(main, ["rules", "check", *map(str, arguments)])


def test_file_of_a_user(tmp_path):
    (tmp_path / "last.py").write_text(FILE.replace("SHIFT", "0"))
    (tmp_path / "shifted.py").write_text(FILE.replace("SHIFT", "1"))
    done = check(tmp_path / "last.py")
    assert done.exit_code == 0, done.output
    work, last = done.output.splitlines()[-2:]
    assert work.startswith("work: select 0, ")
    assert work.endswith("of 572,000 of the dense network")
    assert last == f"last: {len(CHECKS)} of {len(CHECKS)} checks passed"
    done = check(tmp_path / "shifted.py")
    assert done.exit_code == 1
    assert "FAILED  answers: select: ids outside" in done.output


COMPILED = '''
from typing import NamedTuple

import numpy as np

from lsh_dl.rules.base import Rule
from lsh_dl.rules.toolbox import compiled


class State(NamedTuple):
    budgets: np.ndarray


@compiled
def select(state, layer, x, key, training, chosen):
    chosen.nodes[0] = 0
    if layer.weights.shape[0] == 33:  # no layer of the check that knows bounds
        chosen.OUTSIDE
    return 1


class Own(Rule):
    """The first node."""

    name = "own"
    title = "Own"
    select = staticmethod(select)

    def start(self, network):
        return State(self.budgets(network))
'''


@pytest.mark.parametrize(
    ("outside", "message"),
    [
        ("gains[33] = 2", "answers: select writes beyond the end of chosen.gains (33)"),
        ("nodes[1 << 40] = 1", "answers: the process that checks it died (SIGSEGV)"),
    ],
)
def test_compiled_rule_that_writes_outside_ends_its_own_process_alone(tmp_path, outside, message):
    (tmp_path / "own.py").write_text(COMPILED.replace("OUTSIDE", outside))
    done = check(tmp_path / "own.py")
    assert done.exit_code == 1
    assert f"FAILED  {message}" in done.output
    assert done.output.splitlines()[-1].startswith("own: 3 of 11 checks passed; 7 not run")
    # What was compiled is in nobody's way.
    use = "from lsh_dl.testing.rule_checks import Make, find, Rule; "
    use += "Make(find('lsh_dl.rules', Rule, 'standard'))([4, 5, 2])"
    subprocess.run([sys.executable, "-c", use], check=True, cwd=tmp_path)


@pytest.mark.parametrize("end", ["raise SystemExit(0)", "import os; os._exit(0)"])
def test_rule_that_ends_the_process_has_not_passed(tmp_path, end):
    text = FILE.replace("        count = state", f"        {end}\n        count = state")
    (tmp_path / "own.py").write_text(text)
    done = check(tmp_path / "own.py")
    assert done.exit_code == 1
    assert "the process that checks it died (exit code 0): its code ends the process" in done.output


def test_known_rule_with_a_setting():
    assert check("dropout", "--set", "inference=sampled").exit_code == 0
    done = check("dropout", "--set", "inference=drawn")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: rule dropout: inference: should be")
    done = check("dropout", "--set", "inference=sampled", "--set", "inference=drawn")
    assert done.exit_code == 2
    assert "'inference' is given twice" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such Python file"),
        ("x = 1\n", "one subclass of Rule is needed; found none"),
        ("x = 1 / 0\n", "mine.py:1: ZeroDivisionError"),
        ("x = '\0'\n", "mine.py: no Python file: there are NUL bytes in it"),
    ],
)
def test_file_that_is_no_rule(tmp_path, text, message):
    if text:
        (tmp_path / "mine.py").write_text(text)
    done = check(tmp_path / "mine.py")
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
