"""Models: prediction leaves no trace, refreshes come when the rule wants them."""

import copy
import pickle
from typing import NamedTuple

import numpy as np
import pytest
from networks import KEY, RULES, copy_state, draw_batch, flatten_state, make_model

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.network import create_network, layer_weights
from lsh_dl.rules.base import Rule

SIZES = [30, 40, 24, 5]


def take_picture(model):
    """Copies of all that training changes; scratch is none of it."""
    state = flatten_state(copy_state(model.state), leave_out=("scratch",))
    optimiser = flatten_state(copy_state(model.optimiser))
    return {"weights": model.network.weights.copy(), **state, **optimiser}


@pytest.mark.parametrize("rule", RULES)
def test_prediction_changes_nothing_and_repeats(rule):
    model = make_model(rule, SIZES, 0.2, momentum=0.9, adagrad=True)
    rows, others = draw_batch(150, 30, 5), draw_batch(70, 30, 5, seed=8)
    model.train(rows, KEY)
    before = take_picture(model)
    first, work = model.predict(others, KEY)
    second, again = model.predict(others, KEY)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    for one, other in zip(work, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, array in take_picture(model).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


@pytest.mark.parametrize("rule", RULES)
def test_prediction_between_training_makes_no_difference(rule):
    rows = draw_batch(260, 30, 5)
    models = [make_model(rule, SIZES, 0.2, momentum=0.9, adagrad=True) for _ in range(2)]
    for model, interrupted in zip(models, (False, True), strict=True):
        for start in (0, 90, 180):
            model.train(slice_batch(rows, start, min(start + 90, 260)), KEY)
            if interrupted:
                model.predict(draw_batch(20, 30, 5, seed=9), KEY)
    np.testing.assert_array_equal(models[0].network.weights, models[1].network.weights)


@pytest.mark.parametrize("rule", RULES)
def test_a_samples_prediction_does_not_depend_on_its_neighbours(rule):
    model = make_model(rule, SIZES, 0.2)
    model.train(draw_batch(150, 30, 5), KEY)
    rows = draw_batch(20, 30, 5, seed=8)
    together = model.predict(rows, KEY)[0]
    for s in (0, 7, 19):
        alone = model.predict(slice_batch(rows, s, s + 1), KEY)[0]
        np.testing.assert_array_equal(alone[0], together[s])


@pytest.mark.parametrize("rule", RULES)
def test_training_in_parts_is_training_at_once(rule):
    rows = draw_batch(330, 30, 5)
    whole, parts = (make_model(rule, SIZES, 0.2, momentum=0.9, adagrad=True) for _ in range(2))
    total = whole.train(rows, KEY)
    sums = [parts.train(slice_batch(rows, a, b), KEY) for a, b in ((0, 1), (1, 150), (150, 330))]
    np.testing.assert_array_equal(whole.network.weights, parts.network.weights)
    np.testing.assert_array_equal(total.work, sum(part.work for part in sums))
    assert total.correct[0] == sum(part.correct[0] for part in sums)
    assert whole.seen == parts.seen == 330


def test_loss_and_hits_are_those_of_the_predictions_before_each_step():
    model = make_model("wta", SIZES, 0.2)
    rows = draw_batch(20, 30, 5)
    for s in range(20):
        one = slice_batch(rows, s, s + 1)
        probabilities = model.predict(one, KEY)[0][0]
        tally = model.train(one, KEY)
        assert tally.loss[0] == pytest.approx(-np.log(probabilities[rows.labels[s]]), rel=1e-5)
        assert tally.correct[0] == (probabilities.argmax() == rows.labels[s])


class Calls(NamedTuple):
    """What `Clock` was called with."""

    scratch: list


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_alike_and_apart(rule, duplicate):
    rows = draw_batch(350, 30, 5)
    original = make_model(rule, SIZES, 0.2, momentum=0.9, adagrad=True)
    original.train(slice_batch(rows, 0, 150), KEY)
    before = take_picture(original)
    twin = duplicate(original)
    twin.train(slice_batch(rows, 150, 350), KEY)
    for name, array in take_picture(original).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    original.train(slice_batch(rows, 150, 350), KEY)
    pictures = take_picture(original), take_picture(twin)
    for name, array in pictures[0].items():
        np.testing.assert_array_equal(array, pictures[1][name], err_msg=name)
    assert twin.network.weights.ctypes.data % 64 == 0


class Clock(Rule):
    """Wants a refresh after 10 samples, then 25, 40, ... and notes when it comes."""

    name = "clock"
    title = "Clock"

    def start(self, network):
        return Calls([])

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        chosen.nodes[0] = 0
        return 1

    def refresh_interval(self, seen, network):
        return 10 if seen == 0 else 15

    def refresh(self, state, network, recent, work, team):
        state.scratch.append((len(recent.labels), recent.numbers[-1]))


@pytest.mark.parametrize("part", [1, 7, 10, 60])
def test_refreshes_come_after_the_samples_asked_for(part):
    model = make_model(Clock, [10, 4, 3])
    rows = draw_batch(60, 10, 3)
    for start in range(0, 60, part):
        model.train(slice_batch(rows, start, min(start + part, 60)), KEY)
    assert [last + 1 for _, last in model.state.scratch] == [10, 25, 40, 55]
    assert all(count <= part for count, _ in model.state.scratch)


def test_initial_weights_have_the_stated_spread():
    network = create_network([400, 300, 200, 10], seed=3)
    for index, (inputs, gain) in enumerate([(400, 2), (300, 2), (200, 1)]):
        rows = layer_weights(network, index)
        assert not rows[:, inputs:].any()
        assert rows[:, :inputs].std() == pytest.approx(np.sqrt(gain / inputs), rel=0.05)
        assert abs(rows[:, :inputs].mean()) < 0.01
    assert network.weights.ctypes.data % 64 == 0
    np.testing.assert_array_equal(network.weights, create_network([400, 300, 200, 10], 3).weights)
    other = create_network([400, 300, 200, 10], 4)
    assert np.count_nonzero(other.weights == network.weights) < network.weights.size / 2
