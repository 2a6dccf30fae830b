"""The classifier."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_scalar, column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from lsh_dl.common.user_arrays import read_input
from lsh_dl.estimator.base import SparseMLP
from lsh_dl.estimator.checks import ACCEPTED, check_weights, read_training_input
from lsh_dl.estimator.several import SeveralLabels, guess_loss, list_classes, read_several
from lsh_dl.estimator.targets import Weighted
from lsh_dl.rules.base import Rule
from lsh_dl.training.epochs import draw_key
from lsh_dl.training.loader import Inputs, make_inputs, prefetch


class SparseMLPClassifier(ClassifierMixin, SparseMLP):
    """A multi-layer perceptron trained and used on a few per cent of its nodes.

    For each sample, a selection rule chooses the active nodes of every hidden layer (ReLU); only
    their weights, and only those of non-zero inputs, are read and updated, one sample at a time.
    The loop is that of the experiments (`lsh_dl.training.run`): the same data, order and seed give
    the same network. With the rule `lsh` this is the method of Spring and Shrivastava, *Scalable
    and Sustainable Deep Learning via Randomized Hashing* (KDD 2017).

    Samples may have several labels each: `y` is then an indicator matrix or a list of lists of
    labels. The network ranks labels (`rank`); the target of training is uniform over a sample's
    own, the loss that of one softmax over all. `predict` gives the first one, `score` precision
    at 1.

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
    adam : bool, default=False
        Adam, of the weights that a sample touches only (as PyTorch's SparseAdam), in place of
        Adagrad; `momentum` must be 0. A `learning_rate` of 0.001 is usual.
    momentum : float, default=0.0
        Decay of the velocity, in [0, 1); 0 switches it off.
    alpha : float, default=0.0
        L2 penalty: alpha times a weight is added to its gradient whenever a sample touches it;
        biases are left out. As in `MLPClassifier` with batches of one sample, but weights that no
        sample touches do not shrink.
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
        Hold out a part of the samples, stop by the accuracy on it and keep the best network. With
        `warm_start`, the network that is there counts too, measured on the same part.
    validation_fraction : float, default=0.1
        Share that is held out, in (0, 1).
    n_jobs : int, default=None
        Threads that train at the same time on the same weights, without locks (Hogwild), and that
        predict. None is 1 (in a `joblib.parallel_config` too), -1 all cores. With more than one,
        training is not repeatable.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, order of samples and the rule's draws.
    warm_start : bool, default=False
        Let `fit` go on from the network of the last `fit`.
    verbose : bool, default=False
        Print a line per epoch.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of samples, by class; "balanced": in inverse proportion to the
        classes' frequencies (not in `partial_fit`).

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
    t_ : int
        Samples trained on, each as often as it came.
    n_layers_, n_outputs_ : int
        Layers with input and output; nodes of the output layer (one a class).
    coefs_ : list of ndarray of shape (n_in, n_out), float32
        Weights of each layer.
    intercepts_ : list of ndarray of shape (n_out,), float32
        Biases of each layer.
    loss_curve_ : list of float
        Mean training loss (cross-entropy, nats, weighted by sample) of each epoch, without the
        penalty.
    loss_ : float
        The last of these.
    best_loss_ : float
        The least of these.
    validation_scores_ : list of float or None
        Accuracy on the part held out after each epoch with `early_stopping`.
    best_validation_score_ : float or None
        That of the network kept.
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

    _linear = False
    _score_name = "accuracy"

    def __init__(
        self,
        hidden_layer_sizes=(1000, 1000),
        *,
        rule: str | type[Rule] = "lsh",
        active_fraction: float = 0.05,
        rule_settings: Mapping[str, Any] | None = None,
        learning_rate: float = 0.01,
        adagrad: bool = True,
        adam: bool = False,
        momentum: float = 0.0,
        alpha: float = 0.0,
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
        class_weight: Mapping[Any, float] | str | None = None,
    ):
        super().__init__(
            hidden_layer_sizes,
            rule=rule,
            active_fraction=active_fraction,
            rule_settings=rule_settings,
            learning_rate=learning_rate,
            adagrad=adagrad,
            adam=adam,
            momentum=momentum,
            alpha=alpha,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_jobs=n_jobs,
            random_state=random_state,
            warm_start=warm_start,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SparseMLPClassifier":
        """Train on samples until the loss stands still, `max_iter` epochs at most.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite numbers; uint8 and float32 are used as they are, others become float32. A
            sparse matrix is never made dense.
        y : array-like of shape (n_samples,), or of several labels a sample
            Labels: numbers, strings or booleans. Of several labels a sample, an indicator matrix
            (n_samples, n_classes) of 0 and 1, dense or sparse, whose columns are the classes 0, 1,
            ..., or a list of a list of labels for each sample. A sample may have none.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors on the samples' losses, at least 0; one of 0 is as a sample that is not there.
            A weight of 2 is one larger step, not two steps. In `fit` only their ratios matter: they
            are divided by their mean; in `partial_fit` they are taken as they are.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter, the samples or the labels are not usable, or training diverged.

        Warns
        -----
        ConvergenceWarning
            `max_iter` was reached, or the loss is above that of guessing.
        FewActiveNodesWarning
            A hidden layer has fewer than some 50 active nodes.
        """
        parameters = self._check_parameters()
        again = self.warm_start and hasattr(self, "_model")
        if again:
            self._require_structure(parameters)
        else:
            self._forget()
        X, y, weights = self._check_samples(X, y, sample_weight, reset=not again)
        if again:
            known, what = self.classes_, "the labels of the last fit"
        else:
            known, what = list_classes(y), "there"
            self._check_class_weight(known)
        labels = self._number_labels(y, known, what)
        if not again:
            self._start(parameters, len(known))
            self.classes_ = known
        self._fit(parameters, X, labels, self._weigh(labels, weights), again)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "SparseMLPClassifier":
        """Train one pass over these samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `fit`.
        y : array-like of shape (n_samples,), or of several labels a sample
            Labels: see `fit`. An indicator matrix has a column for each of `classes`.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            See `fit`; or a label is none of `classes`; or a parameter that the network is made
            with changed since the first call.
        """
        first = not hasattr(self, "_model")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not for partial_fit, which does not see "
                "all samples; give a dict"
            )
        parameters = self._check_parameters()
        if not first:
            self._require_structure(parameters)
        X, y, weights = self._check_samples(X, y, sample_weight, reset=first)
        known = np.unique(column_or_1d(classes)) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes={classes} are not those of the first call: {self.classes_}")
        labels = self._number_labels(y, known, "in `classes`")
        if first:
            # Twice: numbers that all differ would be warned of as those of a regression.
            check_classification_targets(np.tile(known, 2))
            self._check_class_weight(known)
            self._start(parameters, len(known))
            self.classes_ = known
        self._train_part(parameters, X, labels, self._weigh(labels, weights))
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
        return self._predict_outputs(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample: ndarray of shape (n_samples,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def rank(self, X: Any, k: int = 5) -> np.ndarray:
        """The most probable labels of each sample, best first.

        Takes no room for the probabilities of all classes, and where outputs are selected (setting
        `outputs` of the rule `lsh`) no time for them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `fit`.
        k : int, default=5
            How many, 1 to the number of classes.

        Returns
        -------
        ndarray of shape (n_samples, k), int32
            Places in `classes_`; -1 where fewer outputs were selected.
        """
        check_is_fitted(self)
        check_scalar(k, "k", Integral, min_val=1, max_val=len(self.classes_))
        X = read_input(X, "X")
        X = validate_data(self, X, **ACCEPTED, reset=False)
        inputs, key = make_inputs(X, np.zeros(X.shape[0], np.int32)), draw_key(self._seed, 0)
        self._set_threads(self._check_parameters())
        batches = prefetch(inputs, np.arange(X.shape[0]))
        return np.concatenate([self._model.rank(batch, key, k)[0] for batch in batches])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; of several labels a sample precision at 1: how often the first one is true.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `fit`.
        y : array-like
            Labels: see `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors on the samples.
        """
        several = read_several(y)
        if several is None:
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        labels = self._number_labels(several, self.classes_, "the labels of `fit`")
        first, sample = self.rank(X, 1)[:, 0], np.arange(labels.shape[0])
        # -1, of a sample of which no output was selected, is the place of the last class.
        is_true = labels[sample, np.maximum(first, 0)].astype(bool) & (first >= 0)
        return float(np.average(is_true, weights=sample_weight))

    def _check_samples(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> tuple:
        """Samples, labels and weights; `reset`: the number of features is new."""
        X = read_training_input(X) if reset else read_input(X, "X")
        several = read_several(y)
        if several is None:
            X, y = validate_data(self, X, y, **ACCEPTED, reset=reset)
            check_classification_targets(y)
            return X, y, check_weights(sample_weight, X)
        X = validate_data(self, X, **ACCEPTED, reset=reset)
        check_consistent_length(X, several)
        if self.class_weight is not None:
            raise ValueError("class_weight is for samples of one label each; set it to None")
        return X, several, check_weights(sample_weight, X)

    def _number_labels(self, y: Any, known: np.ndarray, what: str) -> Any:
        """Places in `known`: int32 (n_samples,), or of several labels a CSR matrix."""
        if isinstance(y, SeveralLabels):
            return y.number(known, what)
        self._require_known(y, known, what)
        return np.searchsorted(known, y).astype(np.int32)

    def _require_known(self, y: np.ndarray, known: np.ndarray, what: str) -> None:
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise ValueError(f"y has labels {unknown} that are not {what}: {known}")

    def _check_class_weight(self, classes: np.ndarray) -> None:
        """Refuse weights that are no weights, before anything is trained."""
        given = self.class_weight
        if given is None or (isinstance(given, str) and given == "balanced"):
            return
        if not isinstance(given, Mapping):
            raise ValueError(f'class_weight should be a dict, "balanced" or None (got {given!r})')
        known = set(classes.tolist())
        for label, weight in given.items():
            if not (isinstance(weight, Real) and np.isfinite(weight) and weight >= 0):
                raise ValueError(f"class_weight of {label!r} should be a number >= 0: {weight!r}")
        if not known & set(given):
            raise ValueError(f"class_weight has none of the classes {classes}: {list(given)}")

    def _weigh(self, labels: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """The samples' weights, class weights included."""
        if self.class_weight is None:
            return weights
        self._check_class_weight(self.classes_)
        there = np.unique(labels)
        factors = np.ones(len(self.classes_))
        if isinstance(self.class_weight, str):
            counted = labels if weights is None else labels[weights > 0]
            there = np.unique(counted)
            factors[there] = compute_class_weight(
                "balanced",
                classes=there,
                y=labels,
                **({} if weights is None else {"sample_weight": weights}),
            )
        else:
            for place, label in enumerate(self.classes_.tolist()):
                factors[place] = self.class_weight.get(label, 1.0)
        by_class = factors[labels]
        return by_class if weights is None else by_class * weights

    def _make_targets(self, X: Any, targets: np.ndarray, weights: np.ndarray | None) -> Inputs:
        return Weighted(make_inputs(X, targets), weights)

    def _score(self, outputs: np.ndarray, targets: Any, weights: np.ndarray | None) -> float:
        if issparse(targets):
            best = outputs.argmax(axis=1)
            is_true = targets[np.arange(len(best)), best].astype(bool)
            return float(np.average(is_true, weights=weights))
        return float(accuracy_score(targets, outputs.argmax(axis=1), sample_weight=weights))

    def _strata(self, targets: Any) -> np.ndarray | None:
        return None if issparse(targets) else targets

    def _guess_loss(self, targets: Any, weights: np.ndarray | None) -> float:
        if issparse(targets):
            return guess_loss(targets, weights)
        shares = np.bincount(targets, weights)
        shares = shares[shares > 0] / shares.sum()
        return float(-(shares * np.log(shares)).sum())
