"""Things renewed while others read them: by one thread, when due, and never under a reader."""

import numba
import numpy as np
import pytest

from lsh_dl.engine.threads import (
    NO_MORE,
    Team,
    claim,
    create_queue,
    create_relays,
    hand_over,
    look,
    pass_row,
    sched_yield,
    take_row,
)


@pytest.fixture
def relays():
    """Of two threads and two things that are due before rows 10, 20 and 50 of 100."""
    return create_relays(2, 2, create_queue(), 100, [10, 20, 50])


def hand_over_at(relay, thing, answered, row):
    """Hand over when the next row to be taken is `row`; how late, and what is read from then on."""
    relay.queue[0] = row
    current = np.zeros(8, np.int64)
    return hand_over(relay, thing, answered, current, 1), current[0]


def test_a_thing_is_renewed_once_it_is_due_by_one_thread(relays):
    first, second = relays
    assert claim(first, 0, 9) == 0
    assert claim(first, 0, 10) == 1
    assert claim(second, 0, 11) == 0, "it is at work"
    assert claim(second, 1, 11) == 1, "the other thing is not"


def test_a_hand_over_tells_how_late_it_is(relays):
    (first, _) = relays
    assert claim(first, 0, 12) == 1
    assert hand_over_at(first, 0, 1, 15) == (5, 1)


def test_after_the_last_row_nothing_is_late_by_more_than_there_were(relays):
    (first, _) = relays
    assert claim(first, 0, 12) == 1
    assert hand_over_at(first, 0, 1, NO_MORE) == (90, 1)


def test_what_a_thread_may_still_read_is_not_overwritten(relays):
    """Rows before 31 were taken when the first renewal was handed over."""
    first, second = relays
    pass_row(first, 12)
    pass_row(second, 30)
    claim(first, 0, 12)
    hand_over_at(first, 0, 1, 31)
    pass_row(first, 31)
    assert claim(first, 0, 31) == 0, "the other is at row 30"
    pass_row(second, 32)
    assert claim(first, 0, 31) == 2
    assert claim(second, 0, 32) == 0


def test_a_thread_that_has_not_begun_may_have_taken_any_row(relays):
    (first, _) = relays
    claim(first, 0, 12)
    hand_over_at(first, 0, 1, 13)
    pass_row(first, 30)
    assert claim(first, 0, 30) == 0


def test_a_renewal_answers_all_that_became_due_meanwhile(relays):
    first, second = relays
    claim(first, 0, 12)
    hand_over_at(first, 0, 1, 60)
    for relay in relays:
        pass_row(relay, 60)
    assert claim(second, 0, 60) == 3
    hand_over_at(second, 0, 3, 70)
    for relay in relays:
        pass_row(relay, 99)
    assert claim(first, 0, 99) == 0, "nothing is left"
    assert first.ended[0, 0] == 3


@numba.njit(nogil=True)
def read_and_renew(relay, copies, current, seen):
    """Renew `copies` (2, n) whenever that is due; count what is read of a half-made one.

    `seen`, int64 (threads, 8): numbers unlike the first of a copy, renewals done, newest read.
    """
    mine = seen[relay.thread]
    row = take_row(relay.queue)
    while row < relay.rows:
        pass_row(relay, row)
        answered = claim(relay, 0, row)
        if answered > 0:
            other = 1 - look(current)
            for place in range(copies.shape[1]):
                copies[other, place] = answered
            hand_over(relay, 0, answered, current, other)
            mine[1] += 1
        copy = copies[look(current)]
        first = copy[0]
        for place in range(copy.shape[0]):
            if place == 1_000:
                sched_yield()  # others go on while this one reads
            mine[0] += copy[place] != first
        mine[0] += first < mine[2]
        mine[2] = first
        row = take_row(relay.queue)
    pass_row(relay, NO_MORE)


@pytest.mark.parametrize("threads", [2, 5])
def test_no_reader_sees_a_copy_that_is_half_made(threads):
    """More threads than cores, too; a renewal is due before every row."""
    rows = 20_000
    seen, current = np.zeros((threads, 8), np.int64), np.zeros(8, np.int64)
    relays = create_relays(threads, 1, create_queue(), rows, np.arange(rows))
    copies = np.zeros((2, 3_000), np.int64)
    with Team(threads) as team:
        team.run(lambda part: read_and_renew(relays[part], copies, current, seen))
    unlike, renewals, newest = seen[:, :3].T
    assert unlike.sum() == 0
    assert renewals.sum() > 2, "a place that was read is written again"
    assert newest.max() == relays[0].ended[0, 0] <= rows
