"""Kinds of command-line arguments."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lsh_dl.common.errors import UserError
from lsh_dl.common.paths import expand_path
from lsh_dl.common.validation import shorten
from lsh_dl.common.yaml_files import parse_yaml
from lsh_dl.runs.spec import MOST_THREADS

PACKAGE = Path(__file__).parents[1]


class Json(click.ParamType):
    """A JSON object given as one argument."""

    name = "json"

    def convert(self, value: Any, param: Any, context: Any) -> dict[str, Any]:
        """Parse the text; what is not an object is a usage error."""
        try:
            parsed = json.loads(value, object_pairs_hook=_once) if isinstance(value, str) else value
        except (ValueError, RecursionError) as error:
            self.fail(f"not JSON ({error})", param, context)
        if not isinstance(parsed, dict):
            self.fail("a JSON object is needed, such as {}", param, context)
        return parsed


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Pairs, as of a JSON object, as a dict; a key that is given twice is an error."""
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{key!r} is given twice")
    return dict(pairs)


class Widths(click.ParamType):
    """Widths of hidden layers: `400,400`."""

    name = "widths"

    def convert(self, value: Any, param: Any, context: Any) -> tuple[int, ...]:
        """Parse the text; each width is a whole number of at least 1."""
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isdecimal() and len(part) < 100 and int(part) > 0 for part in parts):
            self.fail(f"{shorten(value)}: widths are needed, such as 400,400", param, context)
        return tuple(map(int, parts))


class Setting(click.ParamType):
    """A setting by its key: `K=6`; the value is read as in a config."""

    name = "key=value"

    def convert(self, value: Any, param: Any, context: Any) -> tuple[str, Any]:
        """Parse the text to key and value."""
        if not isinstance(value, str):
            return value
        key, sign, text = value.partition("=")
        if not (key and sign):
            self.fail(f"{value!r}: KEY=VALUE is needed, such as K=6", param, context)
        try:
            return key, parse_yaml(text, key)
        except UserError as error:
            self.fail(str(error), param, context)


def gather_once(context: Any, param: Any, pairs: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The values of a repeated option of settings by key, as an option's `callback`."""
    try:
        return _once([*pairs])
    except ValueError as error:
        raise click.BadParameter(f"{error}; leave one out", context, param) from None


def _complete(package: str) -> Callable[[Any, Any, str], list[str]]:
    """Completion by the names of a package's files, which are those of its classes."""

    def complete(context: Any, param: Any, start: str) -> list[str]:
        files = sorted((PACKAGE / package).glob("[!_]*.py"))
        return [path.stem for path in files if path.stem.startswith(start) and path.stem != "base"]

    return complete


def complete_runs(context: Any, param: Any, start: str) -> list[str]:
    """Completion by the runs in the folder that the command looks in."""
    folder = Path(context.params.get("folder") or "results/runs")
    return sorted(path.stem for path in folder.glob("*.csv") if path.stem.startswith(start))


complete_datasets = _complete("data")
complete_rules = _complete("rules")
complete_systems = _complete("systems")


class Seconds(click.FloatRange):
    """Seconds, at least 0; no `nan`, which is in no range and below none."""

    def __init__(self):
        super().__init__(0)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """See `click.ParamType.convert`."""
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail("nan is no number of seconds", param, ctx)
        return number


class UserPath(click.Path):
    """A path, with `~` expanded: shells leave it in `--out=~/x`."""

    def convert(self, value: Any, param: Any, context: Any) -> Path:
        """The path; what no file system takes is a usage error."""
        try:
            expanded = expand_path(value)
        except UserError as error:
            self.fail(str(error), param, context)
        return Path(super().convert(str(expanded), param, context))


random_seed = click.IntRange(0, 2**63 - 1)
thread_count = click.IntRange(1, MOST_THREADS)
any_path = UserPath()
folder = UserPath(file_okay=False)
file = UserPath(dir_okay=False)
part_of_data = click.Choice(["train", "validation", "test"])
