"""Find the classes that stand in a package, one public class a file: rules and data sets."""

import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from lsh_dl.common.errors import UserError, suggest

T = TypeVar("T")


@cache
def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """Import every module of `package` and return its concrete subclasses of `base` by name.

    A module whose name starts with an underscore, or is `base`, is left out, and so are packages
    and an abstract class beside a concrete one.

    Raises
    ------
    UserError
        A file cannot be imported, a class lacks what the base asks for, or two share a name.
    """
    found: dict[str, type[T]] = {}
    folder = importlib.import_module(package)
    for module_info in pkgutil.iter_modules(folder.__path__):
        if module_info.ispkg or module_info.name.startswith("_") or module_info.name == "base":
            continue
        name = f"{package}.{module_info.name}"
        module = _import(partial(importlib.import_module, name), Path(folder.__path__[0]))
        for cls in _classes_in(module, base):
            if cls.name in found:
                raise UserError(
                    f"{_place(cls)}: the name {cls.name!r} is taken by "
                    f"{inspect.getfile(found[cls.name])}; choose another"
                )
            found[cls.name] = cls
    return found


def load_file(path: Path, base: type[T]) -> type[T]:
    """The concrete subclass of `base` in a file that may lie anywhere.

    Raises
    ------
    UserError
        The file is missing, cannot be imported, or holds no such class or several.
    """
    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"{path}: no such Python file")
    path = path.resolve()
    spec = importlib.util.spec_from_file_location(f"file_{path.stem}", path)

    def load() -> ModuleType:
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # classes and compiled functions look their module up
        spec.loader.exec_module(module)
        return module

    classes = _classes_in(_import(load, path.parent), base)
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise UserError(f"{path}: one subclass of {base.__name__} is needed; found {found}")
    return classes[0]


def _classes_in(module: ModuleType, base: type[T]) -> list[type[T]]:
    """The classes that a module defines, each with all that `base` asks for."""
    classes = [cls for cls in vars(module).values() if _is_defined_in(cls, module, base)]
    concrete = [cls for cls in classes if not inspect.isabstract(cls)]
    for cls in concrete or classes:
        _check_complete(cls, base)
    return concrete


def _check_complete(cls: type, base: type) -> None:
    """Raise a UserError unless `cls` has every attribute and method that `base` leaves open."""
    declared = [name for name in inspect.get_annotations(base) if not hasattr(cls, name)]
    missing = [*declared, *sorted(getattr(cls, "__abstractmethods__", ()))]
    if missing:
        raise UserError(
            f"{_place(cls)}: class {cls.__name__} lacks {', '.join(f'`{m}`' for m in missing)}; "
            f"{inspect.getfile(base)} says what each is"
        )


def _place(cls: type) -> str:
    return f"{inspect.getfile(cls)}:{inspect.getsourcelines(cls)[1]}"


def find(package: str, base: type[T], name: str) -> type[T]:
    """The class called `name`, or a UserError that names the nearest known one."""
    known = discover(package, base)
    if name not in known:
        kind = package.rpartition(".")[2]
        raise UserError(f"unknown name {name!r} in {kind}: {suggest(name, known)}")
    return known[name]


def _is_defined_in(cls: object, module: ModuleType, base: type) -> bool:
    return inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module.__name__


def _import(load: Callable[[], ModuleType], folder: Path) -> ModuleType:
    """Call `load`; an error names the line in `folder` that it comes from."""
    try:
        return load()
    except SyntaxError as error:
        raise UserError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if Path(frame.filename).parent == folder]
        place = inside[-1] if inside else frames[-1]
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{place.filename}:{place.lineno}: {reason}") from error
