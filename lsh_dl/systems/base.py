"""The contract of a system: what the author of a new one reads.

A system is another library that trains the dense network: ReLU in the hidden layers, softmax and
cross-entropy at the output. It is one class in one file of this folder, where its presence is all
the registration there is, or anywhere, named by its path. docs/add_a_system.md makes one.

It is given what rules are given: the same samples, split, initial weights, order, optimiser,
learning rate and threads. What it cannot take over it says in its docstring.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lsh_dl.common.errors import UserError
from lsh_dl.runs.spec import Training

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class SystemSettings(BaseModel):
    """Base of a system's settings: each a pydantic field with default, bounds and description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(128, ge=1, lt=2**31, description="samples of an update")


class DenseLayer(NamedTuple):
    """Initial weights of a layer, to be copied.

    Attributes
    ----------
    weights : float32 (nodes, inputs)
    biases : float32 (nodes,)
    """

    weights: np.ndarray
    biases: np.ndarray


class System(ABC):
    """Another library's training of the dense network.

    A subclass gives `name`, `title`, `start`, `train` and `predict`; all else has a default. What
    it needs beside this package's dependencies it imports inside its methods: the file itself can
    be imported without.

    Parameters
    ----------
    settings
        An instance of the class's own `Settings`.
    training
        Optimiser and learning rate.
    threads
        How many it may use.

    Attributes
    ----------
    name : str
        Word for the config, unique among the systems: letters, digits, `_` and `-`.
    title : str
        Name in legends and tables.
    several_labels : bool
        Whether `train` takes samples with any number of labels each.
    packages : tuple of str
        Distributions whose versions a run's JSON has.
    Settings : type
        A subclass of `SystemSettings` with the system's own settings.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    several_labels: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[SystemSettings]] = SystemSettings

    def __init__(self, settings: SystemSettings, training: Training, threads: int = 1):
        self.settings = settings
        self.training = training
        self.threads = threads

    @classmethod
    def skip_reason(cls, settings: SystemSettings) -> str | None:
        """Why it cannot run here, in a few words with the remedy; None: it can.

        Asked whenever a config is read, so it must not import what is heavy.
        """
        return None

    def check_training(self) -> None:
        """Refuse an optimiser that the system does not have, by a UserError; none has a penalty."""
        if self.training.alpha:
            raise UserError("other systems are trained without a penalty; give `alpha: 0`")

    @abstractmethod
    def start(self, layers: Sequence[DenseLayer]) -> None:
        """Begin anew: the network with these weights, the optimiser without history."""

    @abstractmethod
    def train(self, x: np.ndarray, y: "np.ndarray | csr_array") -> float:
        """Train once on each sample, in this order, in batches; return their mean cross-entropy.

        What comes before the first batch is learned (compiling, say) belongs here too: before
        `start` is called for the last time, a batch of zeros has been trained on, unclocked.

        Parameters
        ----------
        x, y
            float32 (samples, features) and int64 (samples,). The samples are whole batches, but for
            the last ones before an evaluation. Of a set with several labels a sample (never, but
            for `several_labels`) y is a CSR matrix (samples, classes) of which what is stored is a
            label; the target is uniform over a sample's labels, 1 / labels each, and one without
            labels has a cross-entropy of 0.

        Returns
        -------
        In nats, as each batch was learned; no finite number where training diverged.
        """

    @abstractmethod
    def predict(self, x: np.ndarray) -> np.ndarray:
        """Score the classes of each sample: float (samples, classes), the largest is predicted."""

    def rank(self, x: np.ndarray, count: int) -> np.ndarray:
        """The best classes of each sample, best first: int (samples, at most `count`)."""
        return np.argsort(-self.predict(x), axis=1, kind="stable")[:, :count]


def require_several(system: type[System]) -> None:
    """Raise a UserError where a system does not take samples with several labels."""
    if not system.several_labels:
        raise UserError(
            f"{system.title} takes one label a sample, not several; leave {system.name} out"
        )
