"""One network under one selection rule: train on batches, predict batches."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numba.core.dispatcher import Dispatcher

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.preprocessing import identity_transform
from lsh_dl.engine.batch import Batch, make_batch, slice_batch
from lsh_dl.engine.compiled import compile_once
from lsh_dl.engine.dispatch import register
from lsh_dl.engine.loop import predict_samples, rank_samples, train_samples
from lsh_dl.engine.network import Network, empty_network, layer_weights, view_outputs
from lsh_dl.engine.optimiser import Optimiser, create_optimiser
from lsh_dl.engine.outputs import Outputs
from lsh_dl.engine.reorder import permute_nodes
from lsh_dl.engine.threads import Team, create_queue
from lsh_dl.engine.workspace import Tally, create_tally, create_workspace, sum_tallies
from lsh_dl.rules.base import Rule
from lsh_dl.training.arrays import fill_arrays, name_arrays


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
        Of the rule's `select`.
    """

    def __init__(self, rule: Rule, network: Network):
        self.rule, self.network = rule, network
        self.state = rule.start(network)
        self.until_refresh = rule.refresh_interval(0, network)
        select = type(rule).select
        self.name = f"{select.__module__}-{type(self.state).__name__}"
        self.is_compiled = register(self.state, select, type(rule).follow)

    def share_state(self, threads: int) -> list[Any]:
        """The state for each of so many threads."""
        return [self.state, *(self.rule.for_thread(self.state) for _ in range(threads - 1))]

    def refresh(self, seen: int, recent: Batch, work: np.ndarray, team: Team) -> bool:
        """Count the `recent` samples, up to `seen`; refresh the state if that is due."""
        if self.until_refresh is None:
            return False
        self.until_refresh -= len(recent.numbers)
        if self.until_refresh > 0:
            return False
        self.rule.refresh(self.state, self.network, recent, work, team)
        self.until_refresh = self.rule.refresh_interval(seen, self.network)
        return True


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
        self.hidden, self.outputs = Selector(rule, network), None
        of_outputs = rule.for_outputs()
        if network.sampled != (of_outputs is not None):
            raise ValueError("network.sampled: True if the rule selects outputs, else False")
        if of_outputs is not None:
            self.outputs = Selector(of_outputs, view_outputs(network))
        self._selectors = [self.hidden, *([self.outputs] if self.outputs else [])]
        self.seen = 0
        self._busy = Lock()  # the workspaces serve one call at a time
        self._is_compiled = all(selector.is_compiled for selector in self._selectors)
        self._warm: set[Dispatcher] = set()
        self.use_threads(threads)
        self._warm_up(train_samples, optimiser)

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

    def _warm_up(self, kernel: Dispatcher, further: Any) -> None:
        """Compile a kernel, or load it from disk, on no samples."""
        if not self._is_compiled or kernel in self._warm:
            return
        tallies = [create_tally() for _ in self._states]

        def run() -> None:
            features = int(self.network.sizes[0])
            with Team(1) as team:
                for dtype in (np.uint8, np.float32):
                    nothing = make_batch(
                        np.zeros((0, features), dtype),
                        np.zeros(0, np.int32),
                        np.zeros(0, np.int64),
                        identity_transform(features),
                    )
                self._share(kernel, nothing, np.uint64(0), tallies, further, team)

        names = (selector.name for selector in self._selectors)
        compile_once("-".join([kernel.__name__, *names]), run)
        self._warm.add(kernel)

    def use_threads(self, threads: int) -> None:
        """From now on train with so many threads; at least 1, more than cores are allowed.

        They train on the same weights at the same time, without locks, and share the rows of a
        prediction.
        """
        self.threads = threads
        self._states = self.hidden.share_state(threads)
        self._outputs = [None] * threads
        if self.outputs:
            selects_values, view = self.outputs.rule.computes_preactivations, self.outputs.network
            states = self.outputs.share_state(threads)
            self._outputs = [Outputs(state, selects_values, view) for state in states]
        self.workspaces = [create_workspace(self.network) for _ in self._states]

    def train(self, batch: Batch, key: np.uint64) -> Tally:
        """Train once on each row; returns the sums over them.

        One thread takes the samples in order. With more, each takes the next when it is done with
        one; all meet where the rule refreshes its state, and no thread trains meanwhile. `key`
        seeds the rule's random draws; a sample's draws depend on it and on the sample's number
        only.
        """
        tallies = [create_tally() for _ in self._states]
        start, samples = 0, len(batch.numbers)
        with self._busy, Team(self.threads) as team:
            while True:
                due = [selector.until_refresh for selector in self._selectors]
                stop = min([samples, *(start + until for until in due if until is not None)])
                part = slice_batch(batch, start, stop)
                self._train_part(part, key, tallies, team)
                self.seen += stop - start
                self._refresh(part, tallies[0].work, team)
                start = stop
                if start == samples:
                    return sum_tallies(tallies)

    def _train_part(
        self, part: Batch, key: np.uint64, tallies: Sequence[Tally], team: Team
    ) -> None:
        """Train on rows between which nothing is refreshed."""
        self._share(train_samples, part, key, tallies, self.optimiser, team)

    def _refresh(self, part: Batch, work: np.ndarray, team: Team) -> None:
        """Refresh what is due after `part`."""
        for selector in self._selectors:
            if selector.refresh(self.seen, part, work, team) and selector is self.hidden:
                for index, order in self.rule.regroup(self.state, self.network):
                    permute_nodes(self.network, self.optimiser, index, order)

    def predict(self, batch: Batch, key: np.uint64) -> tuple[np.ndarray, Tally]:
        """Class probabilities, float32 (samples, classes), and the sums of the work done.

        The same whatever the number of threads. Where outputs are selected, that of all others
        is 0.
        """
        probabilities = np.empty((len(batch.numbers), int(self.network.sizes[-1])), np.float32)
        return probabilities, self._read(predict_samples, batch, key, probabilities)

    def rank(self, batch: Batch, key: np.uint64, count: int) -> tuple[np.ndarray, Tally]:
        """The most probable classes, best first, and the sums of the work done.

        int32 (samples, at most `count`); -1 where fewer outputs were selected. Takes no room for
        all classes' probabilities.
        """
        ranked = np.empty((len(batch.numbers), min(count, int(self.network.sizes[-1]))), np.int32)
        return ranked, self._read(rank_samples, batch, key, ranked)

    def _read(self, kernel: Dispatcher, batch: Batch, key: np.uint64, answers: np.ndarray) -> Tally:
        """Fill `answers`, a line a sample."""
        tallies = [create_tally() for _ in self._states]
        with self._busy, Team(self.threads) as team:
            self._warm_up(kernel, answers[:0])
            self._share(kernel, batch, key, tallies, answers, team)
        return sum_tallies(tallies)

    def _share(
        self,
        kernel: Dispatcher,
        batch: Batch,
        key: np.uint64,
        tallies: Sequence[Tally],
        further: Any,
        team: Team,
    ) -> None:
        """Run a kernel in every thread until the batch has no more samples."""
        queue, selects_values = create_queue(), self.rule.computes_preactivations
        run = (
            kernel if all(selector.is_compiled for selector in self._selectors) else kernel.py_func
        )

        def take_rows(thread: int) -> None:
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
                further,
            )

        team.run(take_rows, max(1, min(self.threads, len(batch.numbers))))

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
        optimiser = self.optimiser
        settings = (optimiser.learning_rate, optimiser.momentum, optimiser.adagrad)
        arrays = self.named_arrays()
        return restore_model, (sizes, settings, self.rule, arrays, self.counters, self.threads)

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


def restore_model(
    sizes: Sequence[int],
    optimiser: tuple[float, float, bool],
    rule: Rule,
    arrays: Mapping[str, np.ndarray],
    counters: Counters,
    threads: int = 1,
) -> SparseModel:
    """A model with the contents that another had; it goes on as that one would.

    Parameters
    ----------
    sizes
        Inputs, widths of the hidden layers, classes.
    optimiser
        Learning rate, momentum, Adagrad.
    arrays
        What `SparseModel.named_arrays` gave; without histories the optimiser starts anew.
    counters
        Those that it had.
    threads
        See `SparseModel.use_threads`.

    Raises
    ------
    UserError
        `arrays` are not those of such a model.
    """
    network = empty_network(sizes, rule.for_outputs() is not None)
    weights = arrays.get("weights")
    if weights is None or weights.shape != network.weights.shape:
        raise UserError(f"weights are not those of a network of sizes {sizes}")
    network.weights[:] = weights
    model = SparseModel(network, create_optimiser(network, *optimiser), rule, threads)
    fill_arrays(model.state, "state", arrays)
    if model.outputs:
        fill_arrays(model.outputs.state, "outputs", arrays)
    if any(name.startswith("optimiser.") for name in arrays):
        fill_arrays(model.optimiser, "optimiser", arrays)
    model.seen, model.until_refresh = counters.seen, counters.until_refresh
    if model.outputs:
        model.outputs.until_refresh = counters.outputs_until_refresh
    return model
