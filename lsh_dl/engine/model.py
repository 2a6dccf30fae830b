"""One network under one selection rule: train on rows, predict rows."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

from lsh_dl.engine.arrays import fill_arrays, name_arrays
from lsh_dl.engine.compiled import compile_once
from lsh_dl.engine.loop import Rows, predict_samples, train_samples
from lsh_dl.engine.network import Network, empty_network
from lsh_dl.engine.optimiser import Optimiser, create_optimiser
from lsh_dl.engine.regroup import permute_nodes
from lsh_dl.engine.rows import make_rows, slice_rows
from lsh_dl.engine.selection import register
from lsh_dl.engine.threads import Team, create_queue
from lsh_dl.engine.workspace import Tally, create_tally, create_workspace, sum_tallies
from lsh_dl.errors import UserError
from lsh_dl.reading import read_plainly
from lsh_dl.rules.base import Rule


class SparseModel:
    """A network, its optimiser and the state of its selection rule.

    A rule whose `select` is compiled gets a compiled loop, another the same loop in Python, whose
    threads take turns.

    Parameters
    ----------
    threads
        See `use_threads`.

    Attributes
    ----------
    seen
        Samples trained on.
    until_refresh
        Samples until the rule's next refresh; None: there is none.
    """

    def __init__(self, network: Network, optimiser: Optimiser, rule: Rule, threads: int = 1):
        self.network = network
        self.optimiser = optimiser
        self.rule = rule
        rule.check_optimiser(optimiser)
        self.state = rule.start(network)
        self.seen = 0
        self.until_refresh = rule.refresh_interval(0, network)
        self._busy = Lock()  # the workspaces serve one call at a time
        self.use_threads(threads)
        select = type(rule).select
        if register(self.state, select, type(rule).follow):
            self._train, self._predict = train_samples, predict_samples
            compile_once(f"{select.__module__}-{type(self.state).__name__}", self._warm_up)
        else:
            self._train, self._predict = train_samples.py_func, predict_samples.py_func

    def _warm_up(self) -> None:
        """Compile the kernels, or load them from disk, on no samples."""
        features = int(self.network.sizes[0])
        for dtype in (np.uint8, np.float32):
            nothing = make_rows(
                np.zeros((0, features), dtype),
                np.zeros(0, np.int32),
                np.zeros(0, np.int64),
                read_plainly(features),
            )
        self.train(nothing, np.uint64(0))
        self.predict(nothing, np.uint64(0))

    def use_threads(self, threads: int) -> None:
        """From now on train with so many threads; at least 1, more than cores are allowed.

        They train on the same weights at the same time, without locks, and share the rows of a
        prediction.
        """
        self.threads = threads
        others = [self.rule.for_thread(self.state) for _ in range(threads - 1)]
        self._states = [self.state, *others]
        self.workspaces = [create_workspace(self.network) for _ in self._states]

    def train(self, rows: Rows, key: np.uint64) -> Tally:
        """Train once on each row; returns the sums over them.

        One thread takes the rows in order. With more, each takes the next row when it is done with
        one; all meet where the rule refreshes its state, and no thread trains meanwhile. `key`
        seeds the rule's random draws; a sample's draws depend on it and on the sample's number
        only.
        """
        tallies = [create_tally() for _ in self._states]
        start, samples = 0, len(rows.labels)
        with self._busy, Team(self.threads) as team:
            while True:
                stop = samples
                if self.until_refresh is not None:
                    stop = min(samples, start + self.until_refresh)
                    self.until_refresh -= stop - start
                part = slice_rows(rows, start, stop)
                self._share(self._train, part, key, tallies, self.optimiser, team)
                self.seen += stop - start
                if self.until_refresh == 0:
                    self.rule.refresh(self.state, self.network, part, tallies[0].work, team)
                    for index, order in self.rule.regroup(self.state, self.network):
                        permute_nodes(self.network, self.optimiser, index, order)
                    self.until_refresh = self.rule.refresh_interval(self.seen, self.network)
                start = stop
                if start == samples:
                    return sum_tallies(tallies)

    def predict(self, rows: Rows, key: np.uint64) -> tuple[np.ndarray, Tally]:
        """Class probabilities, float32 (samples, classes), and the sums of the work done.

        The same whatever the number of threads.
        """
        tallies = [create_tally() for _ in self._states]
        probabilities = np.empty((len(rows.labels), int(self.network.sizes[-1])), np.float32)
        with self._busy, Team(self.threads) as team:
            self._share(self._predict, rows, key, tallies, probabilities, team)
        return probabilities, sum_tallies(tallies)

    def _share(
        self,
        kernel: Callable[..., None],
        rows: Rows,
        key: np.uint64,
        tallies: Sequence[Tally],
        further: Any,
        team: Team,
    ) -> None:
        """Run one of the two kernels in every thread until there are no more rows."""
        queue, selects_values = create_queue(), self.rule.computes_preactivations

        def take_rows(thread: int) -> None:
            kernel(
                self._states[thread],
                selects_values,
                self.network,
                rows,
                queue,
                key,
                self.workspaces[thread],
                tallies[thread],
                further,
            )

        team.run(take_rows, max(1, min(self.threads, len(rows.labels))))

    def named_arrays(self, histories: bool = True) -> dict[str, np.ndarray]:
        """All that training changes but for the two counters; views, not copies.

        Without `histories` the optimiser's are left out: enough to predict.
        """
        named = dict(name_arrays(self.state, "state"))
        named["weights"] = self.network.weights
        if histories:
            named |= name_arrays(self.optimiser, "optimiser")
        return named

    def __reduce__(self) -> tuple:
        """Pickle and copy by the arrays' contents: kernels and places in memory are made anew."""
        sizes = self.network.sizes.tolist()
        optimiser = self.optimiser
        settings = (optimiser.learning_rate, optimiser.momentum, optimiser.adagrad)
        counters = (self.seen, self.until_refresh, self.threads)
        return restore_model, (sizes, settings, self.rule, self.named_arrays(), *counters)

    def is_finite(self) -> bool:
        """False once training has diverged: a NaN in a sample's outputs never leaves the biases."""
        return all(np.isfinite(workspace.outputs).all() for workspace in self.workspaces)


def restore_model(
    sizes: Sequence[int],
    optimiser: tuple[float, float, bool],
    rule: Rule,
    arrays: Mapping[str, np.ndarray],
    seen: int,
    until_refresh: int | None,
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
    seen, until_refresh
        The counters of `SparseModel`.
    threads
        See `SparseModel.use_threads`.

    Raises
    ------
    UserError
        `arrays` are not those of such a model.
    """
    network = empty_network(sizes)
    weights = arrays.get("weights")
    if weights is None or weights.shape != network.weights.shape:
        raise UserError(f"weights are not those of a network of sizes {sizes}")
    network.weights[:] = weights
    model = SparseModel(network, create_optimiser(network, *optimiser), rule, threads)
    fill_arrays(model.state, "state", arrays)
    if any(name.startswith("optimiser.") for name in arrays):
        fill_arrays(model.optimiser, "optimiser", arrays)
    model.seen, model.until_refresh = seen, until_refresh
    return model
