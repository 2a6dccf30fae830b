import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lsh_dl import __version__
from lsh_dl.cli.main import main


@pytest.fixture
def run():
    """Run `lsh-dl` with arguments."""
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def prepare(run, folder, label="digits", entry="{}", *more):
    return run(*more, "data", "prepare", "--label", label, "--entry", entry, "--out", folder)


def test_data_set_is_prepared(run, tmp_path):
    done = prepare(run, tmp_path / "out", "toys", '{"source": "digits", "train": 50, "test": 20}')
    assert done.exit_code == 0, done.output
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert (meta["label"], meta["name"]) == ("toys", "digits")


@pytest.mark.parametrize(
    ("label", "entry", "message"),
    [
        ("digit", "{}", "did you mean 'digits'?"),
        ("a/b", '{"source": "digits"}', "lsh-dl data prepare: label"),
        ("digits", '{"trian": 5}', "datasets.digits: trian: unknown key"),
        ("digits", '{"train": -5}', "datasets.digits: train"),
    ],
)
def test_mistake_is_one_line_and_leaves_nothing(run, tmp_path, label, entry, message):
    done = prepare(run, tmp_path / "out", label, entry)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_missing_data_file_names_it(run, tmp_path):
    (tmp_path / "mirror").mkdir()
    done = run(
        *("data", "prepare", "--label", "mnist", "--out", tmp_path / "out"),
        *("--mirror", tmp_path / "none", "--cache", tmp_path / "cache"),
    )
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: mirror {tmp_path / 'none'}: no such folder; give a folder or an http(s) URL\n"
    )
    assert not (tmp_path / "out").exists()


def test_mirror_can_come_from_the_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LSH_DL_MIRROR", str(tmp_path / "none"))
    assert str(tmp_path / "none") in prepare(run, tmp_path / "out", "mnist").stderr


def test_debug_shows_the_traceback(run, tmp_path):
    done = prepare(run, tmp_path / "out", "digit", "{}", "--debug")
    assert type(done.exception).__name__ == "UserError"
    assert done.exit_code == 1


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_argument_that_is_no_json_object(run, tmp_path, text):
    done = prepare(run, tmp_path / "out", "digits", text)
    assert done.exit_code == 2
    assert "JSON" in done.stderr


def test_system_errors_name_the_file(run, tmp_path):
    (tmp_path / "file").touch()
    done = prepare(run, tmp_path / "file" / "out", "digits", '{"train": 50, "test": 20}')
    assert done.exit_code == 1
    assert str(tmp_path / "file") in done.stderr
    assert done.stderr.count("\n") == 1


def test_version(run):
    assert __version__ in run("--version").output


def test_help_starts_without_the_heavy_libraries():
    code = (
        "import sys, lsh_dl.cli.main;"
        "heavy = {'numba', 'pandas', 'sklearn', 'matplotlib', 'pooch'};"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_who_reads_no_more_is_told_nothing():
    """`lsh-dl ... | head -1`."""
    script = "from lsh_dl.cli.main import main; main(['data', 'prepare', '--help'])"
    command = 'exec 3>&1; { "$0" -c "$1" 2>&3; echo ended >&3; } | true'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, script], capture_output=True, text=True
    )
    assert done.stdout == "ended\n"
