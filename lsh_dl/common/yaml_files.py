"""The one reader of YAML: plain data, each key once, bounded; a mistake is one line with its place.

YAML itself lets a later key of the same name replace the first in silence, values hold themselves
by an alias, and nine lines of aliases stand for a billion values. 010 is 8 and 1:30 is 90 in it.
"""

from pathlib import Path
from typing import Any

import yaml

from lsh_dl.common.errors import UserError

MOST_BYTES = 1_000_000
"""Size of a file; the largest config here has 6,000 bytes."""
DEEPEST = 30
"""Levels of lists and mappings within each other; a config has five."""
MOST_VALUES = 100_000
"""Values, those that aliases stand for counted each time."""
LONGEST_BITS = 128
"""Bits of a whole number: Python itself refuses to show very long ones."""
MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """PyYAML's loader of plain data, which also refuses what `yaml_files` says."""

    def __init__(self, text: str):
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(self.peek_event(), f"nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            self._count_values(node, {}, [])
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value = super().construct_yaml_int(node)
        if value.bit_length() > LONGEST_BITS:
            self._refuse(node, "a number of so many digits means nothing here")
        digits = node.value.lstrip("+-").replace("_", "")
        if digits.isdecimal() and int(digits) != abs(value):
            self._refuse_spelling(node, f"octal for {value}")
        self._refuse_colons(node, value)
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = super().construct_yaml_float(node)
        self._refuse_colons(node, value)
        return value

    def _refuse_colons(self, node: yaml.ScalarNode, value: float) -> None:
        if ":" in node.value:  # YAML 1.1 has hours, minutes and seconds as numbers
            self._refuse_spelling(node, f"of base 60 for {value}")

    def _refuse_spelling(self, node: yaml.ScalarNode, meaning: str) -> None:
        self._refuse(node, f"{node.value} is {meaning}; write a number plainly, text in quotes")

    def _count_values(self, node: yaml.Node, counts: dict[int, int], above: list[int]) -> int:
        """How many values `node` stands for, its own included."""
        if id(node) in above:
            self._refuse(node, "an alias of itself is in it")
        if id(node) in counts or isinstance(node, yaml.ScalarNode):
            return counts.get(id(node), 1)
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            parts = [part for pair in node.value for part in pair]
        within = [*above, id(node)]
        count = 1 + sum(self._count_values(part, counts, within) for part in parts)
        if count > MOST_VALUES:
            self._refuse(node, f"more than {MOST_VALUES:,} values, those of aliases included")
        counts[id(node)] = count
        return count

    def _check_keys(self, node: yaml.MappingNode) -> None:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "a key must be text or a number")
            # Of several merges the first would be dropped; a list merges them: `<<: [*a, *b]`.
            is_merge = key_node.tag == MERGE
            key = key_node.value if is_merge else self.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if key in lines:
                self._refuse(key_node, f"{key!r} is given twice, first in line {lines[key]}")
            lines[key] = line

    def _refuse(self, place: yaml.Node | yaml.Event, reason: str) -> None:
        raise UserError(f"line {place.start_mark.line + 1}: {reason}")


# PyYAML calls what is registered for a kind of value, not the method of its name.
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def read_yaml(path: Path | str) -> Any:
    """The plain data in a YAML file.

    Raises
    ------
    UserError
        The file is missing, too large or not UTF-8, or as `parse_yaml`.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: {reason}; give the path of a config file") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes; give a config file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, place: str) -> Any:
    """The plain data that a YAML text stands for: dicts, lists, text, numbers, booleans, None.

    Raises
    ------
    UserError
        It is not YAML, or asks for other objects; a key is given twice in a mapping; a number is
        octal or of base 60; it is nested too deep; aliases refer to themselves or stand for too
        many values. The message begins with `place` and the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        reason = " ".join(filter(None, (error.context, error.problem)))
        raise UserError(f"{place}: {line}not YAML: {' '.join(reason.split())}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # dates such as 2024-13-40
        raise UserError(f"{place}: not YAML: {' '.join(str(error).split())}") from error
