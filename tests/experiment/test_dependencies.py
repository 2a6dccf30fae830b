import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from networks import make_run

from lsh_dl.common import code as sources
from lsh_dl.common.discovery import discover
from lsh_dl.data.prepared.prepare import sources_of_data
from lsh_dl.experiment.dependencies import sources_of_run
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Training

ROOT = Path(__file__).parents[2]


def relative(paths):
    return {path.resolve().relative_to(ROOT).as_posix() for path in map(Path, paths)}


def test_run_depends_on_engine_and_its_own_rule_only():
    files = relative(sources_of_run(make_run("wta", Training())))
    assert {"lsh_dl/training/run.py", "lsh_dl/rules/base.py", "lsh_dl/rules/wta.py"} <= files
    assert {path for path in files if path.startswith("lsh_dl/rules/")} == {
        "lsh_dl/rules/__init__.py",
        "lsh_dl/rules/base.py",
        "lsh_dl/rules/wta.py",
    }
    assert not files & {
        "lsh_dl/results/tables.py",
        "lsh_dl/training/progress.py",
        "lsh_dl/training/job.py",
        "lsh_dl/cli/main.py",
        "lsh_dl/data/prepared/fetch.py",
    }


def test_data_depend_on_neither_engine_nor_rules():
    files = relative(sources_of_data("digits"))
    assert {"lsh_dl/data/prepared/prepare.py", "lsh_dl/data/digits.py"} <= files
    assert not [path for path in files if path.startswith(("lsh_dl/engine", "lsh_dl/rules"))]
    assert "lsh_dl/data/convex.py" not in files


def test_a_run_waits_for_no_library_of_tables():
    """Which takes as long to import as a small network to train; the pipeline has hundreds."""
    code = "import sys, lsh_dl.training.job; print({'pandas', 'matplotlib'} & {*sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert loaded.stdout == "set()\n"


def test_planning_waits_for_no_statistics():
    """A second of each call of Snakemake, and of each test of the pipeline."""
    rules = [file.read_text() for file in (ROOT / "workflow" / "rules").glob("*.smk")]
    lines = [
        line for text in rules for line in re.findall(r"^(?:from|import) lsh_dl\S*", text, re.M)
    ]
    code = "\n".join(f"import {line.split()[1]}" for line in lines)
    code += "\nimport sys; print({'scipy.stats', 'matplotlib'} & {*sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert len(lines) > 5
    assert loaded.stdout == "set()\n"


@pytest.mark.parametrize("rule", sorted(discover("lsh_dl.rules", Rule)))
def test_all_that_importing_loads_is_declared(rule):
    """The interpreter's own account, against what was read from the files."""
    code = (
        "import sys, lsh_dl.training.run, importlib; importlib.import_module(sys.argv[1]);"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'lsh_dl'))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code, f"lsh_dl.rules.{rule}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    assert relative(loaded) <= relative(sources_of_run(make_run(rule, Training())))


@pytest.fixture
def small_package(tmp_path, monkeypatch):
    files = {
        "__init__": "",
        "start": "import small.cycle\nfrom . import relative\nimport json\n",
        "cycle": "from small.start import x\n",
        "relative": "def f():\n    from .deep.leaf import y\n",
        "deep/__init__": "from .. import above\n",
        "deep/leaf": "",
        "above": "if False:\n    import small.conditional as c\n",
        "conditional": "",
        "unused": "import small.start\n",
    }
    for stem, text in files.items():
        path = tmp_path / "small" / f"{stem}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "PACKAGE", tmp_path / "small")
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget():
    """As a new process knows nothing of the files."""
    for known in (sources.file_of, sources._imports, sources._follow_own, sources._read):
        known.cache_clear()


def test_every_kind_of_import_is_followed(small_package):
    found = [path.as_posix() for path in sources.source_files("small.start")]
    assert found == [
        "small/__init__.py",
        "small/above.py",
        "small/conditional.py",
        "small/cycle.py",
        "small/deep/__init__.py",
        "small/deep/leaf.py",
        "small/relative.py",
        "small/start.py",
    ]


def test_what_functions_import_is_told_apart(small_package):
    assert sources.imports_in_functions("small.relative") == ["small.deep.leaf"]
    assert sources.imports_in_functions("small.start") == []


def test_module_without_a_file(small_package):
    with pytest.raises(ModuleNotFoundError, match=r"small\.none"):
        sources.source_files("small.none")


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        ('"""Other words."""\n\ndef f():\n    # and these\n    raise ValueError("other")\n', True),
        ('def f():\n    raise KeyError("words")\n', False),
        ('def f():\n    return "words"\n', False),
    ],
)
def test_wording_decides_no_result(small_package, tmp_path, text, is_same):
    file = tmp_path / "small" / "deep" / "leaf.py"
    file.write_text('def f():\n    """Words."""\n    raise ValueError("words")\n')
    before = sources.digest_code("small.start")
    sources._read.cache_clear()
    file.write_text(text)
    assert (sources.digest_code("small.start") == before) == is_same


@pytest.mark.parametrize("contents", ["", "{", "[]", '{"imports": [[1]], "digest": ""}'])
def test_what_is_kept_of_a_file_is_by_its_contents_and_may_be_damaged(
    small_package, tmp_path, monkeypatch, contents
):
    monkeypatch.setattr(sources.platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    before, found = sources.digest_code("small.start"), sources.source_files("small.start")
    kept = list((tmp_path / "lsh-dl" / "sources").iterdir())
    assert len(kept) == 6  # as many contents: three files are empty
    for damage in (False, True):
        if damage:
            for file in kept:
                file.write_text(contents)
        forget()
        assert sources.digest_code("small.start") == before
        assert sources.source_files("small.start") == found
    (tmp_path / "small" / "above.py").write_text("import small.unused\n")
    forget()
    assert sources.digest_code("small.start") != before


def test_a_module_that_is_not_used_decides_no_result(small_package, tmp_path):
    before = sources.digest_code("small.start")
    (tmp_path / "small" / "unused.py").write_text("changed = True\n")
    assert sources.digest_code("small.start") == before


def test_what_another_environment_has_installed_is_known_by_its_version(tmp_path, monkeypatch):
    """Packages may be elsewhere than Python: `pip install --user`, a `.pth` file, PYTHONPATH."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "package_elsewhere.py").write_text("x = 1\n")
    (tmp_path / "rule_outside.py").write_text("import package_elsewhere\n")
    for folder in (packages, tmp_path):
        monkeypatch.syspath_prepend(folder)
    importlib.import_module("rule_outside")
    before = sources.digest_code("rule_outside")
    (packages / "package_elsewhere.py").write_text("x = 2\n")
    sources._read.cache_clear()
    assert sources.digest_code("rule_outside") == before
    (tmp_path / "rule_outside.py").write_text("import package_elsewhere\nx = 1\n")
    sources._read.cache_clear()
    assert sources.digest_code("rule_outside") != before
