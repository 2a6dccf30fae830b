"""Reading ahead: all chunks in their order, the next one read while the caller works on one."""

import threading

import numpy as np
import pytest

from lsh_dl.training import loader
from lsh_dl.training.loader import prefetch


class Watched:
    """Inputs whose rows are their numbers; an event for each chunk that is asked for."""

    chunk = loader.CHUNK

    def __init__(self, failing=None):
        self.asked = [threading.Event() for _ in range(4)]
        self.failing = failing

    def batch(self, numbers):
        chunk = numbers[0] // loader.CHUNK
        self.asked[chunk].set()
        if chunk == self.failing:
            raise OSError("disk")
        return numbers


@pytest.mark.parametrize("count", [0, 1, 2048, 2049, 7000])
def test_every_number_comes_once_and_in_order(count):
    chunks = list(prefetch(Watched(), np.arange(count)))
    assert [len(chunk) for chunk in chunks[:-1]] == [loader.CHUNK] * (len(chunks) - 1)
    np.testing.assert_array_equal(np.concatenate([np.arange(0), *chunks]), np.arange(count))


def test_the_next_chunk_is_read_without_being_asked_for_and_no_more():
    inputs = Watched()
    chunks = prefetch(inputs, np.arange(7000))
    next(chunks)
    assert inputs.asked[1].wait(timeout=60)
    assert not inputs.asked[2].is_set()
    chunks.close()


def test_a_failure_to_read_comes_at_its_chunk():
    chunks = prefetch(Watched(failing=1), np.arange(7000))
    next(chunks)
    with pytest.raises(OSError, match="disk"):
        next(chunks)


def test_no_thread_is_left_where_the_caller_stops_early():
    before = threading.active_count()
    chunks = prefetch(Watched(), np.arange(7000))
    next(chunks)
    chunks.close()
    assert threading.active_count() == before
