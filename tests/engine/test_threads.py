"""Several threads on one network: each row trained once, nothing lost, predictions the same."""

import sys
import threading
from typing import ClassVar, NamedTuple

import numba
import numpy as np
import pytest
from networks import (
    KEY,
    RULES,
    copy_state,
    draw_batch,
    flatten_state,
    make_model,
    read_buckets,
    to_batch,
)

from lsh_dl.engine.batch import slice_batch
from lsh_dl.engine.threads import (
    Team,
    Worker,
    barrier,
    chunk,
    create_queue,
    drop_refcounts,
    take_row,
)
from lsh_dl.hashing.hash_tables import Tables
from lsh_dl.hashing.state import place_of
from lsh_dl.rules.base import Rule

SIZES = [30, 40, 24, 5]


@numba.njit(nogil=True)
def count_rows(queue, taken, rows):
    """Take rows until there are none; how many it was."""
    count = 0
    row = take_row(queue)
    while row < rows:
        taken[row] += 1
        count += 1
        row = take_row(queue)
    return count


def test_each_row_is_handed_out_once():
    rows = 300_000
    taken, queue = np.zeros(rows, np.int64), create_queue()
    count_rows(create_queue(), taken, 0)
    with Team(4) as team:
        counts = team.run(lambda part: count_rows(queue, taken, rows))
    assert sum(counts) == rows
    assert (taken == 1).all()


class Nested(NamedTuple):
    """Arrays at two levels, beside a number."""

    array: np.ndarray
    number: float
    inner: tuple


@numba.njit
def add_through_views(value, amount):
    """Write to the arrays of an uncounted value through views of them."""
    value = drop_refcounts(value)
    for row in range(value.array.shape[0]):
        view = value.array[row]
        view += amount * value.number
    inner = value.inner[1][1:]
    inner += amount
    return value.inner[0]


def test_uncounted_arrays_are_the_same_arrays():
    arrays = [np.zeros((3, 2)), np.zeros(4), np.zeros(5, np.int64)]
    before = [sys.getrefcount(array) for array in arrays]
    value = Nested(arrays[0], 2.0, (7, arrays[1]))
    for _ in range(3):
        assert add_through_views(value, 1.5) == 7
    del value
    assert (arrays[0] == 9).all()
    assert arrays[1].tolist() == [0, 4.5, 4.5, 4.5]
    assert [sys.getrefcount(array) for array in arrays] == before
    assert drop_refcounts(arrays[2]) is arrays[2]


def test_a_team_gives_results_in_order_and_leaves_no_thread():
    before = threading.active_count()
    with Team(3) as team:
        assert team.run(lambda part: part**2) == [0, 1, 4]
        assert team.run(lambda part: part**2, parts=7) == [n**2 for n in range(7)]
    assert threading.active_count() == before


@pytest.mark.parametrize("failing", [0, 2])
def test_a_failure_is_raised_when_all_parts_have_ended(failing):
    ended = []

    def task(part):
        if part == failing:
            raise ValueError("part failed")
        threading.Event().wait(0.05)
        ended.append(part)

    with Team(4) as team:
        with pytest.raises(ValueError, match="part failed"):
            team.run(task)
        assert sorted(ended) == [part for part in range(4) if part != failing]


@numba.njit(nogil=True)
def pass_on(worker, numbers, rounds):
    """Each round, everyone takes over its neighbour's number, which must not change meanwhile."""
    for _ in range(rounds):
        number = numbers[(worker.part + 1) % worker.parts, 0]
        barrier(worker)
        numbers[worker.part, 0] = number
        barrier(worker)


@pytest.mark.parametrize(("threads", "rounds"), [(1, 10), (2, 20_000), (3, 2_000), (8, 200)])
def test_a_crew_meets_before_any_goes_on(threads, rounds):
    """More threads than cores, too. Numbers go round; one read too late would be lost."""
    numbers = np.arange(threads, dtype=np.int64)[:, None] * np.ones(8, np.int64)
    with Team(threads) as team:
        team.run_together(lambda worker: pass_on(worker, numbers, rounds))
    expected = [(part + rounds) % threads for part in range(threads)]
    assert numbers[:, 0].tolist() == expected


@pytest.mark.parametrize("failing", [0, 1])
def test_where_one_of_a_crew_fails_the_others_do_not_wait_for_it(failing):
    numbers = np.zeros((3, 8), np.int64)

    def task(worker):
        if worker.part == failing:
            raise ValueError("part failed")
        pass_on(worker, numbers, 1000)

    with Team(3) as team:
        with pytest.raises(ValueError, match="part failed"):
            team.run_together(task)
        assert team.run(lambda part: part) == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 16, 17, 100])
def test_spans_cover_everything_once(threads, count):
    crews = [Worker(part, threads, create_queue()) for part in range(threads)]
    bounds = [chunk(worker, count) for worker in crews]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == count
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]


@pytest.mark.parametrize("rule", RULES)
def test_where_rows_come_one_by_one_any_team_gives_the_serial_result(rule):
    """Rows in order and refreshes spread over the threads: neither may change a bit."""
    rows = draw_batch(220, 30, 5)
    serial, team = (
        make_model(rule, SIZES, 0.2, momentum=0.5, adagrad=True, threads=threads)
        for threads in (1, 4)
    )
    serial.train(rows, KEY)
    for s in range(220):
        team.train(slice_batch(rows, s, s + 1), KEY)
    np.testing.assert_array_equal(serial.network.weights, team.network.weights)
    expected, got = (flatten_state(model.state, ("scratch",)) for model in (serial, team))
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize("threads", [2, 7, 50])
@pytest.mark.parametrize("rule", RULES)
def test_predictions_and_their_work_do_not_depend_on_the_threads(rule, threads):
    rows = draw_batch(40, 30, 5, seed=8)
    answers = []
    for count in (1, threads):
        model = make_model(rule, SIZES, 0.2, threads=count)
        answers.append(model.predict(rows, KEY))
    (expected, work), (got, same_work) = answers
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(same_work.work, work.work)
    assert same_work.active[0] == work.active[0]


def test_sums_of_all_threads_are_those_of_one():
    """Dropped nodes are drawn by sample, so how many were active is the same for any threads."""
    rows = draw_batch(600, 30, 5)
    active = [
        make_model("dropout", SIZES, 0.3, threads=threads).train(rows, KEY).active[0]
        for threads in (1, 3)
    ]
    assert active[0] == active[1] > 0


class Seen(NamedTuple):
    """The keys that a thread chose with."""

    scratch: list


class InPython(Rule):
    """Always the first nodes, in plain Python, with scratch for each thread."""

    name = "in_python"
    title = "In Python"
    by_thread: ClassVar[dict] = {}

    def start(self, network):
        return Seen([])

    def for_thread(self, state):
        return state._replace(scratch=[])

    @staticmethod
    def select(state, layer, x, key, training, chosen):
        state.scratch.append(int(key))
        threads = InPython.by_thread.setdefault(threading.get_ident(), [])
        threads.append(state.scratch)
        chosen.nodes[:2] = (0, 1)
        return 2


@pytest.mark.parametrize("threads", [1, 3, 40])
def test_rules_in_python_work_with_any_number_of_threads(threads):
    InPython.by_thread.clear()
    model = make_model(InPython, [10, 4, 3], threads=threads)
    before = model.network.weights.copy()
    tally = model.train(draw_batch(30, 10, 3), KEY)
    assert tally.active[0] == 2 * 30
    chosen_by = InPython.by_thread
    assert len(chosen_by) <= min(threads, 30)
    # Each call's scratch is that of its thread, whose draws have all different keys.
    assert all(len({id(scratch) for scratch in calls}) == 1 for calls in chosen_by.values())
    assert len({key for calls in chosen_by.values() for key in calls[0]}) == 30
    assert not np.array_equal(model.network.weights, before)


def assert_whole(model, rows, note):
    """Finite weights; every node stands once in each of its layer's tables."""
    assert np.isfinite(model.network.weights).all(), note
    assert np.isfinite(model.predict(rows, KEY)[0]).all(), note
    if hasattr(model.state, "tables"):
        for index, width in enumerate(SIZES[1:-1]):
            place = place_of(model.state, index)
            tables = Tables(*(array[place] for array in model.state.tables))
            for table in range(len(tables.codes)):
                nodes = [node for bucket in read_buckets(tables, table) for node in bucket]
                assert sorted(nodes) == list(range(width)), note


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        *((rule, {}) for rule in RULES),
        ("lsh", {"preset": "paper", "interval": 20, "growth": 1.0}),
        ("lsh", {"preset": "authors-code", "interval": 20, "growth": 1.0}),
        ("lsh", {"permuted": True, "interval": 40, "growth": 1.0}),
        ("lsh", {"refresh": "asynchronous", "interval": 20, "growth": 1.0}),
    ],
)
def test_soak_four_threads_many_times(rule, settings):
    rows = draw_batch(400, 30, 5)
    for repeat in range(25):
        model = make_model(
            rule, SIZES, 0.2, seed=repeat, adagrad=repeat % 2 == 0, threads=4, **settings
        )
        for epoch in range(3):
            tally = model.train(rows, np.uint64(epoch))
            assert np.isfinite(tally.loss).all()
            assert model.is_finite()
        assert_whole(model, slice_batch(rows, 0, 20), f"repeat {repeat}")
        assert model.seen == 3 * 400


def test_all_threads_train_one_network():
    """What four threads learn together, each on a part, a network has that saw all of it."""
    x = np.eye(30, dtype=np.float32)[np.random.default_rng(0).integers(0, 30, 2000)] * 3
    rows = to_batch(x, 5)._replace(labels=(x.argmax(axis=1) % 5).astype(np.int32))
    model = make_model("standard", SIZES, rate=0.05, threads=4)
    before = copy_state(model.state)
    for epoch in range(5):
        tally = model.train(rows, np.uint64(epoch))
    assert type(before) is type(model.state)
    assert tally.correct[0] > 0.95 * 2000
