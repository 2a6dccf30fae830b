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
def _fetch_and_add(typing, counter, more):
    """The counter's value before `more` was added to it, atomically: int64.

    What this thread wrote until now, others see that read the counter afterwards by `look`.
    """
    signature = types.int64(counter, types.int64)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, arguments[1], "acq_rel")

    return signature, generate


@compiled
def take_row(queue):
    """The number of a row that no other thread has; rows are handed out in their order.

    One at a time, so threads end within a sample of each other. The queue's cache line then moves
    between cores once a sample, some hundred nanoseconds.
    """
    return _fetch_and_add(queue, 1)


#: Looks at the counter before a waiting thread lets others have its core.
PATIENCE = 2_000
sched_yield = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def look(typing, counter):
    """A counter's value; what others wrote before they changed it, this thread sees after it."""
    signature = types.int64(counter)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "acquire", align=8)

    return signature, generate


@intrinsic
def publish(typing, counter, value):
    """Set a counter; who sees the value by `look` also sees what this thread wrote before."""
    signature = types.void(counter, types.int64)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.store_atomic(arguments[1], array.data, "release", align=8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _replace(typing, counter, old, new):
    """Set a counter from `old` to `new`, atomically; False if it has another value."""
    signature = types.boolean(counter, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        _, old, new = arguments
        outcome = builder.cmpxchg(array.data, old, new, "acq_rel", "acquire")
        return builder.extract_value(outcome, 1)

    return signature, generate


@compiled
def barrier(worker):
    """Wait until all of the crew have come here, and see what they wrote before."""
    if worker.parts == 1:
        return
    arrived = _fetch_and_add(worker.arrivals, 1)
    everyone = (arrived // worker.parts + 1) * worker.parts
    looks = 0
    while 0 <= look(worker.arrivals) < everyone:
        looks += 1
        if looks > PATIENCE:
            sched_yield()


@compiled
def chunk(worker, count):
    """This thread's share of `count` things: from where to where."""
    return count * worker.part // worker.parts, count * (worker.part + 1) // worker.parts


class Relay(NamedTuple):
    """How threads renew things that all of them read, one thread a thing, while others go on.

    Who renews a thing builds it beside the one that is read, then has all others read the new one
    (it *hands over*). What was read until then is left, and may be overwritten, once every thread
    has taken a row after that: rows are taken in order, so a thread's row tells. Nobody waits: a
    renewal that may not begin yet, since the one before is at work or another thread still reads
    what is to be overwritten, is looked at again by the next thread that has taken a row.
    """

    thread: int  # which one has this
    at: np.ndarray  # int64 (threads, 8): the row that each is at, -1 before its first
    queue: np.ndarray  # int64 (1,): of the rows
    rows: int  # how many there are
    dues: np.ndarray  # int64 (times,), ascending: before which rows everything is to be renewed
    begun: np.ndarray  # int64 (things, 8): so many of these times are answered, by what is begun
    ended: np.ndarray  # int64 (things, 8): by what is handed over
    handed_over: np.ndarray  # int64 (things, 8): the next row to be taken at the last hand-over


#: Numbers in a cache line.
LINE = 8


def create_relays(
    threads: int, things: int, queue: np.ndarray, rows: int, dues: np.ndarray
) -> list[Relay]:
    """A relay for each thread; all arrays are shared, each thread and thing has its cache lines."""
    at = aligned_zeros(threads, LINE, dtype=np.int64)
    at[:] = -1
    begun, ended, handed_over = (aligned_zeros(things, LINE, dtype=np.int64) for _ in range(3))
    handed_over[:] = -1
    shared = (at, queue, rows, np.asarray(dues, np.int64), begun, ended, handed_over)
    return [Relay(thread, *shared) for thread in range(threads)]


@compiled
def pass_row(relay, row):
    """Tell others the row that this thread has taken: it is done with those before."""
    publish(relay.at[relay.thread], row)


@compiled
def claim(relay, thing, row):
    """Take on a thing's renewal, if one is due before `row` and may begin.

    Returns how many of the times in `dues` are answered when it ends; 0: there is nothing to do.
    """
    dues, begun = relay.dues, look(relay.begun[thing])
    if begun == dues.shape[0] or row < dues[begun] or look(relay.ended[thing]) != begun:
        return 0
    for thread in range(relay.at.shape[0]):
        if look(relay.at[thread]) < relay.handed_over[thing, 0]:
            return 0
    answered = begun + 1
    while answered < dues.shape[0] and dues[answered] <= row:
        answered += 1
    return answered if _replace(relay.begun[thing], begun, answered) else 0


@compiled
def hand_over(relay, thing, answered, current, version):
    """Have all threads read `version` of a thing from now on: `current`, int64 (1 or more,).

    Returns how many rows were taken since the renewal was due.
    """
    due = relay.dues[look(relay.ended[thing])]
    publish(current, version)
    # Changed by nothing: who takes a row after this sees the version.
    row = _fetch_and_add(relay.queue, 0)
    relay.handed_over[thing, 0] = row
    publish(relay.ended[thing], answered)
    return min(row, relay.rows) - due


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
