"""Another system as a run trains it: what `lsh_dl.training.model` is to a rule."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsh_dl.common.discovery import find
from lsh_dl.common.memory import require_memory
from lsh_dl.common.validation import validate
from lsh_dl.data.prepared.preprocessing import InputTransform
from lsh_dl.data.prepared.store import Samples, SparseSamples
from lsh_dl.engine.counts import BACKWARD, FORWARD, UPDATE
from lsh_dl.engine.network import create_network, layer_weights
from lsh_dl.engine.workspace import Tally, create_tally
from lsh_dl.runs.spec import Training
from lsh_dl.systems.base import DenseLayer, System, require_several
from lsh_dl.training.loader import CHUNK

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_NUMBERS = 2**26
"""Features of samples that are read at a time, or their classes' scores: 256 MB."""


class ArrayBatch(NamedTuple):
    """Samples as dense rows.

    Attributes
    ----------
    x : float32 (samples, features)
    y : int64 (samples,), or CSR (samples, classes)
        Their labels as a system is given them.
    labels : int32 (all,)
        The samples' labels one after the other.
    label_ends : int64 (samples + 1,)
        Those of sample s are labels[label_ends[s]:label_ends[s + 1]].
    numbers : int64 (samples,)
        Which sample it is.
    """

    x: np.ndarray
    y: "np.ndarray | csr_array"
    labels: np.ndarray
    label_ends: np.ndarray
    numbers: np.ndarray


class ArrayInputs:
    """Dense samples, as dense rows in whole batches; features stand in the data's own order."""

    def __init__(self, samples: Samples, transform: InputTransform, batch_size: int):
        self.samples, self.transform = samples, transform
        self.chunk = max(1, CHUNK // batch_size) * batch_size

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, numbers: np.ndarray) -> ArrayBatch:
        """See `Inputs.batch`."""
        x, labels = self.samples.take(numbers)
        x = x.astype(np.float32)
        x -= self.transform.offset
        x *= self.transform.scale
        return ArrayBatch(x, labels.astype(np.int64), labels, np.arange(len(numbers) + 1), numbers)


class SparseArrayInputs:
    """Sparse samples with several labels each, as dense rows in whole batches.

    So many at a time that neither they nor their classes' scores fill the memory.
    """

    def __init__(self, samples: SparseSamples, batch_size: int):
        self.samples = samples
        most = min(CHUNK, MOST_NUMBERS // max(samples.features, samples.y.shape[1]))
        self.chunk = max(1, most // batch_size) * batch_size

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, numbers: np.ndarray) -> ArrayBatch:
        """See `Inputs.batch`."""
        x, y = self.samples.x[numbers].toarray(), self.samples.y[numbers]
        return ArrayBatch(x, y, y.indices, y.indptr.astype(np.int64), numbers)


class SystemModel:
    """A system with the initial weights of a seed, ready to be timed.

    Parameters
    ----------
    sizes
        Inputs, widths of the hidden layers, classes.
    reference
        Name of a system in lsh_dl/systems, path of a file or `module:Class`.
    settings
        Its own settings as a config gives them.

    Attributes
    ----------
    system
        What trains and predicts.
    batch_size
        Samples of an update.
    packages
        Distributions that it needs.

    Raises
    ------
    UserError
        There is no such system, or it has no such settings, or the network needs more memory than
        there is.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        reference: str,
        settings: Mapping[str, Any],
        training: Training,
        seed: int,
        threads: int,
    ):
        cls = find("lsh_dl.systems", System, reference)
        checked = validate(cls.Settings, settings, f"system {cls.name}")
        self.batch_size, self._class = checked.batch_size, cls
        self.packages = cls.packages
        self._weights = [a * b for a, b in pairwise(sizes)]
        copies = 3  # weights, their gradients, what the optimiser remembers
        numbers = copies * (sum(self._weights) + self.batch_size * sizes[-1])
        require_memory(4 * numbers, f"the network {'-'.join(map(str, sizes))}")
        self._hidden = sum(sizes[1:-1])
        self._finite = True
        self.system = cls(checked, training, threads)
        network = create_network(sizes, seed, initial=training.initial_weights)
        layers = []
        for index, inputs in enumerate(sizes[:-1]):
            rows = layer_weights(network, index)
            layers.append(DenseLayer(rows[:, :inputs], rows[:, inputs]))
        # Whatever is done once (compiling, say) is done before anything is timed.
        self.system.start(layers)
        nothing = np.zeros((self.batch_size, sizes[0]), np.float32)
        self.system.train(nothing, np.zeros(self.batch_size, np.int64))
        self.system.predict(nothing)
        self.system.start(layers)

    def read(
        self, samples: Samples | SparseSamples, transform: InputTransform
    ) -> ArrayInputs | SparseArrayInputs:
        """A part of the data as it is trained on.

        Raises
        ------
        UserError
            Samples have several labels each, which the system does not take.
        """
        if isinstance(samples, SparseSamples):
            require_several(self._class)
            return SparseArrayInputs(samples, self.batch_size)
        return ArrayInputs(samples, transform, self.batch_size)

    def train(self, batch: ArrayBatch, key: np.uint64) -> Tally:
        """Train once on each sample, in order; `key` is not used. Work is the dense network's."""
        loss = self.system.train(batch.x, batch.y)
        self._finite = bool(np.isfinite(loss))
        samples, weights = len(batch.numbers), self._weights
        tally = self._count(samples)
        tally.work[BACKWARD] = samples * (sum(weights) - weights[0])
        tally.work[UPDATE] = samples * sum(weights)
        tally.loss[0] = samples * loss
        return tally

    def rank(self, batch: ArrayBatch, key: np.uint64, count: int) -> tuple[np.ndarray, Tally]:
        """The most probable classes, best first: int32 (samples, at most `count`)."""
        ranked = self.system.rank(batch.x, count).astype(np.int32)
        return ranked, self._count(len(batch.numbers))

    def _count(self, samples: int) -> Tally:
        tally = create_tally()
        tally.work[FORWARD] = samples * sum(self._weights)
        tally.active[0] = samples * self._hidden
        return tally

    def is_finite(self) -> bool:
        """Whether the loss was finite so far."""
        return self._finite
