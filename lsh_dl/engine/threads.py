"""Threads that work on one task: how they run, get their rows, meet, and share arrays."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import NamedTuple, NoReturn, TypeVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.network import aligned_zeros

Result = TypeVar("Result")


class Worker(NamedTuple):
    """One of the threads that run a kernel together, part by part, and meet in between."""

    part: int  # which one this is
    parts: int  # how many there are
    arrivals: np.ndarray  # int64 (1,): how often one has come to a meeting, of all


#: In place of the number of arrivals: nobody waits any more.
DISMISSED = -(2**62)


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

    def run_together(self, task: Callable[[Worker], Result]) -> list[Result]:
        """The results of a task that is begun in every thread, and in which they may `barrier`.

        Where it fails in one of them, the others wait for none any more.
        """
        arrivals = aligned_zeros(1, dtype=np.int64)

        def join(part: int) -> Result:
            try:
                return task(Worker(part, self.threads, arrivals))
            finally:
                arrivals[0] = DISMISSED

        try:
            return self.run(join)
        finally:
            arrivals[0] = DISMISSED


#: Seconds in which a thread that is started begins.
LONGEST_START = 5.0


def run_undisturbed(task: Callable[[], Result], stop: Callable[[], None]) -> Result:
    """The result of a task that no Ctrl-C breaks off at an odd moment.

    An exception from outside (KeyboardInterrupt, or what a signal's handler raises) only comes to
    the main thread, so that one has the task done by another and waits. When one comes, `stop` is
    called, which should make the task end soon; the exception is raised when it has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return task()
    outcome: list[Callable[[], Result]] = []
    interrupt: BaseException | None = None
    begun = threading.Event()

    def work() -> None:
        begun.set()
        try:
            if interrupt is not None:
                raise interrupt
            result = task()
            outcome.append(lambda: result)
        except BaseException as error:
            outcome.append(partial(_raise, error))

    thread = threading.Thread(target=work, name="lsh-dl")
    while thread.is_alive() or not outcome:
        try:
            if thread.ident is None and interrupt is None:
                thread.start()
            thread.join()
        except BaseException as error:
            interrupt = interrupt or error
            stop()
            if not begun.wait(LONGEST_START):  # it came before the thread was there
                raise
    if interrupt is not None:
        raise interrupt
    return outcome[0]()


def _raise(error: BaseException) -> NoReturn:
    raise error


#: In place of a queue's next row: there are no more.
NO_MORE = 2**62


def create_queue() -> np.ndarray:
    """The number of the next row to be taken, 0: int64 (1,); NO_MORE ends the work on it."""
    return aligned_zeros(1, dtype=np.int64)


@intrinsic
def _fetch_and_increment(typing, counter):
    """The counter's value before one was added to it, atomically: int64.

    What this thread wrote until now, others see that read the counter afterwards by `_look`.
    """
    signature = types.int64(counter)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        one = ir.Constant(ir.IntType(64), 1)
        return builder.atomic_rmw("add", array.data, one, "acq_rel")

    return signature, generate


@compiled
def take_row(queue):
    """The number of a row that no other thread has; rows are handed out in their order.

    One at a time, so threads end within a sample of each other. The queue's cache line then moves
    between cores once a sample, some hundred nanoseconds.
    """
    return _fetch_and_increment(queue)


#: Looks at the counter before a waiting thread lets others have its core.
PATIENCE = 2_000
sched_yield = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def _look(typing, counter):
    """A counter's value; what others wrote before they changed it, this thread sees after it."""
    signature = types.int64(counter)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "acquire", align=8)

    return signature, generate


@compiled
def barrier(worker):
    """Wait until all of the crew have come here, and see what they wrote before."""
    if worker.parts == 1:
        return
    arrived = _fetch_and_increment(worker.arrivals)
    everyone = (arrived // worker.parts + 1) * worker.parts
    looks = 0
    while 0 <= _look(worker.arrivals) < everyone:
        looks += 1
        if looks > PATIENCE:
            sched_yield()


@compiled
def chunk(worker, count):
    """This thread's share of `count` things: from where to where."""
    return count * worker.part // worker.parts, count * (worker.part + 1) // worker.parts


def drop_refcounts(value):
    """The same array, number or tuple of such, with views that a kernel takes not counted.

    Numba counts references to an array at every view of it, by atomic operations: a tenth of a
    kernel's time, and most of it where the counts of two threads share a cache line. A kernel's
    arguments outlive it, so it needs no count.
    """
    return value


@overload(drop_refcounts)
def _compile_drop_refcounts(value):
    return lambda value: _drop_counts(value)


@intrinsic
def _drop_counts(typing, value):
    def generate(context, builder, signature, arguments):
        return _without_counts(context, builder, signature.args[0], arguments[0])

    return value(value), generate


def _without_counts(context, builder, kind, value):
    """Set the pointers to the counts of all arrays in a value to null."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = ir.Constant(array.meminfo.type, None)
        array.parent = ir.Constant(array.parent.type, None)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for place, member in enumerate(kind):
            part = builder.extract_value(value, place)
            part = _without_counts(context, builder, member, part)
            value = builder.insert_value(value, part, place)
    return value
