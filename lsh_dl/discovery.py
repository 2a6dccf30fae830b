"""Find the classes that stand in a package, one public class a file: rules and data sets."""

import importlib
import inspect
import pkgutil
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from lsh_dl.errors import UserError, suggest

T = TypeVar("T")


@cache
def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """Import every module of `package` and return its concrete subclasses of `base` by name.

    A module whose name starts with an underscore, or is `base`, is left out. Abstract
    subclasses are skipped.

    Raises
    ------
    UserError
        A file cannot be imported, a class has no `name`, or two classes share one.
    """
    found: dict[str, type[T]] = {}
    folder = importlib.import_module(package)
    for module_info in pkgutil.iter_modules(folder.__path__):
        if module_info.name.startswith("_") or module_info.name == "base":
            continue
        module = _import(f"{package}.{module_info.name}", Path(folder.__path__[0]))
        for cls in vars(module).values():
            if not _is_defined_in(cls, module, base):
                continue
            name = getattr(cls, "name", None)
            if not name:
                raise UserError(f"{module.__file__}: class {cls.__name__} needs a `name`")
            if name in found:
                raise UserError(
                    f"{module.__file__}: the name {name!r} is taken by "
                    f"{inspect.getfile(found[name])}; choose another"
                )
            found[name] = cls
    return found


def find(package: str, base: type[T], name: str) -> type[T]:
    """The class called `name`, or a UserError that names the nearest known one."""
    known = discover(package, base)
    if name not in known:
        kind = package.rpartition(".")[2]
        raise UserError(f"unknown name {name!r} in {kind}: {suggest(name, known)}")
    return known[name]


def _is_defined_in(cls: object, module: ModuleType, base: type) -> bool:
    return (
        inspect.isclass(cls)
        and issubclass(cls, base)
        and cls.__module__ == module.__name__
        and not inspect.isabstract(cls)
    )


def _import(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise UserError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if Path(frame.filename).parent == folder]
        place = inside[-1] if inside else frames[-1]
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{place.filename}:{place.lineno}: {reason}") from error
