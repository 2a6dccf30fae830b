"""The dense network in PyTorch, the yardstick of speed: 784-1000-1000-10, one thread.

A *mode* is what a user of PyTorch can switch on: the fused optimiser, `torch.compile`, bfloat16
autocast. What an installation or a processor lacks is said, with its reason.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from benchmarks._digits import HIDDEN

LEARNING_RATE = {"Adagrad": 0.01, "SGD": 0.05}
#: One for each network, size of batch and task; beyond the limit PyTorch goes on uncompiled.
MOST_COMPILATIONS = 1000


class Mode(NamedTuple):
    """What is switched on beside plain float32."""

    title: str
    fused: bool = False
    compiled: bool = False
    bfloat16: bool = False


PLAIN = Mode("fp32")
MODES = (
    PLAIN,
    Mode("fp32, fused", fused=True),
    Mode("fp32, compiled", compiled=True),
    Mode("bf16", bfloat16=True),
    Mode("bf16, fused", fused=True, bfloat16=True),
    Mode("bf16, fused, compiled", fused=True, compiled=True, bfloat16=True),
)


def import_torch() -> ModuleType | None:
    """PyTorch on one thread, or None with a line that says how to get it."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install 'lsh-dl[torch]' to compare with it")
        return None
    torch.set_num_threads(1)
    return torch


def create_network(torch: ModuleType, hidden: Sequence[int], seed: int) -> Any:
    """784 inputs, hidden layers of ReLU, 10 outputs."""
    torch.manual_seed(seed)
    layers, inputs = [], 784
    for width in hidden:
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU()]
        inputs = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(inputs, 10))


class Dense:
    """The dense network in one mode: train on a batch, predict a batch.

    Parameters
    ----------
    optimiser
        A name in `torch.optim`.
    """

    def __init__(
        self,
        torch: ModuleType,
        seed: int,
        mode: Mode = PLAIN,
        optimiser: str = "Adagrad",
        hidden: Sequence[int] = HIDDEN,
    ):
        self.torch, self.mode = torch, mode
        self.network = self.plain = create_network(torch, hidden, seed)
        self._optimiser_name = optimiser
        self._start_optimiser()
        if mode.compiled:
            torch._dynamo.config.recompile_limit = MOST_COMPILATIONS
            self.network = torch.compile(self.plain, dynamic=False)

    def _start_optimiser(self) -> None:
        name, fused = self._optimiser_name, {"fused": True} if self.mode.fused else {}
        create = getattr(self.torch.optim, name)
        self.optimiser = create(self.plain.parameters(), lr=LEARNING_RATE[name], **fused)

    def _cast(self) -> Any:
        return self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.mode.bfloat16)

    def train(self, x: Any, y: Any) -> None:
        """One step on a batch."""
        self.optimiser.zero_grad(set_to_none=True)
        with self._cast():
            loss = self.torch.nn.functional.cross_entropy(self.network(x), y)
        loss.backward()
        self.optimiser.step()

    def compile_for(self, batches: Sequence[tuple[Any, Any]]) -> None:
        """Compile training for the sizes of these batches; nothing is learned of them."""
        start = {name: value.clone() for name, value in self.plain.state_dict().items()}
        for batch in batches:
            self.train(*batch)
        self.plain.load_state_dict(start)
        self._start_optimiser()

    def predict(self, x: Any) -> Any:
        """Outputs of a batch, before the softmax."""
        with self.torch.inference_mode(), self._cast():
            return self.network(x)


def usable_modes(torch: ModuleType, modes: Sequence[Mode] = MODES) -> list[Mode]:
    """Those modes that run here; each other one is named, with the reason."""
    usable = []
    x, y = torch.rand(2, 784), torch.zeros(2, dtype=torch.int64)
    for mode in modes:
        try:
            if mode.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
                raise RuntimeError("this processor has no bfloat16 instructions")
            dense = Dense(torch, 1, mode, hidden=(16,))
            dense.train(x, y)
            dense.predict(x)
        except Exception as error:  # PyTorch raises what it likes: no compiler, no kernel, ...
            reason = str(error).strip().splitlines() or [type(error).__name__]
            print(f"not measured: PyTorch, {mode.title}: {reason[0]}")
        else:
            usable.append(mode)
    return usable


def call_batches(
    train_batch: Callable[[], object], predict_batch: Callable[[], object], batches: int
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Calls that train on a batch so many times, and that predict it."""

    def train() -> None:
        for _ in range(batches):
            train_batch()

    def predict() -> None:
        for _ in range(batches):
            predict_batch()

    return train, predict
