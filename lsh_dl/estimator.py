"""The networks of this package as a scikit-learn estimator."""

import copy
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from joblib import effective_n_jobs

# from joblib import effective_n_jobs
from pydantic import Field
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lsh_dl.common.errors import UserError
from lsh_dl.common.validation import validate
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.engine.workspace import Tally, add_tally, create_tally
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Fraction, Training, Width
from lsh_dl.training.epochs import (
    build_model,
    draw_key,
    draw_order,
    evaluate,
    predict_all,
    train_epoch,
)
from lsh_dl.training.loader import Inputs, make_inputs


class _Parameters(Training):
    """What the estimator's own parameters may be; `rule_settings` are checked by the rule."""

    hidden_layer_sizes: Annotated[tuple[Width, ...], Field(min_length=1)]
    active_fraction: Fraction
    max_iter: int = Field(ge=1)
    tol: float = Field(ge=0)
    validation_fraction: float = Field(gt=0, lt=1)
    n_iter_no_change: int = Field(ge=1)


#: What is taken as it is; other numbers become float32.
_ACCEPTED = {"accept_sparse": "csr", "dtype": (np.float32, np.uint8)}

#: Parameters that a network is made with: they cannot change between one `fit` and the next.
_STRUCTURE = (
    "hidden_layer_sizes",
    "rule",
    "active_fraction",
    "rule_settings",
    "adagrad",
    "momentum",
)


class SparseMLPClassifier(ClassifierMixin, BaseEstimator):
    """A multi-layer perceptron trained and used on a few per cent of its nodes.

    For each sample, a selection rule chooses the active nodes of every hidden layer (ReLU); only
    their weights, and only those of non-zero inputs, are read and updated, one sample at a time.
    The loop is that of the experiments (`lsh_dl.training.run`): the same data, order and seed give
    the same network. With the rule `lsh` this is the method of Spring and Shrivastava, *Scalable
    and Sustainable Deep Learning via Randomized Hashing* (KDD 2017).

    Inputs are taken as they are: scale them (`MaxAbsScaler` keeps zeros, and with them speed).

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(1000, 1000)
        Nodes of each hidden layer.
    rule : str or class, default="lsh"
        How active nodes are chosen: "lsh", "wta", "adaptive", "dropout", "standard" (all nodes)
        or a rule of your own: its name if it stands in lsh_dl/rules, its class (a subclass of
        `lsh_dl.rules.base.Rule`), the path of its file or `package.module:Class`.
    active_fraction : float, default=0.05
        Wanted share of active nodes in every hidden layer, in (0, 1].
    rule_settings : dict, default=None
        Settings of the rule, such as `{"K": 6, "L": 10}`; configs/README.md lists them.
    learning_rate : float, default=0.01
        Step size of SGD or Adagrad.
    adagrad : bool, default=True
        Scale every weight's step by its gradient history.
    momentum : float, default=0.0
        Decay of the velocity, in [0, 1); 0 switches it off.
    max_iter : int, default=20
        Most epochs (passes over the samples).
    shuffle : bool, default=True
        Another order of the samples in each epoch.
    tol : float, default=1e-4
        An epoch whose training loss (validation accuracy with `early_stopping`) is not better by
        this much counts as no improvement.
    n_iter_no_change : int, default=5
        Epochs without improvement after which training stops.
    early_stopping : bool, default=False
        Hold out a part of the samples, stop by the accuracy on it and keep the best network.
    validation_fraction : float, default=0.1
        Share that is held out, in (0, 1).
    n_jobs : int, default=None
        Threads that train at the same time on the same weights, without locks (Hogwild), and that
        predict. None is 1, -1 all cores. With more than one, training is not repeatable.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order of samples and the rule's draws.
    warm_start : bool, default=False
        Let `fit` go on from the network of the last `fit`.
    verbose : bool, default=False
        Print a line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_features_in_ : int
        Inputs.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they are strings.
    n_iter_ : int
        Epochs, or calls of `partial_fit`, so far.
    loss_curve_ : list of float
        Mean training loss (cross-entropy, nats) of each of them.
    loss_ : float
        The last of these.
    validation_scores_ : list of float or None
        Accuracy on the part held out, with `early_stopping`.
    best_validation_score_ : float or None
        The best of these.
    multiplications_ : float
        Mean per training sample: selecting, forward, backward, updating, upkeep of hash tables;
        without the optimiser's own.
    active_fraction_ : float
        Measured share of active nodes in training.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The dense network, in mini-batches.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from lsh_dl import SparseMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = SparseMLPClassifier((300,), active_fraction=0.1, random_state=0)
    >>> clf.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (1000, 1000),
        *,
        rule: str | type[Rule] = "lsh",
        active_fraction: float = 0.05,
        rule_settings: Mapping[str, Any] | None = None,
        learning_rate: float = 0.01,
        adagrad: bool = True,
        momentum: float = 0.0,
        max_iter: int = 20,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: bool = False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rule = rule
        self.active_fraction = active_fraction
        self.rule_settings = rule_settings
        self.learning_rate = learning_rate
        self.adagrad = adagrad
        self.momentum = momentum
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> "SparseMLPClassifier":
        """Train on samples until the loss stands still, `max_iter` epochs at most.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; uint8 and float32 are used as they are, others become float32. A
            sparse matrix is never made dense.
        y : array-like of shape (n_samples,)
            Labels: numbers, strings or booleans.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter, the samples or the labels are not usable, or training diverged.
        """
        parameters = self._check_parameters()
        again = self.warm_start and hasattr(self, "_model")
        X, y = self._validate(X, y, reset=not again)
        if again:
            self._require_structure()
            self._require_known(y, "the labels of the last fit")
        else:
            self._start(parameters, np.unique(y))
        labels = np.searchsorted(self.classes_, y).astype(np.int32)
        train, held_out = np.arange(len(y)), None
        if self.early_stopping:
            train, part = self._split(labels)
            held_out = make_inputs(X[part], labels[part])
        self._train(parameters, make_inputs(X, labels), train, held_out)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> "SparseMLPClassifier":
        """Train one pass over these samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `fit`.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            See `fit`; or a label is none of `classes`.
        """
        first = not hasattr(self, "_model")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        parameters = self._check_parameters()
        X, y = self._validate(X, y, reset=first)
        if first:
            self._start(parameters, np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes} are not those of the first call: {self.classes_}")
        self._require_known(y, "in `classes`")
        labels = np.searchsorted(self.classes_, y).astype(np.int32)
        self._train_once(parameters, make_inputs(X, labels), np.arange(len(y)))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities, with the active nodes that the rule selects at inference.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Columns in the order of `classes_`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, **_ACCEPTED, reset=False)
        inputs = make_inputs(X, np.zeros(X.shape[0], np.int32))
        self._set_threads()
        chunks = predict_all(self._model, inputs, draw_key(self._seed, 0))
        return np.concatenate([probabilities for _, probabilities, _ in chunks])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample: ndarray of shape (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, np.ndarray]:
        """Samples and labels to learn from, checked; `reset`: the number of features is new."""
        X, y = validate_data(self, X, y, **_ACCEPTED, reset=reset)
        check_classification_targets(y)
        return X, y

    def _check_parameters(self) -> _Parameters:
        sizes = self.hidden_layer_sizes
        given = self.get_params()
        raw = {name: given[name] for name in _Parameters.model_fields if name in given}
        raw["hidden_layer_sizes"] = tuple(sizes) if np.iterable(sizes) else (sizes,)
        # Numbers of NumPy's, as searches over parameters draw, are numbers too.
        raw = {name: _to_python(value) for name, value in raw.items()}
        try:
            return validate(_Parameters, raw, "SparseMLPClassifier")
        except UserError as error:
            raise ValueError(str(error)) from None

    def _start(self, parameters: _Parameters, classes: np.ndarray) -> None:
        """A new network, with nothing learned."""
        state = self.random_state
        is_seed = isinstance(state, int | np.integer)
        seed = int(state) if is_seed else check_random_state(state).randint(2**31 - 1)
        if not 0 <= seed < 2**63:
            raise ValueError(f"random_state: at least 0 and below 2**63 is needed (got {seed})")
        sizes = [self.n_features_in_, *parameters.hidden_layer_sizes, len(classes)]
        try:
            self._model = build_model(
                sizes,
                self.rule,
                dict(self.rule_settings or {}),
                parameters.active_fraction,
                parameters,
                seed,
            )
        except UserError as error:
            raise ValueError(str(error)) from None
        self._seed = seed
        self._structure = self._describe_structure()
        self._sums, self._samples = create_tally(), 0
        self.classes_ = classes
        self.n_iter_ = 0
        self.loss_curve_ = []
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = None

    def _describe_structure(self) -> dict[str, str]:
        return {name: repr(getattr(self, name)) for name in _STRUCTURE}

    def _require_structure(self) -> None:
        changed = [n for n, v in self._describe_structure().items() if v != self._structure[n]]
        if changed:
            raise ValueError(
                f"warm_start goes on with the network of the last fit, but {', '.join(changed)} "
                "changed; set them back, or warm_start=False"
            )

    def _require_known(self, y: np.ndarray, what: str) -> None:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has labels {unknown} that are not {what}: {self.classes_}")

    def _split(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the samples to train on and to hold out, every class in both if possible."""
        samples, counts = len(labels), np.bincount(labels)
        if samples < 2:
            raise ValueError(f"early_stopping needs two samples at least; n_samples={samples}")
        held_out = min(max(1, round(self.validation_fraction * samples)), samples - 1)
        smaller = min(held_out, samples - held_out)
        divisible = counts[counts > 0].min() > 1 and np.count_nonzero(counts) <= smaller
        train, part = train_test_split(
            np.arange(samples),
            test_size=held_out,
            random_state=self._seed % 2**32,
            stratify=labels if divisible else None,
        )
        return np.sort(train), np.sort(part)

    def _train(
        self,
        parameters: _Parameters,
        inputs: Inputs,
        numbers: np.ndarray,
        held_out: Inputs | None,
    ) -> None:
        """Epochs until there is no improvement."""
        best, best_model, waited = -np.inf, self._model, 0
        for _ in range(parameters.max_iter):
            self._train_once(parameters, inputs, numbers)
            measure = -self.loss_
            if held_out is not None:
                key = draw_key(self._seed, self.n_iter_)
                measure = evaluate(self._model, held_out, key).accuracy
                self.validation_scores_.append(measure)
            if self.verbose:
                kept = "" if held_out is None else f", validation accuracy {measure:.4f}"
                print(f"epoch {self.n_iter_}: loss {self.loss_:.4f}{kept}", flush=True)
            waited = 0 if measure > best + parameters.tol else waited + 1
            if measure > best:
                best = measure
                if held_out is not None:
                    self.best_validation_score_ = best
                    best_model = copy.deepcopy(self._model)
            if waited >= parameters.n_iter_no_change:
                break
        if held_out is not None:
            self._model = best_model

    def _train_once(self, parameters: _Parameters, inputs: Inputs, numbers: np.ndarray) -> None:
        """One epoch on the samples at `numbers`."""
        self._set_threads()
        rate = np.float32(parameters.learning_rate)
        self._model.optimiser = self._model.optimiser._replace(learning_rate=rate)
        epoch = self.n_iter_ + 1
        order = numbers
        if self.shuffle:
            order = numbers[draw_order(self._seed, epoch, len(numbers))]
        learned = train_epoch(self._model, inputs, order, draw_key(self._seed, epoch))
        if not self._model.is_finite():
            raise ValueError(
                f"training diverged in epoch {epoch}: scale the samples or lower learning_rate "
                f"({self.learning_rate})"
            )
        self._count(learned, len(order))
        self.n_iter_ = epoch
        self.loss_ = float(learned.loss[0] / len(order))
        self.loss_curve_.append(self.loss_)

    def _set_threads(self) -> None:
        threads = effective_n_jobs(self.n_jobs)
        if threads != self._model.threads:
            self._model.use_threads(threads)

    def _count(self, learned: Tally, samples: int) -> None:
        add_tally(self._sums, learned)
        self._samples += samples
        hidden = int(self._model.network.sizes[1:-1].sum())
        self.multiplications_ = float(self._sums.work[:OPTIMISER].sum() / self._samples)
        self.active_fraction_ = float(self._sums.active[0] / (self._samples * hidden))


def _to_python(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_to_python, value))
    return value.item() if isinstance(value, np.generic) else value
