"""The regressor."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import validate_data

from lsh_dl.common.user_arrays import read_input, require_kinds
from lsh_dl.estimator.base import SparseMLP
from lsh_dl.estimator.checks import ACCEPTED, check_weights, read_training_input
from lsh_dl.estimator.targets import Weighted
from lsh_dl.training.loader import Inputs, make_inputs


class SparseMLPRegressor(RegressorMixin, SparseMLP):
    """A multi-layer perceptron that predicts numbers, trained on a few per cent of its nodes.

    As `SparseMLPClassifier`, with linear outputs and the squared loss. Scale the targets as well as
    the inputs (`sklearn.compose.TransformedTargetRegressor`): the step size is meant for errors
    of about 1.

    Parameters
    ----------
    hidden_layer_sizes, rule, active_fraction, rule_settings, learning_rate, adagrad, adam
    momentum, alpha, max_iter, shuffle, tol, n_iter_no_change, n_jobs, random_state, warm_start
    verbose
        See `SparseMLPClassifier`.
    early_stopping, validation_fraction
        The same, by R^2 on the part held out. A rule that selects outputs is refused.

    Attributes
    ----------
    n_outputs_ : int
        Numbers to predict for each sample.
    loss_curve_ : list of float
        Mean training loss of each epoch: half the squared error, summed over the outputs.
    validation_scores_, best_validation_score_
        R^2 on the part held out.
    coefs_, intercepts_, n_layers_, t_, n_iter_, loss_, best_loss_, multiplications_
    active_fraction_, n_features_in_, feature_names_in_
        See `SparseMLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from lsh_dl import SparseMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = SparseMLPRegressor((1000,), max_iter=30, random_state=0).fit(scale(X), scale(y))
    >>> reg.score(scale(X), scale(y)) > 0.4
    True
    """

    _linear = True
    _score_name = "R2"
    _fewest_held_out = 2

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SparseMLPRegressor":
        """Train on samples until the loss stands still, `max_iter` epochs at most.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            See `SparseMLPClassifier.fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            See `SparseMLPClassifier.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter, the samples or the targets are not usable, or training diverged.
        """
        parameters = self._check_parameters()
        again = self.warm_start and hasattr(self, "_model")
        if again:
            self._require_structure(parameters)
        else:
            self._forget()
        X, y, weights = self._prepare(parameters, X, y, sample_weight, first=not again)
        self._fit(parameters, X, y, weights, again)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SparseMLPRegressor":
        """Train one pass over these samples; parameters, returns and errors as in `fit`."""
        first = not hasattr(self, "_model")
        parameters = self._check_parameters()
        if not first:
            self._require_structure(parameters)
        X, y, weights = self._prepare(parameters, X, y, sample_weight, first)
        self._train_part(parameters, X, y, weights)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Numbers for each sample: float64 (n_samples,) or (n_samples, n_outputs), as y was."""
        outputs = self._predict_outputs(X).astype(np.float64)
        return outputs[:, 0] if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _prepare(self, parameters: Any, X: Any, y: Any, sample_weight: Any, first: bool) -> tuple:
        """Samples, targets float32 (n_samples, n_outputs) and weights; `first`: a new network."""
        X = read_training_input(X) if first else read_input(X, "X")
        if issparse(y):
            raise ValueError("y is sparse: a regressor's targets are a dense array (y.toarray())")
        require_kinds(y, "y")
        X, y = validate_data(self, X, y, **ACCEPTED, reset=first, multi_output=True, y_numeric=True)
        weights = check_weights(sample_weight, X)
        flat, y = y.ndim == 1, y.reshape(len(y), -1).astype(np.float32)
        if not np.isfinite(y).all():
            raise ValueError("y has numbers too large for float32: scale it")
        if first:
            self._start(parameters, y.shape[1])
            if self._model.network.sampled:
                self._forget()
                raise ValueError("a regressor's outputs are all computed: set outputs to dense")
            self._flat = flat
        elif y.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {y.shape[1]} outputs, but the network {self.n_outputs_}")
        return X, y, weights

    def _make_targets(self, X: Any, targets: np.ndarray, weights: np.ndarray | None) -> Inputs:
        labels = np.zeros(len(targets), np.int32)  # one each: the loop skips samples without
        return Weighted(make_inputs(X, labels), weights, targets)

    def _score(self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> float:
        return float(r2_score(targets, outputs, sample_weight=weights))

    def _guess_loss(self, targets: np.ndarray, weights: np.ndarray | None) -> float:
        targets = targets.astype(np.float64)
        mean = np.average(targets, axis=0, weights=weights)
        return float(np.average(((targets - mean) ** 2).sum(axis=1), weights=weights) / 2)
