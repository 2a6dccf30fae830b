import itertools
import re
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import pytest

from lsh_dl.common.discovery import discover, find, locate_source, refer_to
from lsh_dl.common.errors import UserError
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.studies.base import Study
from lsh_dl.rules.base import Rule

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
    "exit": ("import sys\n\nsys.exit(3)\n", 5, "SystemExit: 3"),
    "error in a library": ("import json\n\njson.loads('{')\n", 5, "JSONDecodeError"),
    "no title": ("class A(Thing):\n    name = 'a'\n    def act(self): pass\n", 3, "`title`"),
    "no name": ("class A(Thing):\n    title = 'A'\n    def act(self): pass\n", 3, "`name`"),
    "no method": ("class A(Thing):\n    name = 'a'\n    title = 'A'\n", 3, "`act`"),
}


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_file_stops_only_who_asks_for_it(package, base, text, line, reason):
    name = package(good=GOOD, bad=text)
    assert find(name, base, "good").name == "good"
    with pytest.raises(UserError) as caught:
        find(name, base, "bad")
    message = str(caught.value)
    assert discover(name, base).broken == {"bad": message}
    assert f"bad.py:{line}: " in message
    assert reason in message
    assert "\n" not in message


def test_of_two_classes_of_one_name_that_of_its_file_stays(package, base):
    found = discover(package(another=GOOD, good=GOOD, third=GOOD), base)
    assert found["good"].__module__.endswith(".good")
    for stem in ("another", "third"):
        pattern = rf"{stem}\.py:3: the name 'good' is taken by .*good\.py"
        assert re.search(pattern, found.broken[stem])


def test_unknown_name_comes_with_what_could_not_be_read(package, base):
    with pytest.raises(UserError, match=r"unknown name 'mine'.*; not read, .*bad\.py:3: "):
        find(package(good=GOOD, bad="def f(:\n"), base, "mine")


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("lsh_dl.rules", Rule),
        ("lsh_dl.data", DataSet),
        ("lsh_dl.experiment.studies", Study),
    ],
)
def test_nothing_of_the_package_is_broken(folder, known):
    assert discover(folder, known).broken == {}


OWN = GOOD.replace("'good'", "'own'")


def test_class_of_a_file_elsewhere(package, base, tmp_path):
    name = package(good=GOOD)
    path = tmp_path / "own.py"
    path.write_text(HEAD + OWN + OWN.replace("Good(", "Other("))
    with pytest.raises(UserError, match="one subclass of Thing is needed; found Good, Other"):
        find(name, base, str(path))
    found = find(name, base, f"{path}:Other")
    assert (found.name, found.__name__) == ("own", "Other")
    assert find(name, base, refer_to(found, name)) is found
    path.write_text(HEAD + OWN.replace("'Good'", "'New'"))
    assert find(name, base, str(path)).title == "New", "an edited file is read anew"


def test_class_of_a_module(package, base, tmp_path, monkeypatch):
    name, outside = package(good=GOOD), package(one=OWN)
    found = find(name, base, f"{outside}.one:Good")
    assert found.name == "own"
    assert refer_to(found, name) == f"{outside}.one:Good"
    with pytest.raises(UserError, match=r"no_such\.thing: no such module"):
        find(name, base, "no_such.thing:Good")
    with pytest.raises(UserError, match=r"a class Bad, one subclass of Thing is needed"):
        find(name, base, f"{outside}.one:Bad")


def test_outside_names_must_be_free(package, base, tmp_path):
    name = package(good=GOOD)
    (tmp_path / "copy.py").write_text(HEAD + GOOD)
    with pytest.raises(UserError, match=r"copy\.py:3: the name 'good' is taken by .*good\.py"):
        find(name, base, str(tmp_path / "copy.py"))
    own = str(tmp_path / name / "good.py")
    assert find(name, base, own) is find(name, base, "good"), "one of the package, by its path"


def test_files_are_seen_from_the_first_folder_that_has_them(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "b/r.py").touch()
    folders = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.chdir(tmp_path)
    assert locate_source("r.py:R", folders) == "b/r.py:R"
    monkeypatch.chdir(tmp_path / "a")
    assert locate_source("r.py", folders) == str(tmp_path / "b/r.py")
    for kept in ("lsh", "none.py", "package.module:R"):
        assert locate_source(kept, folders) == kept


def test_abstract_class_beside_a_concrete_one_is_left_out(package, base):
    helper = "class Half(Thing):\n    title = 'Half'\n\n"
    name = package(good=helper + GOOD.replace("(Thing)", "(Half)"))
    assert list(discover(name, base)) == ["good"]
