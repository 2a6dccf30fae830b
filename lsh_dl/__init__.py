"""Training neural networks on a few per cent of their neurons, chosen by hashing."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["SparseMLPClassifier", "SparseMLPRegressor"]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: it needs scikit-learn, which takes a second.

    By its name, so that no job of the pipeline depends on its file (`lsh_dl.common.code`).
    """
    if name in __all__:
        return getattr(import_module("lsh_dl.estimator"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
