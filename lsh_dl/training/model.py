"""One network under one selection rule: train on batches, predict batches."""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

import numpy as np
from numba.core.dispatcher import Dispatcher

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.preprocessing import identity_transform
from lsh_dl.engine.batch import Batch, make_batch, slice_batch
from lsh_dl.engine.dispatch import SelectionError, register
from lsh_dl.engine.kernel_cache import compile_together
from lsh_dl.engine.loop import read_samples, train_samples
from lsh_dl.engine.network import (
    Network,
    empty_network,
    layer_weights,
    padded,
    row_length,
    view_outputs,
)
from lsh_dl.engine.optimiser import (
    Optimiser,
    OptimiserSettings,
    create_optimiser,
    settings_of,
)
from lsh_dl.engine.outputs import Outputs
from lsh_dl.engine.reorder import permute_nodes
from lsh_dl.engine.threads import (
    NO_MORE,
    Relay,
    Team,
    create_queue,
    create_relays,
    run_undisturbed,
)
from lsh_dl.engine.workspace import Tally, create_tally, create_workspace, sum_tallies
from lsh_dl.rules.base import Rule
from lsh_dl.training.arrays import fill_arrays, name_arrays, require_state

Result = TypeVar("Result")


class Counters(NamedTuple):
    """Where training stands, beside what its arrays hold."""

    seen: int  # samples trained on
    until_refresh: int | None  # samples until the rule's next refresh; None: there is none
    outputs_until_refresh: int | None = None  # the same of the rule that selects outputs


class Selector:
    """A rule at work on a network's hidden layers, or on its output layer.

    Attributes
    ----------
    network
        As the rule sees it.
    state
        The rule's.
    until_refresh
        Samples until its next refresh; None: there is none.
    name, is_compiled
        Of the rule's `select`; whether that is compiled.
    """

    def __init__(self, rule: Rule, network: Network):
        self.rule, self.network = rule, network
        self.state = rule.start(network)
        require_state(self.state, type(rule))
        self.until_refresh = rule.refresh_interval(0, network)
        select = type(rule).select
        self.name = f"{select.__module__}.select"
        self.is_compiled = register(self.state, select, type(rule).follow, type(rule).renew)

    def share_state(self, threads: int) -> list[Any]:
        """The state for each of so many threads."""
        return [self.state, *(self.rule.for_thread(self.state) for _ in range(threads - 1))]

    def plan_refreshes(self, seen: int, samples: int, meanwhile: bool) -> tuple[list[int], int]:
        """After how many of the coming `samples` refreshes are due; how many to train until then.

        All threads meet at the first refresh that is not done while others train; without
        `meanwhile` none is.
        """
        dues: list[int] = []
        until = self.until_refresh
        while until is not None and until <= samples:
            if not (meanwhile and self.rule.refreshes_meanwhile(self.state, len(dues))):
                return [*dues, until], until
            dues.append(until)
            further = self.rule.refresh_interval(seen + until, self.network)
            until = None if further is None else until + further
        return dues, samples

    def create_relays(
        self, threads: int, queue: np.ndarray, rows: int, dues: Sequence[int]
    ) -> list[Relay]:
        """One for each thread, by which they renew the state of each layer."""
        layers = len(self.network.sizes) - 2
        return create_relays(threads, layers, queue, rows, np.array(dues, np.int64))

    def refresh(
        self, seen: int, recent: Batch, work: np.ndarray, team: Team, due: int, done: int
    ) -> bool:
        """Count the `recent` samples, up to `seen`, among which so many refreshes were due.

        Unless all of them were done meanwhile, refresh the state now; returns whether.
        """
        if self.until_refresh is not None:
            self.until_refresh -= len(recent.numbers)
        if due == 0:
            return False
        left = done < due
        self.rule.settle(self.state, due - left)
        if left:
            self.rule.refresh(self.state, self.network, recent, work, team)
        self.until_refresh = self.rule.refresh_interval(seen, self.network)
        return left


class SparseModel:
    """A network, its optimiser and the state of its selection rule.

    A rule whose `select` is compiled gets a compiled loop, another the same loop in Python, whose
    threads take turns.

    Parameters
    ----------
    network
        Sampled if the rule selects outputs (`Rule.for_outputs`).
    threads
        See `use_threads`.

    Attributes
    ----------
    rule, state, until_refresh
        The rule at work on the hidden layers, see `Selector`.
    outputs
        The rule at work on the outputs; None: they are dense.
    seen
        Samples trained on.
    """

    def __init__(self, network: Network, optimiser: Optimiser, rule: Rule, threads: int = 1):
        self.network = network
        self.optimiser = optimiser
        self.rule = rule
        rule.check_optimiser(optimiser)
        of_outputs = rule.for_outputs()
        if network.sampled != (of_outputs is not None):
            raise ValueError("network.sampled: True if the rule selects outputs, else False")
        with compile_together():
            self.hidden, self.outputs = Selector(rule, network), None
            if of_outputs is not None:
                self.outputs = Selector(of_outputs, view_outputs(network))
            self._selectors = [self.hidden, *([self.outputs] if self.outputs else [])]
            self.seen = 0
            self._busy = Lock()  # the workspaces serve one call at a time
            self._queue, self._stopped = create_queue(), False
            self._is_refreshing = self._is_half_refreshed = False
            self._is_compiled = all(selector.is_compiled for selector in self._selectors)
            self._warm: set[tuple[Dispatcher, int]] = set()
            self.use_threads(threads)
            self._warm_up(train_samples, optimiser, None, None, None)
        _models.add(self)

    @property
    def state(self) -> Any:
        """The rule's, for the hidden layers."""
        return self.hidden.state

    @property
    def until_refresh(self) -> int | None:
        """Samples until the hidden layers' next refresh; None: there is none."""
        return self.hidden.until_refresh

    @until_refresh.setter
    def until_refresh(self, samples: int | None) -> None:
        self.hidden.until_refresh = samples

    def _warm_up(self, kernel: Dispatcher, *further: Any) -> None:
        """Compile a kernel, or load it from disk, on no samples."""
        form = (kernel, *(value is None for value in further))
        if not self._is_compiled or form in self._warm:
            return
        features = int(self.network.sizes[0])
        with compile_together(), Team(1) as team:
            for dtype in (np.uint8, np.float32):
                nothing = make_batch(
                    np.zeros((0, features), dtype),
                    np.zeros(0, np.int32),
                    np.zeros(0, np.int64),
                    identity_transform(features),
                )
            tallies = self._start_tallies()
            self._share(kernel, nothing, create_queue(), np.uint64(0), tallies, [further], team)
        self._warm.add(form)

    def use_threads(self, threads: int) -> None:
        """From now on train with so many threads; at least 1, more than cores are allowed.

        They train on the same weights at the same time, without locks, and share the rows of a
        prediction. Waits for a call that is at work.
        """
        with self._busy:
            self.threads = threads
            self._make_workspaces()

    def _make_workspaces(self) -> None:
        """Room for each thread; what a call left that failed goes."""
        threads = self.threads
        self._states = self.hidden.share_state(threads)
        self._outputs = [None] * threads
        if self.outputs:
            selects_values, view = self.outputs.rule.computes_preactivations, self.outputs.network
            states = self.outputs.share_state(threads)
            self._outputs = [Outputs(state, selects_values, view) for state in states]
        self.workspaces = [create_workspace(self.network) for _ in range(threads)]
        self._are_clean = True

    def _start_tallies(self) -> list[Tally]:
        return [create_tally() for _ in range(self.threads)]

    def _call(self, work: Callable[[Team], Result]) -> Result:
        """Do `work` with the model's threads, one call at a time.

        All of them have ended when this comes back, by whatever exception (Ctrl-C among them).

        Raises
        ------
        UserError
            The model is a copy, made by a fork while another thread refreshed its rule's state.
        """

        def run() -> Result:
            with self._busy, compile_together():
                if self._is_half_refreshed:
                    raise UserError(
                        "this process was forked while another thread trained the model: its "
                        "hash tables are half made; fork before training or after it"
                    )
                if not self._are_clean:
                    self._make_workspaces()
                self._are_clean = False
                with Team(self.threads) as team:
                    result = work(team)
                self._are_clean = True
                return result

        self._stopped = False
        return run_undisturbed(run, self._stop)

    def _stop(self) -> None:
        """Let threads that are at work end with the samples that they have."""
        self._stopped = True
        self._queue[0] = NO_MORE

    def train(self, batch: Batch, key: np.uint64, clock: np.ndarray | None = None) -> Tally:
        """Train once on each row; returns the sums over them.

        One thread takes the samples in order. With more, each takes the next when it is done with
        one; all meet where the rule refreshes its state, and no thread trains meanwhile, but for
        refreshes that `Rule.refreshes_meanwhile`. `key` seeds the rule's random draws; a sample's
        draws depend on it and on the sample's number only.

        After Ctrl-C the model is that of the samples until then, though not all are counted.

        Parameters
        ----------
        clock
            Time by stage is added to it (`lsh_dl.engine.clock`): one thread only.
        """

        self._require_fit(batch)

        def work(team: Team) -> Tally:
            tallies = self._start_tallies()
            start, samples = 0, len(batch.numbers)
            self._warm_up(train_samples, self.optimiser, clock, None, None)
            while True:
                dues, stop = self._plan_refreshes(samples - start)
                part = slice_batch(batch, start, start + stop)
                optimiser = self.optimiser
                if optimiser.adam:
                    optimiser = optimiser._replace(steps=self.seen)
                queue = self._start_queue()
                relays = self._create_relays(queue, stop, dues)
                further = [(optimiser, clock, *own) for own in relays]
                self._share(train_samples, part, queue, key, tallies, further, team)
                if not self._stopped:
                    self.seen += stop
                    self._refresh(part, tallies[0].work, team, dues, relays[0])
                start += stop
                if start == samples or self._stopped:
                    return sum_tallies(tallies)

        return self._call(work)

    def _plan_refreshes(self, samples: int) -> tuple[list[list[int]], int]:
        """Each selector's refreshes, and until where to train; see `Selector.plan_refreshes`."""
        meanwhile = self.threads > 1 and self._is_compiled
        plans = [
            selector.plan_refreshes(self.seen, samples, meanwhile) for selector in self._selectors
        ]
        stop = min(stop for _, stop in plans)
        return [[due for due in dues if due <= stop] for dues, _ in plans], stop

    def _create_relays(
        self, queue: np.ndarray, rows: int, dues: Sequence[Sequence[int]]
    ) -> list[tuple[Relay | None, Relay | None]]:
        """Of hidden layers and of outputs, for each thread; None where nothing is renewed."""
        if not any(due < rows for own in dues for due in own):  # but at the end, where all meet
            return [(None, None)] * self.threads
        parts = self._count_parts(rows)

        def create(parts: int, queue: np.ndarray, rows: int) -> list[tuple]:
            relays: list[list] = [
                selector.create_relays(parts, queue, rows, own)
                for selector, own in zip(self._selectors, dues, strict=True)
            ]
            return list(zip(*relays, *([] if self.outputs else [[None] * parts]), strict=True))

        self._warm_up(train_samples, self.optimiser, None, *create(1, create_queue(), 0)[0])
        return create(parts, queue, rows)

    def _refresh(
        self,
        part: Batch,
        work: np.ndarray,
        team: Team,
        dues: Sequence[Sequence[int]],
        relays: Sequence[Relay | None],
    ) -> None:
        """Refresh what was due in `part` and was not done meanwhile."""
        self._is_refreshing = True
        for selector, own, relay in zip(self._selectors, dues, relays, strict=False):
            done = int(relay.ended[:, 0].min()) if relay else 0
            refreshed = selector.refresh(self.seen, part, work, team, len(own), done)
            if refreshed and selector is self.hidden:
                for index, order in self.rule.regroup(self.state, self.network):
                    permute_nodes(self.network, self.optimiser, index, order)
        self._is_refreshing = False

    def predict(self, batch: Batch, key: np.uint64) -> tuple[np.ndarray, Tally]:
        """Class probabilities, float32 (samples, classes), and the sums of the work done.

        The same whatever the number of threads. Where outputs are selected, that of all others
        is 0; where none was selected, all are 1 / classes.
        """
        probabilities = np.empty((len(batch.numbers), int(self.network.sizes[-1])), np.float32)
        return probabilities, self._read(batch, key, probabilities, np.empty((0, 0), np.int32))

    def rank(self, batch: Batch, key: np.uint64, count: int) -> tuple[np.ndarray, Tally]:
        """The most probable classes, best first, and the sums of the work done.

        int32 (samples, at most `count`); -1 where fewer outputs were selected. Takes no room for
        all classes' probabilities.
        """
        ranked = np.empty((len(batch.numbers), min(count, int(self.network.sizes[-1]))), np.int32)
        return ranked, self._read(batch, key, np.empty((0, 0), np.float32), ranked)

    def _read(
        self, batch: Batch, key: np.uint64, probabilities: np.ndarray, ranked: np.ndarray
    ) -> Tally:
        """Fill what has rows, a line a sample."""
        self._require_fit(batch)

        def work(team: Team) -> Tally:
            tallies = self._start_tallies()
            self._warm_up(read_samples, probabilities, ranked)
            further = [(probabilities, ranked)] * self.threads
            self._share(read_samples, batch, self._start_queue(), key, tallies, further, team)
            return sum_tallies(tallies)

        return self._call(work)

    def _require_fit(self, batch: Batch) -> None:
        """Raise a ValueError where a kernel would read or write beyond its arrays."""
        inputs, classes = int(self.network.sizes[0]), int(self.network.sizes[-1])
        for what, found, stop in (
            ("inputs", batch.ids[batch.ends[0] : batch.ends[-1]], inputs + 1),
            ("labels", batch.labels, classes),
        ):
            if found.size and (found.min() < 0 or found.max() >= stop):
                raise ValueError(
                    f"{what} of samples are numbered {found.min()} to {found.max()}, but the "
                    f"network has {inputs} inputs and {classes} classes"
                )

    def _start_queue(self) -> np.ndarray:
        """Of rows that a kernel takes; `_stop` ends it."""
        self._queue = queue = create_queue()
        if self._stopped:
            queue[0] = NO_MORE
        return queue

    def _count_parts(self, samples: int) -> int:
        """Threads that work on so many samples."""
        return max(1, min(self.threads, samples))

    def _share(
        self,
        kernel: Dispatcher,
        batch: Batch,
        queue: np.ndarray,
        key: np.uint64,
        tallies: Sequence[Tally],
        further: Sequence[Sequence[Any]],
        team: Team,
    ) -> None:
        """Run a kernel in every thread until the queue has no more samples of the batch.

        `further` are a thread's last arguments.
        """
        selects_values = self.rule.computes_preactivations
        run = kernel if self._is_compiled else kernel.py_func

        def take_rows(thread: int) -> None:
            try:
                run(
                    self._states[thread],
                    selects_values,
                    self.network,
                    self._outputs[thread],
                    batch,
                    queue,
                    key,
                    self.workspaces[thread],
                    tallies[thread],
                    *further[thread],
                )
            except BaseException:
                queue[0] = NO_MORE  # for the others
                raise

        try:
            team.run(take_rows, self._count_parts(len(batch.numbers)))
        except SelectionError as error:
            if not self._is_compiled:
                raise
            rules = " or ".join(sorted({s.name for s in self._selectors}))
            raise UserError(f"{rules}: {error}; run `lsh-dl rules check` on the rule") from None

    def named_arrays(self, histories: bool = True) -> dict[str, np.ndarray]:
        """All that training changes but for the counters; views, not copies.

        Without `histories` the optimiser's are left out: enough to predict.
        """
        named = dict(name_arrays(self.state, "state"))
        if self.outputs:
            named |= name_arrays(self.outputs.state, "outputs")
        named["weights"] = self.network.weights
        if histories:
            named |= name_arrays(self.optimiser, "optimiser")
        return named

    def __reduce__(self) -> tuple:
        """Pickle and copy by the arrays' contents: kernels and places in memory are made anew."""
        sizes = self.network.sizes.tolist()
        settings = settings_of(self.optimiser)
        arrays, linear = self.named_arrays(), self.network.linear
        return restore_model, (
            *(sizes, settings, self.rule, arrays, self.counters, self.threads),
            linear,
        )

    @property
    def counters(self) -> Counters:
        """Where training stands."""
        return Counters(self.seen, *(selector.until_refresh for selector in self._selectors))

    def is_finite(self) -> bool:
        """False once training has diverged: a NaN in a sample's outputs never leaves the biases."""
        biases = layer_weights(self.network, len(self.network.strides) - 1)[
            :, self.network.sizes[-2]
        ]
        return bool(np.isfinite(biases).all())


#: All models of this process.
_models: WeakSet[SparseModel] = WeakSet()


def _renew_locks() -> None:
    """In a child that was forked: threads that held the locks are not there."""
    for model in list(_models):
        if model._busy.locked():
            model._busy, model._are_clean = Lock(), False
            model._is_half_refreshed |= model._is_refreshing


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def count_numbers(sizes: Sequence[int], is_sampled: bool) -> int:
    """Length of the weights of a network (`lsh_dl.engine.network.Network`), whatever the size."""
    hidden = sum(row_length(inputs) * nodes for inputs, nodes in pairwise(sizes[:-1]))
    inputs, classes = sizes[-2:]
    outputs = classes * row_length(inputs) if is_sampled else (inputs + 1) * padded(classes)
    return hidden + outputs


def restore_model(
    sizes: Sequence[int],
    optimiser: OptimiserSettings,
    rule: Rule,
    arrays: Mapping[str, np.ndarray],
    counters: Counters,
    threads: int = 1,
    linear: bool = False,
) -> SparseModel:
    """A model with the contents that another had; it goes on as that one would.

    Parameters
    ----------
    sizes
        Inputs, widths of the hidden layers, classes.
    optimiser
        What its optimiser was created with.
    arrays
        What `SparseModel.named_arrays` gave; without histories the optimiser starts anew.
    counters
        Those that it had.
    threads
        See `SparseModel.use_threads`.
    linear
        See `Network`.

    Raises
    ------
    UserError
        `arrays` are not those of such a model.
    """
    is_sampled, weights = rule.for_outputs() is not None, arrays.get("weights")
    # Before any memory is taken.
    if weights is None or weights.shape != (count_numbers(sizes, is_sampled),):
        raise UserError(f"weights are not those of a network of sizes {sizes}")
    network = empty_network(sizes, is_sampled, linear)
    network.weights[:] = weights
    model = SparseModel(network, create_optimiser(network, *optimiser), rule, threads)
    fill_arrays(model.state, "state", arrays)
    if model.outputs:
        fill_arrays(model.outputs.state, "outputs", arrays)
    for name, selector in (("state", model.hidden), ("outputs", model.outputs)):
        try:
            if selector:
                selector.rule.check_state(selector.state, selector.network)
        except ValueError as error:
            raise UserError(f"{name}: {error}") from None
    if any(name.startswith("optimiser.") for name in arrays):
        fill_arrays(model.optimiser, "optimiser", arrays)
    model.seen, model.until_refresh = counters.seen, counters.until_refresh
    if model.outputs:
        model.outputs.until_refresh = counters.outputs_until_refresh
    return model
