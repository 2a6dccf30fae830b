"""Kinds of command-line arguments."""

import json
from pathlib import Path
from typing import Any

import click


class Json(click.ParamType):
    """A JSON object given as one argument."""

    name = "json"

    def convert(self, value: Any, param: Any, context: Any) -> dict[str, Any]:
        """Parse the text; what is not an object is a usage error."""
        try:
            parsed = json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f"not JSON ({error})", param, context)
        if not isinstance(parsed, dict):
            self.fail("a JSON object is needed, such as {}", param, context)
        return parsed


folder = click.Path(file_okay=False, path_type=Path)
file = click.Path(dir_okay=False, path_type=Path)
