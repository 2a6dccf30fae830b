"""What an estimator is given, checked before any kernel sees it."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from joblib import effective_n_jobs
from pydantic import AfterValidator, Field, StrictBool
from sklearn.utils.validation import _check_sample_weight

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import read_input, require_apart_in_float32, require_kinds
from lsh_dl.common.validation import validate
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import MOST_THREADS, Fraction, Training, Width

#: What is taken as it is; other numbers become float32.
ACCEPTED = {"accept_sparse": "csr", "dtype": (np.float32, np.uint8)}


def _check_jobs(jobs: int | None) -> int | None:
    if jobs == 0:
        raise ValueError("0 threads do nothing: None for 1, -1 for all cores")
    if jobs is not None and jobs > MOST_THREADS:
        raise ValueError(f"{MOST_THREADS} threads at most")
    return jobs


class Parameters(Training):
    """What an estimator's own parameters may be; `rule_settings` are checked by the rule."""

    hidden_layer_sizes: Annotated[tuple[Width, ...], Field(min_length=1)]
    active_fraction: Fraction
    max_iter: int = Field(ge=1)
    tol: float = Field(ge=0)
    validation_fraction: float = Field(gt=0, lt=1)
    n_iter_no_change: int = Field(ge=1)
    n_jobs: Annotated[int | None, AfterValidator(_check_jobs)]
    shuffle: StrictBool
    early_stopping: StrictBool
    warm_start: StrictBool
    verbose: StrictBool | int


def check_parameters(given: Mapping[str, Any], place: str) -> Parameters:
    """An estimator's parameters; the first mistake becomes a ValueError that names it."""
    rule, settings = given["rule"], given["rule_settings"]
    if not (isinstance(rule, str) or (isinstance(rule, type) and issubclass(rule, Rule))):
        raise ValueError(f"{place}: rule: a name, a file or a class of rules is needed: {rule!r}")
    if not (settings is None or isinstance(settings, Mapping)):
        raise ValueError(f"{place}: rule_settings: a dict or None is needed: {settings!r}")
    raw = {name: given[name] for name in Parameters.model_fields if name in given}
    sizes = raw["hidden_layer_sizes"]
    if isinstance(sizes, str | bytes):  # a sequence, of letters
        raise ValueError(f"{place}: hidden_layer_sizes: numbers are needed: {sizes!r}")
    raw["hidden_layer_sizes"] = tuple(sizes) if np.iterable(sizes) else (sizes,)
    # Numbers of NumPy's, as searches over parameters draw, are numbers too.
    raw = {name: _to_python(value) for name, value in raw.items()}
    try:
        return validate(Parameters, raw, place)
    except UserError as error:
        raise ValueError(str(error)) from None


def _to_python(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_to_python, value))
    return value.item() if isinstance(value, np.generic) else value


def count_threads(n_jobs: int | None) -> int:
    """Threads for `n_jobs`; None is 1 in a `joblib.parallel_config` too."""
    return 1 if n_jobs is None else effective_n_jobs(n_jobs)


def read_training_input(X: Any) -> Any:
    """Samples to learn from, as `read_input` has them, or a ValueError.

    Float32 has seven digits: times in seconds, say, would all be one number.
    """
    X = read_input(X, "X")
    wide = np.asarray(X) if not hasattr(X, "nnz") else np.empty(0)
    if wide.ndim == 2 and wide.size and wide.dtype.kind in "uif" and wide.dtype.itemsize > 2:
        try:
            require_apart_in_float32(wide.min(axis=0), wide.max(axis=0), "X")
        except UserError as error:
            raise ValueError(str(error)) from None
    return X


def check_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Weights of samples, float64 (n_samples,), at least 0 and not all of them; None: all 1."""
    if sample_weight is None:
        return None
    require_kinds(sample_weight, "sample_weight")
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight is 0 for all samples: there is nothing to learn")
    return weights
