"""Which code decides a result: the modules that it is made of, found by reading their imports.

One answer for all who ask: a job that prepares, trains or measures is known by `digest_sources` of
its `source_files`, a checkpoint and a compiled kernel by `digest_code`; jobs of a second have
`source_files` as inputs. Imports are read, not run; what is imported by its name as a string
(discovery, the estimator) is followed only where it is asked for.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import platformdirs

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole

PACKAGE = Path(__file__).parents[1]


def source_files(*modules: str) -> list[Path]:
    """The package's files that `modules` are made of, with all that they import in turn.

    Parameters
    ----------
    modules: full names, such as "lsh_dl.training.run"; each must be a module of this package.

    Returns
    -------
    Sorted paths, relative to the working directory where they lie below it.

    Raises
    ------
    ModuleNotFoundError
        One of `modules` has no file.
    """
    is_own = all(map(file_of, modules))
    files = (_follow_own(modules) if is_own else _follow(modules, outside=True)).values()
    folder = Path.cwd()
    return sorted({_below(folder, path) for path in files})


def digest_code(*modules: str) -> str:
    """A digest of what `modules` and all that they import do: SHA-256, in hexadecimal.

    Comments, docstrings and the wording of errors that are raised leave it as it is. A module from
    outside of the package counts with the loaded ones that it imports, unless they are installed.

    Raises
    ------
    ModuleNotFoundError
        One of `modules` has no file: it was typed in, say.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_follow(modules, outside=True).items()):
        digest.update(f"{name} {_read(path).digest}\n".encode())
    return digest.hexdigest()


def digest_sources(files: Iterable[Path]) -> str:
    """As `digest_code`, of files that `source_files` gave."""
    digests = sorted(f"{path.name} {_read(path).digest}" for path in files)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _follow(modules: Iterable[str], outside: bool = False) -> dict[str, Path]:
    """Files by the names of modules."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = file_of(name) or (_loaded_file(name, name in modules) if outside else None)
        if path is None:
            if name not in modules:
                continue
            raise ModuleNotFoundError(f"no file for the module {name}", name=name)
        found[name] = path
        if parent := name.rpartition(".")[0]:
            waiting.append(parent)
        imported = _imports(name, path)
        waiting += imported if outside else filter(file_of, imported)
    return found


@cache
def _follow_own(modules: tuple[str, ...]) -> dict[str, Path]:
    """`_follow` within the package: the pipeline asks the same for every job."""
    return _follow(modules)


def imports_in_functions(module: str) -> list[str]:
    """The package's modules that `module` imports inside functions, as far as it is called."""
    tree = ast.parse(file_of(module).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    package = module.rpartition(".")[0]
    stated = (found for function in functions for found in _find_imports(function))
    named = {name for found in stated for name in _named_modules(found, package)}
    return sorted(name for name in named if file_of(name))


@cache
def file_of(name: str) -> Path | None:
    """The file of a module of this package; None if there is none."""
    root, *parts = name.split(".")
    if root != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts)
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


def _loaded_file(name: str, asked_for: bool) -> Path | None:
    """The file of a module that is loaded, belongs to no package of this name, and isn't installed.

    Installed ones are known by their versions; one that is asked for counts all the same.
    """
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or name.split(".")[0] == PACKAGE.name:
        return None
    path = Path(file).resolve()
    return None if (_is_installed(path) and not asked_for) or path.suffix != ".py" else path


def _is_installed(path: Path) -> bool:
    """Whether a file is Python's own or a package's, of this environment or another on its path."""
    below = any(path.is_relative_to(Path(root)) for root in (sys.prefix, sys.base_prefix))
    return below or bool({"site-packages", "dist-packages"} & set(path.parts))


@cache
def _imports(name: str, path: Path) -> tuple[str, ...]:
    """Modules that the module `name` may import, at any depth of its code."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    named = {name for stated in _read(path).imports for name in _named_modules(stated, package)}
    return tuple(sorted(named))


class _Import(NamedTuple):
    """`import base`, or `from base import names` with so many dots before it."""

    base: str
    level: int
    names: list[str]


def _find_imports(tree: ast.AST) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_Import(alias.name, 0, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield _Import(node.module or "", node.level, [alias.name for alias in node.names])


def _named_modules(stated: _Import, package: str) -> Iterator[str]:
    """Names that an import statement may mean; `from a import b` may mean a module a.b."""
    base = stated.base
    if stated.level:
        parts = package.split(".")
        above = parts[: len(parts) - stated.level + 1]
        base = ".".join([*above, *([base] if base else [])])
    yield base
    for name in stated.names:
        yield f"{base}.{name}"


class _Read(NamedTuple):
    """What is to be known of a file."""

    imports: list[_Import]
    digest: str


@cache
def _read(path: Path) -> _Read:
    """Read a source file, or what was kept of one with the same contents: it saves half a second.

    What is kept stands in the user's cache folder. A damaged file is as none.
    """
    contents = path.read_bytes()
    name = hashlib.sha256(_form() + contents).hexdigest()[:40]
    kept = Path(platformdirs.user_cache_dir("lsh-dl")) / "sources" / f"{name}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(kept.read_text(encoding="utf-8"))
        return _Read([_Import(*stated) for stated in found["imports"]], str(found["digest"]))
    tree = ast.parse(contents, str(path))  # bytes: in the encoding that the file says
    imports = list(_find_imports(tree))
    digest = hashlib.sha256(ast.dump(_DropWording().visit(tree)).encode()).hexdigest()
    with suppress(UserError), written_whole(kept) as file:
        json.dump({"imports": imports, "digest": digest}, file)
    return _Read(imports, digest)


@cache
def _form() -> bytes:
    """What decides how files are read: this one, and Python's version."""
    return Path(__file__).read_bytes() + repr(sys.version_info[:3]).encode()


class _DropWording(ast.NodeTransformer):
    """Take out docstrings, and the texts of what is raised."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _DropTexts().visit(node)


class _DropTexts(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def below_working_directory(path: Path) -> Path:
    """`path` as Snakemake names a file below its working directory."""
    return _below(Path.cwd(), path)


@cache  # a plan asks for the same few files of every job
def _below(folder: Path, path: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path
