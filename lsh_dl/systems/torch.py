"""The dense network in PyTorch, on the processor."""

import shutil
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.systems.base import DenseLayer, System, SystemSettings

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_array

#: What a processor is called that multiplies bfloat16 itself, in LLVM's names of features.
BFLOAT16 = ("avx512bf16", "amx-bf16", "bf16")


class TorchSettings(SystemSettings):
    """What a user of PyTorch can switch on."""

    fused: bool = Field(False, description="one kernel for the optimiser's step of all weights")
    bfloat16: bool = Field(
        False,
        description="autocast: matrix products in bfloat16, where the processor has them; weights "
        "stay float32",
    )
    compiled: bool = Field(
        False,
        description="torch.compile; it needs a C++ compiler and Python's headers, and its time is "
        "not counted",
    )


class Torch(System):
    """Eager PyTorch in float32 as it comes; settings switch on what is faster.

    Adagrad and SGD are PyTorch's own; a batch's step is by the mean of its gradients. Weights, data
    order and threads are those of the rules.
    """

    name = "torch"
    title = "PyTorch"
    several_labels = True
    packages = ("torch",)
    Settings = TorchSettings

    @classmethod
    def skip_reason(cls, settings: TorchSettings) -> str | None:
        """PyTorch, the processor's instructions or a compiler may be missing."""
        if find_spec("torch") is None:
            return "PyTorch is not installed (pip install 'lsh-dl[torch]')"
        if settings.bfloat16 and not has_bfloat16():
            return "this processor has no bfloat16 instructions"
        if settings.compiled and not can_compile():
            return "torch.compile needs a C++ compiler and Python's headers (g++, python3-dev)"
        return None

    def check_training(self) -> None:
        """PyTorch's Adagrad has no momentum."""
        super().check_training()
        if self.training.adagrad and self.training.momentum:
            raise UserError("PyTorch's Adagrad has no momentum; give `momentum: 0`")

    def start(self, layers: Sequence[DenseLayer]) -> None:
        """See `System.start`; a network that is compiled stays so."""
        import torch

        torch.set_num_threads(self.threads)
        if not hasattr(self, "plain"):
            self.plain = create_network([layer.weights.shape for layer in layers])
            self.network = self.plain
            if self.settings.compiled:
                self.network = torch.compile(self.plain, dynamic=False)
        linear = [part for part in self.plain if isinstance(part, torch.nn.Linear)]
        with torch.no_grad():
            for part, (weights, biases) in zip(linear, layers, strict=True):
                part.weight.copy_(torch.from_numpy(weights.copy()))
                part.bias.copy_(torch.from_numpy(biases.copy()))
        self.optimiser = self._create_optimiser()

    def _create_optimiser(self) -> "torch.optim.Optimizer":
        from torch import optim

        given, training = self.plain.parameters(), self.training
        fused = {"fused": True} if self.settings.fused else {}
        if training.adam:
            return optim.Adam(given, lr=training.learning_rate, **fused)
        if training.adagrad:
            return optim.Adagrad(given, lr=training.learning_rate, **fused)
        return optim.SGD(given, lr=training.learning_rate, momentum=training.momentum, **fused)

    def train(self, x: np.ndarray, y: "np.ndarray | csr_array") -> float:
        """See `System.train`."""
        import torch

        inputs, size = torch.from_numpy(x), self.settings.batch_size
        total = torch.zeros(())
        for number, batch in enumerate(inputs.split(size)):
            wanted = y[number * size : (number + 1) * size]
            self.optimiser.zero_grad(set_to_none=True)
            with self._cast():
                loss = cross_entropy(self._network_for(batch)(batch), wanted)
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(batch)
        return float(total) / len(x)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """See `System.predict`."""
        return self._score(x).float().numpy()

    def rank(self, x: np.ndarray, count: int) -> np.ndarray:
        """See `System.rank`; with very many classes, sorting all would take the longest."""
        scores = self._score(x)
        return scores.topk(min(count, scores.shape[1])).indices.numpy()

    def _score(self, x: np.ndarray) -> "torch.Tensor":
        import torch

        batch = torch.from_numpy(x)
        with torch.inference_mode(), self._cast():
            return self._network_for(batch)(batch)

    def _network_for(self, batch: "torch.Tensor") -> "torch.nn.Module":
        """The network; not as compiled for a batch of another size, which would be compiled for."""
        return self.network if len(batch) == self.settings.batch_size else self.plain

    def _cast(self) -> "torch.autocast":
        import torch

        return torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bfloat16)


def cross_entropy(outputs: "torch.Tensor", y: "np.ndarray | csr_array") -> "torch.Tensor":
    """The mean over a batch's samples; y as in `System.train`."""
    import torch

    if isinstance(y, np.ndarray):
        return torch.nn.functional.cross_entropy(outputs, torch.from_numpy(y))
    counts = np.diff(y.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    shares = torch.from_numpy((1 / counts[rows]).astype(np.float32))
    return -(torch.log_softmax(outputs.float(), 1)[rows, y.indices] * shares).sum() / len(counts)


def create_network(shapes: Sequence[tuple[int, int]]) -> "torch.nn.Sequential":
    """Linear layers of (nodes, inputs), ReLU between them."""
    from torch import nn

    parts = []
    for nodes, inputs in shapes:
        parts += [nn.Linear(inputs, nodes), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return any(features.get(name) for name in BFLOAT16)


def can_compile() -> bool:
    """Whether what torch.compile writes can be made to machine code: C++ that includes Python.h."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return headers.is_file() and any(map(shutil.which, ("c++", "g++", "clang++")))
