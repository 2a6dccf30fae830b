import itertools
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import pytest

from lsh_dl.common.discovery import discover, find
from lsh_dl.common.errors import UserError

HEAD = "from test_discovery import Thing\n\n"
GOOD = "class Good(Thing):\n    name = 'good'\n    title = 'Good'\n\n    def act(self): pass\n"
_number = itertools.count()


class Thing(ABC):
    """The base that the files below are written for."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def act(self): ...


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that writes files of a new package and returns the package's name."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)

    def write(**files: str) -> str:
        name = f"things{next(_number)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for stem, text in files.items():
            (folder / f"{stem}.py").write_text(HEAD + text)
        return name

    yield write
    for module in [module for module in sys.modules if module.startswith("things")]:
        del sys.modules[module]


@pytest.fixture
def base():
    """`Thing` as the files of a package import it."""
    import test_discovery

    return test_discovery.Thing


def test_classes_are_found_by_name(package, base):
    name = package(good=GOOD, _helper="1 / 0", base="1 / 0")
    assert list(discover(name, base)) == ["good"]


def test_imported_classes_are_not_found_twice(package, base):
    name = package(good=GOOD)
    (Path(sys.path[1]) / name / "user.py").write_text(f"from {name}.good import Good\n")
    assert list(discover(name, base)) == ["good"]


def test_unknown_name_gets_the_nearest(package, base):
    with pytest.raises(UserError, match=r"unknown name 'goof' in .*: did you mean 'good'"):
        find(package(good=GOOD), base, "goof")


BROKEN = {
    "syntax": ("def f(:\n", 3, "invalid syntax"),
    "import": ("\nimport no_such_module\n", 4, "No module named 'no_such_module'"),
    "error": ("x = 1\n\n\ny = x / 0\n", 6, "ZeroDivisionError"),
    "error in a library": ("import json\n\njson.loads('{')\n", 5, "JSONDecodeError"),
    "no title": ("class A(Thing):\n    name = 'a'\n    def act(self): pass\n", 3, "`title`"),
    "no name": ("class A(Thing):\n    title = 'A'\n    def act(self): pass\n", 3, "`name`"),
    "no method": ("class A(Thing):\n    name = 'a'\n    title = 'A'\n", 3, "`act`"),
}


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named_with_line_and_reason(package, base, text, line, reason):
    with pytest.raises(UserError) as caught:
        discover(package(good=GOOD, bad=text), base)
    message = str(caught.value)
    assert f"bad.py:{line}: " in message
    assert reason in message
    assert "\n" not in message


def test_two_classes_of_one_name(package, base):
    with pytest.raises(UserError, match=r"good\.py:3: the name 'good' is taken by .*another\.py"):
        discover(package(another=GOOD, good=GOOD), base)


def test_abstract_class_beside_a_concrete_one_is_left_out(package, base):
    helper = "class Half(Thing):\n    title = 'Half'\n\n"
    name = package(good=helper + GOOD.replace("(Thing)", "(Half)"))
    assert list(discover(name, base)) == ["good"]
