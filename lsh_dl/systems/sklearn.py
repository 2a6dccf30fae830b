"""The dense network in scikit-learn."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.systems.base import DenseLayer, System, SystemSettings


class SklearnSettings(SystemSettings):
    """What MLPClassifier is created with."""

    solver: Literal["adam", "sgd"] = Field("adam", description="optimiser")


class Sklearn(System):
    """scikit-learn's MLPClassifier, by `partial_fit` in the order and the batches given.

    It has no Adagrad: `solver` is Adam, as it comes, or plain SGD. Adam's usual learning rate is
    0.001, a tenth of what suits Adagrad.
    """

    name = "sklearn"
    title = "scikit-learn"
    packages = ("scikit-learn",)
    Settings = SklearnSettings

    def check_training(self) -> None:
        """Adam has a momentum of its own."""
        super().check_training()
        if self.training.momentum and self.settings.solver == "adam":
            raise UserError("Adam has a momentum of its own; give `momentum: 0` or `solver: sgd`")

    def start(self, layers: Sequence[DenseLayer]) -> None:
        """See `System.start`."""
        from sklearn.neural_network import MLPClassifier

        self.model = MLPClassifier(
            [len(layer.biases) for layer in layers[:-1]],
            solver=self.settings.solver,
            alpha=0.0,
            batch_size=1,
            learning_rate_init=self.training.learning_rate,
            momentum=self.training.momentum,
            nesterovs_momentum=False,
            shuffle=False,
            random_state=0,
        )
        # Weights are there once something was learned; what the optimiser remembers of it goes.
        nothing = np.zeros((1, layers[0].weights.shape[1]), np.float32)
        classes = np.arange(len(layers[-1].biases))
        self.model.partial_fit(nothing, classes[:1], classes=classes)
        for place, (weights, biases) in enumerate([*layers[:-1], join_outputs(layers[-1])]):
            self.model.coefs_[place][:] = weights.T
            self.model.intercepts_[place][:] = biases
        del self.model._optimizer

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """See `System.train`."""
        self.model.batch_size = min(self.settings.batch_size, len(x))
        try:
            self.model.partial_fit(x, y)
        except ValueError as error:
            if "non-finite" in str(error):
                return float("inf")
            raise
        return float(self.model.loss_)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """See `System.predict`."""
        return self.model.predict_proba(x)


def join_outputs(layer: DenseLayer) -> DenseLayer:
    """The output layer as scikit-learn has it: of two classes one node, the same function."""
    if len(layer.biases) != 2:
        return layer
    return DenseLayer(layer.weights[1:] - layer.weights[:1], layer.biases[1:] - layer.biases[:1])
