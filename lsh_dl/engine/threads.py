"""Threads that work on one task: how they are run, and how rows are handed out to them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros

Result = TypeVar("Result")


class Team:
    """Threads that work on the parts of a task at the same time; the caller's is one of them.

    Compiled kernels run without the interpreter's lock, so their parts take as many cores as there
    are; what is plain Python takes turns. Used as a context: at its end no thread is left.

    Parameters
    ----------
    threads
        At least 1; more than cores or parts are allowed. 1 starts no thread at all.
    """

    def __init__(self, threads: int):
        self.threads = threads
        self._others = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *failure: object) -> None:
        if self._others:
            self._others.shutdown()

    def run(self, task: Callable[[int], Result], parts: int | None = None) -> list[Result]:
        """The results of task(0) to task(parts - 1), by default one part a thread.

        Comes back when all parts have ended, also where one fails; the first failure is raised.
        """
        parts = self.threads if parts is None else parts
        if self._others is None:
            return [task(part) for part in range(parts)]
        others = [self._others.submit(task, part) for part in range(1, parts)]
        try:
            first = task(0)
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]


def create_queue() -> np.ndarray:
    """The number of the next row to be taken, 0: int64 (1,)."""
    return aligned_zeros(1, dtype=np.int64)


@intrinsic
def _fetch_and_increment(typing, counter):
    """The counter's value before one was added to it, atomically: int64."""
    signature = types.int64(counter)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        one = ir.Constant(ir.IntType(64), 1)
        return builder.atomic_rmw("add", array.data, one, "monotonic")

    return signature, generate


@compiled
def take_row(queue):
    """The number of a row that no other thread has; rows are handed out in their order.

    One at a time, so threads end within a sample of each other. The queue's cache line then moves
    between cores once a sample, some hundred nanoseconds.
    """
    return _fetch_and_increment(queue)
