"""Which files of this package a module is made of, by reading its imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = file_of(name)
        if path is None:
            raise ModuleNotFoundError(f"no file for the module {name}", name=name)
        found[name] = path
        parent = name.rpartition(".")[0]
        waiting += [*([parent] if parent else []), *_imports(name)]
    return sorted({below_working_directory(path) for path in found.values()})


def imports_in_functions(module: str) -> list[str]:
    """The package's modules that `module` imports inside functions, as far as it is called."""
    tree = ast.parse(file_of(module).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    nodes = [node for function in functions for node in ast.walk(function)]
    package = module.rpartition(".")[0]
    named = {name for node in nodes for name in _named_modules(node, package)}
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


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Modules of the package that the module `name` imports, at any depth of its code."""
    path = file_of(name)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        named.update(_named_modules(node, package))
    return tuple(sorted(module for module in named if file_of(module)))


def _named_modules(node: ast.AST, package: str) -> Iterator[str]:
    """Names that an import statement may mean; `from a import b` may mean a module a.b."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1]
            base = ".".join([*above, *([base] if base else [])])
        yield base
        for alias in node.names:
            yield f"{base}.{alias.name}"


def below_working_directory(path: Path) -> Path:
    """`path` as Snakemake names a file below its working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
