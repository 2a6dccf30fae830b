"""What the classifier and the regressor share: parameters, epochs, stopping, what was learned."""

import copy
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import read_input
from lsh_dl.engine.counts import OPTIMISER
from lsh_dl.engine.network import layer_weights
from lsh_dl.engine.workspace import Tally, create_tally, sum_tallies
from lsh_dl.estimator.checks import (
    ACCEPTED,
    Parameters,
    check_parameters,
    count_threads,
)
from lsh_dl.rules.base import Rule
from lsh_dl.training.epochs import build_model, draw_key, draw_order, predict_all, train_epoch
from lsh_dl.training.loader import Inputs, make_inputs

#: Active nodes of a layer below which accuracy was measured to suffer.
FEW = 50


class FewActiveNodesWarning(UserWarning):
    """So few active nodes in a layer cost accuracy."""


class SparseMLP(BaseEstimator):
    """Base of the estimators; see `SparseMLPClassifier`."""

    _linear: bool  # the network's outputs are numbers, not probabilities of classes
    _fewest_held_out = 1  # samples that a validation score is defined for

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (1000, 1000),
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
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rule = rule
        self.active_fraction = active_fraction
        self.rule_settings = rule_settings
        self.learning_rate = learning_rate
        self.adagrad = adagrad
        self.adam = adam
        self.momentum = momentum
        self.alpha = alpha
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

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, float32 (n_in, n_out); copies."""
        network = self._fitted().network
        return [
            layer_weights(network, index)[:, : network.sizes[index]].T.copy()
            for index in range(len(network.strides))
        ]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer, float32 (n_out,); copies."""
        network = self._fitted().network
        return [
            layer_weights(network, index)[:, network.sizes[index]].copy()
            for index in range(len(network.strides))
        ]

    @property
    def n_layers_(self) -> int:
        """Layers, input and output included."""
        return len(self._fitted().network.sizes)

    @property
    def n_outputs_(self) -> int:
        """Nodes of the output layer."""
        return int(self._fitted().network.sizes[-1])

    def _fitted(self) -> Any:
        if not hasattr(self, "_model"):  # so that `hasattr(estimator, "coefs_")` is False
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return self._model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @abstractmethod
    def _make_targets(self, X: Any, targets: np.ndarray, weights: np.ndarray | None) -> Inputs:
        """Samples with what is to be learned of them."""

    @abstractmethod
    def _score(self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> float:
        """How good outputs are: 1 at best."""

    @abstractmethod
    def _guess_loss(self, targets: np.ndarray, weights: np.ndarray | None) -> float:
        """Mean loss of the best answer that does not look at the sample."""

    def _strata(self, targets: np.ndarray) -> np.ndarray | None:
        """Classes of which validation gets its share; None: there are none."""
        return None

    def _check_parameters(self) -> Parameters:
        return check_parameters(self.get_params(deep=False), type(self).__name__)

    def _forget(self) -> None:
        """Not fitted any more: what follows may fail halfway."""
        if hasattr(self, "_model"):
            del self._model

    def _start(self, parameters: Parameters, outputs: int) -> None:
        """A new network, with nothing learned."""
        state = self.random_state
        is_seed = isinstance(state, int | np.integer)
        seed = int(state) if is_seed else check_random_state(state).randint(2**31 - 1)
        if self.n_features_in_ >= 2**31 - 1:
            raise ValueError(f"{self.n_features_in_} features: less than 2**31 - 1 are possible")
        try:
            model = build_model(
                [self.n_features_in_, *parameters.hidden_layer_sizes, outputs],
                self.rule,
                dict(self.rule_settings or {}),
                parameters.active_fraction,
                parameters,
                seed,
                self._linear,
            )
        except UserError as error:
            raise ValueError(str(error)) from None
        self._model, self._seed = model, seed
        self._structure = self._describe_structure(parameters)
        self._sums, self._samples = create_tally(), 0
        self.n_iter_, self.t_ = 0, 0
        self.loss_curve_ = []
        self.best_loss_ = None
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = None
        self._warn_of_few(model)

    def _warn_of_few(self, model: Any) -> None:
        if not model.rule.uses_active_fraction:
            return
        active, widths = model.rule.budgets(model.network), model.network.sizes[1:-1]
        few = np.flatnonzero((active < FEW) & (active < widths))
        if len(few):
            layer = int(few[0])
            warnings.warn(
                f"{active[layer]} of {widths[layer]} nodes are active in hidden layer {layer + 1}: "
                f"below some {FEW}, 1 to 10 points of accuracy were lost in measurements; raise "
                f"active_fraction (to {min(1.0, FEW / widths[layer]):.2g}) or take wider layers",
                FewActiveNodesWarning,
                stacklevel=4,
            )

    def _describe_structure(self, parameters: Parameters) -> dict[str, Any]:
        """What a network is made with: it cannot change from one call to the next."""
        state = self.random_state
        return {
            "hidden_layer_sizes": parameters.hidden_layer_sizes,
            "rule": self.rule,
            "active_fraction": parameters.active_fraction,
            "rule_settings": copy.deepcopy(dict(self.rule_settings or {})),
            "adagrad": parameters.adagrad,
            "adam": parameters.adam,
            "momentum": parameters.momentum,
            "random_state": int(state) if isinstance(state, int | np.integer) else "any",
        }

    def _require_structure(self, parameters: Parameters) -> None:
        now = self._describe_structure(parameters)
        changed = [name for name, value in now.items() if value != self._structure[name]]
        if changed:
            raise ValueError(
                f"training goes on with the network there is, but {', '.join(changed)} changed "
                "since it was made; set them back, or start anew by fit with warm_start=False"
            )

    def _fit(
        self,
        parameters: Parameters,
        X: Any,
        targets: np.ndarray,
        weights: np.ndarray | None,
        again: bool,
    ) -> None:
        """Epochs until there is no improvement; with early stopping the best network stays."""
        X, targets, weights = _drop_weightless(X, targets, weights)
        if weights is not None:
            weights = weights / weights.max()  # whose sum may be beyond what numbers can be
            weights = weights / weights.mean()  # so that the step size does not hang on their scale
        train, part = np.arange(targets.shape[0]), None
        if self.early_stopping:
            train, held_out = self._split(targets)
            part = _take(held_out, X, targets, weights)
        inputs = self._make_targets(*_take(train, X, targets, weights))
        best, best_model, waited = -np.inf, self._model, 0
        if part is not None:
            self.validation_scores_ = self.validation_scores_ or []
            if again:
                best = self.best_validation_score_ = self._validate(parameters, part)
                best_model = copy.deepcopy(self._model)
        try:
            for _ in range(parameters.max_iter):
                self._train_once(parameters, inputs)
                measure = -self.loss_
                if part is not None:
                    measure = self._validate(parameters, part)
                    self.validation_scores_.append(measure)
                if self.verbose:
                    kept = "" if part is None else f", validation {self._score_name} {measure:.4f}"
                    print(f"epoch {self.n_iter_}: loss {self.loss_:.4f}{kept}", flush=True)
                waited = 0 if measure > best + parameters.tol else waited + 1
                if measure > best:
                    best = measure
                    if part is not None:
                        self.best_validation_score_ = best
                        best_model = copy.deepcopy(self._model)
                if waited >= parameters.n_iter_no_change:
                    break
            else:
                warnings.warn(
                    f"max_iter ({parameters.max_iter}) epochs are done and the "
                    "optimisation has not converged yet",
                    ConvergenceWarning,
                    stacklevel=3,
                )
        finally:
            if part is not None and hasattr(self, "_model"):
                self._model = best_model
        self._warn_of_hopeless(targets, weights)

    def _warn_of_hopeless(self, targets: np.ndarray, weights: np.ndarray | None) -> None:
        guess = self._guess_loss(targets, weights)
        if self.loss_ > max(guess * 1.01, 1e-6):
            warnings.warn(
                f"the loss ({self.loss_:.4g}) is above that of guessing without looking at the "
                f"samples ({guess:.4g}): scale the samples (MaxAbsScaler, StandardScaler) or "
                "change learning_rate",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _validate(self, parameters: Parameters, part: tuple[Any, ...]) -> float:
        X, targets, weights = part
        key = draw_key(self._seed, self.n_iter_)
        outputs = np.concatenate(list(self._outputs(parameters, X, key)))
        return self._score(outputs, targets, weights)

    def _split(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the samples to train on and to hold out, every class in both if possible."""
        samples, least = targets.shape[0], self._fewest_held_out
        if samples < least + 1:
            raise ValueError(
                f"early_stopping needs {least + 1} samples at least; n_samples={samples}"
            )
        held_out = min(max(least, round(self.validation_fraction * samples)), samples - 1)
        strata = self._strata(targets)
        if strata is not None:
            counts, smaller = np.bincount(strata), min(held_out, samples - held_out)
            if counts[counts > 0].min() == 1 or np.count_nonzero(counts) > smaller:
                strata = None
        train, part = train_test_split(
            np.arange(samples),
            test_size=held_out,
            random_state=self._seed % 2**32,
            stratify=strata,
        )
        return np.sort(train), np.sort(part)

    def _train_part(
        self, parameters: Parameters, X: Any, targets: np.ndarray, weights: np.ndarray | None
    ) -> None:
        """One epoch on all samples."""
        inputs = self._make_targets(*_drop_weightless(X, targets, weights))
        self._train_once(parameters, inputs)

    def _train_once(self, parameters: Parameters, inputs: Inputs) -> None:
        """One epoch."""
        model = self._model
        self._set_threads(parameters)
        optimiser = model.optimiser._replace(
            learning_rate=np.float32(parameters.learning_rate), alpha=np.float32(parameters.alpha)
        )
        try:
            model.rule.check_optimiser(optimiser)
        except UserError as error:
            raise ValueError(str(error)) from None
        model.optimiser = optimiser
        epoch, samples = self.n_iter_ + 1, len(inputs)
        order = draw_order(self._seed, epoch, samples) if self.shuffle else np.arange(samples)
        learned = train_epoch(model, inputs, order, draw_key(self._seed, epoch))
        loss = float(learned.loss[0] / inputs.total_weight)
        if not (model.is_finite() and np.isfinite(loss)):
            self._forget()
            raise ValueError(
                f"training diverged in epoch {epoch}: scale the samples or lower learning_rate "
                f"({self.learning_rate})"
            )
        self._count(learned, samples)
        self.n_iter_ = epoch
        self.loss_ = loss
        self.loss_curve_.append(loss)
        self.best_loss_ = loss if self.best_loss_ is None else min(self.best_loss_, loss)

    def _predict_outputs(self, X: Any) -> np.ndarray:
        """The network's outputs for samples: float32 (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = read_input(X, "X")
        X = validate_data(self, X, **ACCEPTED, reset=False)
        outputs = np.concatenate(
            list(self._outputs(self._check_parameters(), X, draw_key(self._seed, 0)))
        )
        if not np.isfinite(outputs).all():
            raise ValueError("outputs are not finite: the samples are too large; scale them")
        return outputs

    def _outputs(self, parameters: Parameters, X: Any, key: np.uint64) -> Iterator[np.ndarray]:
        inputs = make_inputs(X, np.zeros(X.shape[0], np.int32))
        self._set_threads(parameters)
        for _, outputs, _ in predict_all(self._model, inputs, key):
            yield outputs

    def _set_threads(self, parameters: Parameters) -> None:
        threads = count_threads(parameters.n_jobs)
        if threads != self._model.threads:
            self._model.use_threads(threads)

    def _count(self, learned: Tally, samples: int) -> None:
        # New ones: what joblib has loaded with `mmap_mode` cannot be written to.
        self._sums = sum_tallies([self._sums, learned])
        self._samples += samples
        self.t_ = self._samples
        hidden = int(self._model.network.sizes[1:-1].sum())
        self.multiplications_ = float(self._sums.work[:OPTIMISER].sum() / self._samples)
        self.active_fraction_ = float(self._sums.active[0] / (self._samples * hidden))


def _drop_weightless(X: Any, targets: np.ndarray, weights: np.ndarray | None) -> tuple:
    """The samples that count: one of weight 0 is as one that is not there."""
    if weights is None:
        return X, targets, weights
    kept = np.flatnonzero(weights)
    if not len(kept):
        raise ValueError("all samples have weight 0 (sample_weight, class_weight)")
    return _take(kept, X, targets, weights)


def _take(numbers: np.ndarray, X: Any, targets: np.ndarray, weights: np.ndarray | None) -> tuple:
    """Some of the samples, with their targets and weights; all of them without a copy."""
    if len(numbers) == targets.shape[0]:
        return X, targets, weights
    return X[numbers], targets[numbers], None if weights is None else weights[numbers]
