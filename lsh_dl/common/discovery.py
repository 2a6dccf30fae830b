"""Find rules, data sets and studies: classes of one kind, a file each, in the package or outside.

A class is named by a *reference*, which is one of

========================  ==================================================================
``lsh``                   the class called so in the package's folder, found by its presence
``path/to/mine.py``       the one class in a file; ``mine.py:Mine`` where it holds several
``package.module:Mine``   a class of a module that Python can import
========================  ==================================================================
"""

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from lsh_dl.common.errors import UserError, suggest

T = TypeVar("T")

#: Start of the names under which files outside of a package are imported.
OF_FILE = "lsh_dl_file_"


class Found(dict[str, type[T]], Generic[T]):
    """The classes of a package by name.

    Attributes
    ----------
    broken
        By module name, the files that hold none because of a mistake, with place and reason.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken: dict[str, str] = {}


@cache
def discover(package: str, base: type[T]) -> Found[T]:
    """Import every module of `package` and return its concrete subclasses of `base` by name.

    A module whose name starts with an underscore, or is `base`, is left out, and so are packages
    and an abstract class beside a concrete one. A file with a mistake (it cannot be imported, a
    class lacks what the base asks for, its name is taken) stops nothing: it stands in `broken`.
    """
    found = Found()
    folder = importlib.import_module(package)
    for module_info in pkgutil.iter_modules(folder.__path__):
        if module_info.ispkg or module_info.name.startswith("_") or module_info.name == "base":
            continue
        load = partial(importlib.import_module, f"{package}.{module_info.name}")
        try:
            classes = _classes_in(_import(load, Path(folder.__path__[0])), base)
            for cls in classes:
                _add(found, cls)
        except UserError as error:
            found.broken[module_info.name] = str(error)
    return found


def _add(found: Found[T], cls: type[T]) -> None:
    """Add a class; of two with one name, the one whose file has that name stays."""
    other = found.setdefault(cls.name, cls)
    if other is cls:
        return
    loser = cls
    if _stem(cls) == cls.name:
        found[cls.name], loser = cls, other
    reason = (
        f"{_place(loser)}: the name {cls.name!r} is taken by "
        f"{inspect.getfile(found[cls.name])}; choose another"
    )
    found.broken[_stem(loser)] = reason


def find(package: str, base: type[T], reference: str) -> type[T]:
    """The class that a reference names (see above).

    Raises
    ------
    UserError
        There is none, with the nearest known name; or its file has a mistake, with file and line.
    """
    known = discover(package, base)
    if is_outside(reference):
        cls = load(package, base, reference)
        if known.get(cls.name, cls) is not cls:
            taken = inspect.getfile(known[cls.name])
            raise UserError(f"{_place(cls)}: the name {cls.name!r} is taken by {taken}")
        return cls
    if reference in known:
        return known[reference]
    if reference in known.broken:
        raise UserError(known.broken[reference])
    kind = package.rpartition(".")[2]
    also = "".join(f"; not read, {reason}" for reason in known.broken.values())
    raise UserError(f"unknown name {reference!r} in {kind}: {suggest(reference, known)}{also}")


def is_outside(reference: str) -> bool:
    """Whether a reference names a file or a module instead of a name in the package."""
    return reference.endswith(".py") or ":" in reference


def load(package: str, base: type[T], reference: str) -> type[T]:
    """The class of a file or module, whatever names are taken.

    Raises
    ------
    UserError
        The file or module is missing, cannot be imported, or holds no such class or several.
    """
    file, name = _split(reference)
    if file is not None:
        module, place = _import_file(file, package), str(file)
    else:
        module, place = _import_module(reference.partition(":")[0]), reference
    classes = _classes_in(module, base)
    if name:
        classes = [cls for cls in classes if cls.__name__ == name]
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        wanted = f"a class {name}, " if name else ""
        raise UserError(
            f"{place}: {wanted}one subclass of {base.__name__} is needed; found {found}"
        )
    return classes[0]


def _split(reference: str) -> tuple[Path | None, str | None]:
    """The file of a reference, if it names one, and the class, if it names one."""
    if reference.endswith(".py"):
        return Path(reference), None
    head, _, name = reference.rpartition(":")
    return (Path(head) if head.endswith(".py") else None), name


def locate_source(reference: str, folders: Iterable[Path]) -> str:
    """A reference to a file, with its path as seen from the first of `folders` that has it.

    Other references, and files that are in none of them, are given back as they are.
    """
    file, name = _split(reference) if is_outside(reference) else (None, None)
    if file is None:
        return reference
    for folder in folders:
        path = folder / file.expanduser()
        if path.is_file():
            path = path.resolve()
            here = Path.cwd()
            shown = path.relative_to(here) if path.is_relative_to(here) else path
            return f"{shown}:{name}" if name else str(shown)
    return reference


def refer_to(cls: type, package: str) -> str:
    """A reference by which `find` gives the class again: a name, a path or `module:Class`."""
    if cls.__module__.startswith(f"{package}."):
        return cls.name
    if cls.__module__.startswith(OF_FILE):
        return f"{inspect.getfile(cls)}:{cls.__name__}"
    return f"{cls.__module__}:{cls.__qualname__}"


def _import_file(path: Path, package: str) -> ModuleType:
    """Import a file that may lie anywhere; an edited one anew."""
    if not path.is_file():
        raise UserError(f"{path}: no such Python file")
    if b"\0" in path.read_bytes():  # Python's own error names no file
        raise UserError(f"{path}: no Python file: there are NUL bytes in it")
    path = path.resolve()
    home = Path(importlib.import_module(package).__path__[0]).resolve()
    if path.parent == home:  # one of the package's own, by its path
        return _import(partial(importlib.import_module, f"{package}.{path.stem}"), home)
    digest = hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:16]
    name = f"{OF_FILE}{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)

    def execute() -> ModuleType:
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # classes and compiled functions look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return _import(execute, path.parent)


def _import_module(name: str) -> ModuleType:
    """Import a module by name; one in the working folder is found too, after all others."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    except Exception as error:  # a package above it cannot be imported
        raise UserError(f"{name}: {type(error).__name__}: {error}".splitlines()[0]) from error
    if spec is None and name not in sys.modules:
        raise UserError(f"{name}: no such module; install it or set PYTHONPATH, or give a FILE.py")
    folder = Path(spec.origin).parent if spec and spec.origin else Path(here)
    return _import(partial(importlib.import_module, name), folder)


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


def _stem(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


def _is_defined_in(cls: object, module: ModuleType, base: type) -> bool:
    return inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module.__name__


def _import(load: Callable[[], ModuleType], folder: Path) -> ModuleType:
    """Call `load`; an error names the line in `folder` that it comes from."""
    try:
        return load()
    except SyntaxError as error:
        raise UserError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if Path(frame.filename).parent == folder]
        place = inside[-1] if inside else frames[-1]
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{place.filename}:{place.lineno}: {reason}") from error
