"""The arrays in nested NamedTuples by name, and back: how models are saved, copied and resumed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from lsh_dl.common.errors import UserError
from lsh_dl.common.npy import all_finite
from lsh_dl.rules.base import Rule


def name_arrays(state: Any, name: str, scratch: bool = False) -> Iterator[tuple[str, np.ndarray]]:
    """Every array and number below `state`, as `name.field.field`.

    But, unless asked for, for what is below a field called `scratch`: it is written before it is
    read.

    Raises
    ------
    UserError
        There is something else in it, which could not be saved.
    """
    if hasattr(state, "_fields"):
        for field, value in zip(state._fields, state, strict=True):
            if scratch or field != "scratch":
                yield from name_arrays(value, f"{name}.{field}", scratch)
    elif state is None:  # of an optimiser without Adam
        return
    elif isinstance(state, np.ndarray | np.generic | bool | int | float | str):
        yield name, np.asarray(state)
    else:
        raise UserError(
            f"{name} is a {type(state).__name__}, which cannot be saved; the state of a rule "
            "holds arrays, numbers and NamedTuples of them (lsh_dl/rules/base.py)"
        )


def require_state(state: Any, rule: type[Rule]) -> None:
    """Raise a UserError unless `state` is what the `start` of `rule` may return.

    Of a compiled rule `scratch` is looked at too, which kernels are handed as it is.
    """
    wanted = f"rule {rule.name}: start: "
    if not (isinstance(state, tuple) and hasattr(state, "_fields")):
        raise UserError(
            f"{wanted}returns {type(state).__name__}; a NamedTuple of arrays and numbers is needed"
        )
    try:
        arrays = list(name_arrays(state, "state", scratch=isinstance(rule.select, Dispatcher)))
    except UserError as error:
        raise UserError(f"{wanted}{error}") from None
    for name, array in arrays:
        if array.dtype.kind not in "buif" or array.dtype == np.float16 or not array.dtype.isnative:
            raise UserError(f"{wanted}{name} is {array.dtype}; native numbers are needed")
        if not array.flags.writeable:
            raise UserError(f"{wanted}{name} cannot be written; give a copy of it")
        if "scratch" not in name.split(".") and not all_finite(array):
            raise UserError(f"{wanted}{name} is not finite, and so could not be saved")


def fill_arrays(state: Any, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Copy `arrays`, named as by `name_arrays`, into the arrays below `state`, in place.

    Raises
    ------
    UserError
        One is missing, has another shape or type, is not finite, or a number is another: `arrays`
        come from a state that was made otherwise.
    """
    for place, target in name_arrays(state, name):
        if place not in arrays:
            raise UserError(f"{place} is missing")
        source = arrays[place]
        if (source.shape, source.dtype) != (target.shape, target.dtype):
            raise UserError(
                f"{place} is {source.dtype} {source.shape}, not {target.dtype} {target.shape}"
            )
        if target.ndim:
            target[...] = source
            if not all_finite(target):
                raise UserError(f"{place} is not finite: training diverged")
        else:
            number = np.asarray(source)
            if number != target and not (number != number and target != target):  # NaN is alike
                raise UserError(f"{place} is {number}, not {target}")
