"""Calls that end early: no thread goes on, the model stays whole; other threads and processes."""

import copy
import os
import random
import signal
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest
from networks import KEY, FirstNodes, draw_batch, make_model

from lsh_dl.common.errors import UserError
from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.threads import run_undisturbed
from lsh_dl.rules.base import Rule

SIZES = [30, 40, 24, 5]


@pytest.fixture(autouse=True)
def interrupts_count():
    """Also where they are ignored, as in what a shell runs in the background."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def interrupt_after(seconds, begun=None):
    """Ctrl-C from another thread, so long after `begun`."""

    def send():
        if begun:
            begun.wait()
        time.sleep(seconds)
        sender.moment = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    return sender


def train_for_ever(model, rows, begun):
    begun.set()
    while True:
        model.train(rows, KEY)


def assert_whole(model, rows):
    """It predicts as a copy does that has workspaces of its own."""
    answers = model.predict(rows, KEY)[0]
    assert np.isfinite(answers).all()
    np.testing.assert_array_equal(answers, copy.deepcopy(model).predict(rows, KEY)[0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rule", ["standard", "lsh"])
def test_interrupts_at_any_moment_leave_no_thread_and_a_whole_model(rule, threads):
    rows, draws = draw_batch(300, 30, 5), random.Random(threads)
    model = make_model(rule, SIZES, 0.2, threads=threads)
    before = threading.active_count()
    for _ in range(100):
        begun = threading.Event()
        sender = interrupt_after(draws.uniform(0, 0.02), begun)
        with pytest.raises(KeyboardInterrupt):
            train_for_ever(model, rows, begun)
        sender.join()
        assert threading.active_count() == before
        assert_whole(model, rows)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_chunk_of_a_wide_network_ends_at_once(threads):
    model = make_model("standard", [30, 3000, 3000, 5], threads=threads)
    rows = draw_batch(50_000, 30, 5)
    sent = interrupt_after(0.5)
    with pytest.raises(KeyboardInterrupt):
        model.train(rows, KEY)
    waited = time.monotonic() - sent.moment
    sent.join()
    assert waited < 2  # all rows take minutes, one some hundredths of a second
    assert model.seen == 0


def test_what_a_handler_raises_waits_for_the_task_too():
    ended = []

    def task():
        os.kill(os.getpid(), signal.SIGUSR1)
        stopped.wait(10)
        ended.append(True)

    class AlarmError(Exception):
        pass

    def handle(number, frame):
        raise AlarmError

    stopped = threading.Event()
    usual = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(AlarmError):
            run_undisturbed(task, stopped.set)
    finally:
        signal.signal(signal.SIGUSR1, usual)
    assert ended == [True]


class Failing(FirstNodes):
    """Raises in the middle of a sample, when it is told to."""

    name = "failing"
    fails = False

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        if Failing.fails and layer.index == 1:
            raise OSError("broken")
        return FirstNodes.select(state, layer, x, key, training, chosen)

    def start(self, network):
        return FailingState(self.budgets(network))


class FailingState(NamedTuple):
    """The state of `Failing`."""

    budgets: np.ndarray


@pytest.mark.parametrize("threads", [1, 3])
def test_a_rule_that_raises_leaves_a_whole_model(threads):
    rows = draw_batch(20, 30, 5)
    model = make_model(Failing, SIZES, 0.5, threads=threads)
    expected = model.predict(rows, KEY)[0]
    Failing.fails = True
    try:
        with pytest.raises(OSError, match="broken"):
            model.train(rows, KEY)
    finally:
        Failing.fails = False
    np.testing.assert_array_equal(model.predict(rows, KEY)[0], expected)


class WrongState(NamedTuple):
    """What a compiled rule shall do wrong."""

    extra: int
    shift: int


@compiled
def _choose_wrongly(state, layer, x, key, training, chosen):
    width = layer.weights.shape[0]
    for node in range(width):
        chosen.nodes[node] = node + state.shift
    return width + state.extra


class Scribble(NamedTuple):
    """A state whose scratch no kernel can be handed."""

    extra: int
    shift: int
    scratch: object


@pytest.mark.parametrize("scratch", ["text", [1, 2], {}])
def test_scratch_of_a_compiled_rule_is_arrays_and_numbers(monkeypatch, scratch):
    monkeypatch.setattr(Wrong, "state", Scribble(0, 0, scratch))
    with pytest.raises(UserError, match=r"rule wrong: start: state.scratch is "):
        make_model(Wrong, SIZES)


class Wrong(Rule):
    """Compiled, and wrong once `start` is patched."""

    name = "wrong"
    title = "Wrong"
    state = WrongState(0, 0)
    select = staticmethod(_choose_wrongly)

    def start(self, network):
        return self.state


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (WrongState(1, 0), "no number of nodes"),
        (WrongState(-1000, 0), "no number of nodes"),
        (WrongState(0, 1), "ids that are no nodes"),
        (WrongState(0, -1), "ids that are no nodes"),
        (WrongState(0, 10**8), "ids that are no nodes"),
    ],
)
def test_what_a_compiled_rule_gives_is_checked(monkeypatch, state, told):
    monkeypatch.setattr(Wrong, "state", state)
    model = make_model(Wrong, SIZES, threads=2)
    rows = draw_batch(20, 30, 5)
    for call in (model.train, model.predict):
        with pytest.raises(UserError, match=rf"test_interrupted\.select: .*{told}.*rules check"):
            call(rows, KEY)


def test_threads_may_change_while_others_predict():
    rows = draw_batch(50, 30, 5)
    model = make_model("lsh", SIZES, 0.3)
    expected, wrong, done = model.predict(rows, KEY)[0], [], threading.Event()

    def predict():
        while not done.is_set():
            try:
                if not np.array_equal(model.predict(rows, KEY)[0], expected):
                    wrong.append("another answer")
            except Exception as error:
                wrong.append(error)

    others = [threading.Thread(target=predict) for _ in range(4)]
    for other in others:
        other.start()
    for threads in [2, 5, 1, 3] * 20:
        model.use_threads(threads)
    done.set()
    for other in others:
        other.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_while_another_thread_trains_does_not_hang():
    rows = draw_batch(400, 30, 5)
    model = make_model("lsh", SIZES, 0.3)
    done = threading.Event()

    def train():
        while not done.is_set():
            model.train(rows, KEY)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # ends a child that hangs
                try:
                    finite = np.isfinite(model.predict(rows, KEY)[0]).all()
                    os._exit(0 if finite else 1)
                except UserError:
                    os._exit(0)  # refused: forked within a refresh
                except BaseException:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        trainer.join()
