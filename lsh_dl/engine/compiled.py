"""The decorator of every kernel."""

from collections.abc import Callable
from typing import Any

import numba
from numba.core.dispatcher import Dispatcher

from lsh_dl.engine.kernel_cache import KernelCache


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile to machine code: no bounds checks, no interpreter lock, cached on disk.

    Numba's settings and its cache for other functions stay as they are.
    """
    kernel = numba.njit(nogil=True, fastmath=True, error_model="numpy")(function)
    if isinstance(kernel, Dispatcher):  # it is not where NUMBA_DISABLE_JIT is set
        kernel._cache = KernelCache(function)
    return kernel
