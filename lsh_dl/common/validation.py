"""Checked records: unknown keys are errors, and a mistake is one line that names its place."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from lsh_dl.common.errors import UserError, suggest


class Model(BaseModel):
    """Base of every part of a configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validate(model: type[BaseModel], raw: Mapping[str, Any], place: str) -> Any:
    """Build `model` from `raw`; the first mistake becomes a one-line UserError at `place`."""
    try:
        built = model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
    else:
        first = next(_find_truths(raw, built), None)
        if first is None:
            return built
    path = [part for part in first["loc"] if part != "[key]"]
    where = ".".join(name if len(name) <= 100 else name[:97] + "..." for name in map(str, path))
    joint = ": " if ":" not in place else "."
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        raise UserError(f"{place}{joint}{where}: unknown key; {suggest(str(path[-1]), known)}")
    if first["type"] == "missing":
        raise UserError(f"{place}{joint}{where}: missing; see configs/README.md")
    if first["type"] == "invalid_key":
        raise UserError(f"{place}{joint}{where}: a key must be text; see configs/README.md")
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if first["type"] == "string_type":
        message = "should be text, in quotes where it looks like something else"
    where = f"{joint}{where}" if where else ""
    raise UserError(f"{place}{where}: {message} (got {shorten(first['input'])})")


def _find_truths(raw: Any, built: Any, path: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    """Each `true` and `false` in `raw` that is 1 or 0 in `built`, as an error of pydantic's.

    Pydantic takes them for numbers, save where each field says otherwise.
    """
    if raw is built:  # as all that a field of `Any` holds, however deep
        return
    if isinstance(raw, bool):
        if type(built) in (int, float):
            yield {"type": "truth", "loc": path, "msg": "a number is needed", "input": raw}
    elif isinstance(raw, Mapping) and isinstance(built, BaseModel):
        for key, value in raw.items():
            yield from _find_truths(value, vars(built).get(key), (*path, key))
    elif isinstance(raw, Mapping) and isinstance(built, Mapping):
        for key, built_key in zip(raw, built, strict=False):
            yield from _find_truths(key, built_key, (*path, key))
            yield from _find_truths(raw[key], built[built_key], (*path, key))
    elif isinstance(raw, list | tuple) and isinstance(built, list | tuple):
        for place, (value, built_value) in enumerate(zip(raw, built, strict=False)):
            yield from _find_truths(value, built_value, (*path, place))


def shorten(value: Any) -> str:
    """A value as it is shown in a message: its `repr`, cut to a line's length."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # whole numbers of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(model: type[BaseModel], path: list[Any]) -> list[str]:
    """The known keys of the model at `path` inside `model`."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        options = [annotation, *get_args(annotation)]  # an optional section is a union
        inner = [kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not inner:
            break
        model = inner[0]
    return list(model.model_fields)
