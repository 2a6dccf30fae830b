"""The dense network in PyTorch, the yardstick of speed: 784-1000-1000-10, one thread."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from benchmarks._digits import HIDDEN

LEARNING_RATE = {"Adagrad": 0.01, "SGD": 0.05}


def import_torch() -> ModuleType | None:
    """PyTorch on one thread, or None with a line that says how to get it."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install 'lsh-dl[torch]' to compare with it")
        return None
    torch.set_num_threads(1)
    return torch


def create_dense(torch: ModuleType, seed: int, optimiser: str = "Adagrad") -> tuple[Any, Any]:
    """The network and its optimiser, of a name in `torch.optim`."""
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(784, HIDDEN[0]), torch.nn.ReLU()]
    layers += [torch.nn.Linear(*HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN[1], 10)]
    network = torch.nn.Sequential(*layers)
    create = getattr(torch.optim, optimiser)
    return network, create(network.parameters(), lr=LEARNING_RATE[optimiser])


def train_batch(torch: ModuleType, network: Any, optimiser: Any, x: Any, y: Any) -> None:
    """One step on a batch."""
    optimiser.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(network(x), y).backward()
    optimiser.step()


def call_batches(
    torch: ModuleType,
    network: Any,
    optimiser: Any,
    x: Any,
    y: Any,
    batches: int,
    answer: Callable[[Any], object] = lambda outputs: outputs,
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Calls that train on a batch so many times, and that predict it; `answer` gets the outputs."""

    def train() -> None:
        for _ in range(batches):
            train_batch(torch, network, optimiser, x, y)

    def predict() -> None:
        with torch.inference_mode():
            for _ in range(batches):
                answer(network(x))

    return train, predict
