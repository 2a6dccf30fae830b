"""Small samples and estimators, shared by the tests of this folder."""

import numpy as np
from sklearn.datasets import make_classification

from lsh_dl import SparseMLPClassifier, SparseMLPRegressor

SMALL = {"hidden_layer_sizes": (40,), "active_fraction": 0.2, "max_iter": 4, "random_state": 3}


def draw_samples(samples=300, seed=0):
    """Three classes, 40 features, many zeros: float32 (samples, 40), int64 (samples,)."""
    X, y = make_classification(
        *(samples, 40), n_informative=20, n_classes=3, class_sep=2.0, random_state=seed
    )
    return np.where(np.abs(X) > 0.7, X, 0).astype(np.float32), y


def draw_numbers(samples=300, outputs=None, seed=0):
    """Samples with numbers that depend on them smoothly, of about 1."""
    generator = np.random.default_rng(seed)
    X = generator.normal(0, 1, (samples, 10)).astype(np.float32)
    mix = generator.normal(0, 0.5, (10, outputs or 1))
    y = np.tanh(X @ mix) + 0.3 * (X @ mix[::-1])
    return X, y[:, 0] if outputs is None else y


def make(**parameters):
    """A small classifier."""
    return SparseMLPClassifier(**SMALL | parameters)


def make_regressor(**parameters):
    """A small regressor."""
    return SparseMLPRegressor(**SMALL | parameters)


def weights(estimator):
    return estimator._model.network.weights
