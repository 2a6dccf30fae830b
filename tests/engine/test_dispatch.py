"""Where loop and rules meet: one state type a rule, checked answers, both forms of the loop."""

from typing import NamedTuple

import numpy as np
import pytest
from networks import KEY, draw_batch, make_model, true_weights

from lsh_dl.common.errors import UserError
from lsh_dl.engine.dispatch import register
from lsh_dl.rules.base import Rule
from lsh_dl.rules.wta import WinnerTakeAll


class TwinState(NamedTuple):
    """What the NumPy form of winner-take-all needs."""

    budgets: np.ndarray


class PlainWinnerTakeAll(Rule):
    """Winner-take-all as a user without numba writes it."""

    name = "plain-wta"
    title = "Plain WTA"

    def start(self, network):
        return TwinState(self.budgets(network))

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        budget = state.budgets[layer.index]
        best = np.argsort(-(layer.weights @ x.values), kind="stable")[:budget]
        chosen.nodes[:budget] = best
        return budget


@pytest.mark.parametrize("hidden", [[30], [30, 20]], ids=str)
def test_rule_in_numpy_trains_as_its_compiled_twin(hidden):
    arguments = {"fraction": 0.3, "rate": 0.02, "momentum": 0.8, "adagrad": True}
    compiled = make_model("wta", [20, *hidden, 4], **arguments)
    plain = make_model(PlainWinnerTakeAll, [20, *hidden, 4], **arguments)
    assert not isinstance(plain.rule, WinnerTakeAll)
    rows = draw_batch(60, 20, 4)
    first, second = compiled.train(rows, KEY), plain.train(rows, KEY)
    for one, other in zip(true_weights(compiled.network), true_weights(plain.network), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert first.loss[0] == pytest.approx(second.loss[0], rel=1e-5)
    assert (first.active, first.correct) == (second.active, second.correct)
    np.testing.assert_array_equal(first.work[3:], second.work[3:])
    probabilities = compiled.predict(rows, KEY)[0]
    np.testing.assert_allclose(probabilities, plain.predict(rows, KEY)[0], rtol=1e-3, atol=1e-5)


def test_two_rules_cannot_share_a_type_of_state():
    class Shared(NamedTuple):
        number: int

    def first(*arguments):
        return 0

    def second(*arguments):
        return 0

    assert register(Shared(1), first) is False
    assert register(Shared(2), first) is False
    with pytest.raises(UserError, match=r"Shared.*NamedTuple of its own"):
        register(Shared(1), second)


class Nodes(NamedTuple):
    """What `Stubborn` answers: it is changed between calls."""

    scratch: list


class Stubborn(Rule):
    """Answers with whatever stands in its state."""

    name = "stubborn"
    title = "Stubborn"

    def start(self, network):
        return Nodes([])

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        nodes, count = state.scratch
        chosen.nodes[: len(nodes)] = nodes
        return count


@pytest.fixture
def stubborn():
    return make_model(Stubborn, [10, 6, 3])


@pytest.mark.parametrize(
    ("nodes", "count", "reason"),
    [
        ([0, 2, 2], 3, "chosen twice"),
        ([0, 1, 6], 3, r"layer 0 has nodes 0 to 5.*0 to 6"),
        ([-1, 1, 2], 3, r"layer 0 has nodes 0 to 5.*-1 to 2"),
        ([0, 1, 2, 3, 4, 5], 7, "got 7 ids"),
        ([], -1, "got -1 ids"),
    ],
)
@pytest.mark.parametrize("call", ["train", "predict"])
def test_wrong_answers_stop_and_name_the_rule(stubborn, nodes, count, reason, call):
    stubborn.state.scratch[:] = nodes, count
    with pytest.raises(UserError, match=reason) as failure:
        getattr(stubborn, call)(draw_batch(2, 10, 3), KEY)
    assert f"{Stubborn.select.__module__}.select" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_no_nodes_at_all_is_an_answer(stubborn):
    stubborn.state.scratch[:] = [], 0
    tally = stubborn.train(draw_batch(2, 10, 3), KEY)
    assert tally.active[0] == 0
    probabilities = stubborn.predict(draw_batch(2, 10, 3), KEY)[0]
    np.testing.assert_allclose(probabilities[0], probabilities[1])
