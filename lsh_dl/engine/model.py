"""One network under one selection rule: train on rows, predict rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from lsh_dl.engine.arrays import fill_arrays, name_arrays
from lsh_dl.engine.compiled import compile_once
from lsh_dl.engine.loop import Rows, predict_samples, train_samples
from lsh_dl.engine.network import Network, empty_network
from lsh_dl.engine.optimiser import Optimiser, create_optimiser
from lsh_dl.engine.rows import make_rows, slice_rows
from lsh_dl.engine.selection import register
from lsh_dl.engine.workspace import Tally, create_tally, create_workspace
from lsh_dl.errors import UserError
from lsh_dl.rules.base import Rule


class SparseModel:
    """A network, its optimiser and the state of its selection rule.

    A rule whose `select` is compiled gets a compiled loop, another the same loop in Python.

    Attributes
    ----------
    seen
        Samples trained on.
    until_refresh
        Samples until the rule's next refresh; None: there is none.
    """

    def __init__(self, network: Network, optimiser: Optimiser, rule: Rule):
        self.network = network
        self.optimiser = optimiser
        self.rule = rule
        self.state = rule.start(network)
        self.seen = 0
        self.until_refresh = rule.refresh_interval(0)
        self._workspace = create_workspace(network)
        select = type(rule).select
        if register(self.state, select):
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
                np.zeros(features, np.float32),
                np.ones(features, np.float32),
            )
        self.train(nothing, np.uint64(0))
        self.predict(nothing, np.uint64(0))

    def train(self, rows: Rows, key: np.uint64) -> Tally:
        """Train once on each row, in order; returns the sums over them.

        `key` seeds the rule's random draws; a sample's draws depend on it and on the sample's
        number only.
        """
        tally = create_tally()
        start, samples = 0, len(rows.labels)
        while True:
            stop = samples
            if self.until_refresh is not None:
                stop = min(samples, start + self.until_refresh)
                self.until_refresh -= stop - start
            part = slice_rows(rows, start, stop)
            self._train(
                self.state,
                self.rule.computes_preactivations,
                self.network,
                self.optimiser,
                part,
                key,
                self._workspace,
                tally,
            )
            self.seen += stop - start
            if self.until_refresh == 0:
                self.rule.refresh(self.state, self.network, part, tally.work)
                self.until_refresh = self.rule.refresh_interval(self.seen)
            start = stop
            if start == samples:
                return tally

    def predict(self, rows: Rows, key: np.uint64) -> tuple[np.ndarray, Tally]:
        """Class probabilities, float32 (samples, classes), and the sums of the work done."""
        tally = create_tally()
        probabilities = np.empty((len(rows.labels), int(self.network.sizes[-1])), np.float32)
        self._predict(
            self.state,
            self.rule.computes_preactivations,
            self.network,
            rows,
            key,
            self._workspace,
            tally,
            probabilities,
        )
        return probabilities, tally

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
        counters = (self.seen, self.until_refresh)
        return restore_model, (sizes, settings, self.rule, self.named_arrays(), *counters)

    def is_finite(self) -> bool:
        """False once training has diverged: a NaN in a sample's outputs never leaves the biases."""
        return bool(np.isfinite(self._workspace.outputs).all())


def restore_model(
    sizes: Sequence[int],
    optimiser: tuple[float, float, bool],
    rule: Rule,
    arrays: Mapping[str, np.ndarray],
    seen: int,
    until_refresh: int | None,
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
    model = SparseModel(network, create_optimiser(network, *optimiser), rule)
    fill_arrays(model.state, "state", arrays)
    if any(name.startswith("optimiser.") for name in arrays):
        fill_arrays(model.optimiser, "optimiser", arrays)
    model.seen, model.until_refresh = seen, until_refresh
    return model
