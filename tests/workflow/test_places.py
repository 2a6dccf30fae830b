"""The pipeline from elsewhere: other working folders, names with blanks, locales, interpreters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from test_pipeline import Project

pytestmark = pytest.mark.slow

TITLE = "WTA, $k_{max}$ größer </script><script>alert(1)</script> .. raw:: html"
CONFIG = {
    "results": "out",
    "seeds": [1],
    "networks": [[8]],
    "active_fractions": [0.5],
    "datasets": {"digits": {"train": 60, "test": 20}},
    "rules": {"standard": None, "wta": {"title": TITLE}},
    "training": {"epochs": 1},
    "ablation": {"active_fraction": 0.5, "entries": {"wta": {"group": "{x} ``` <b>"}}},
}
#: What is looked at: a part of all, so that it takes less time.
WANTED = ("claims", "provenance", "ablation")


def write_config(path, **change):
    text = yaml.safe_dump(CONFIG | change, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy in a folder with a blank in its name, with an environment of its own in there."""
    project = Project(tmp_path_factory.mktemp("with a blank"))
    folder = project.folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "parent.pth").write_text(str(Path(pd.__file__).parents[1]))
    return project


def call(project, cwd, *arguments, **variables):
    """Run the environment's Snakemake, not activated, in some folder."""
    environment = {
        name: value for name, value in os.environ.items() if name.startswith(("LSH_DL", "NUMBA"))
    }
    environment |= {"HOME": os.environ.get("HOME", "/"), "PATH": "/usr/bin:/bin"}
    environment |= {"PYTHONPATH": str(project.folder), **variables}
    return subprocess.run(
        [project.folder / ".venv/bin/python", "-m", "snakemake", "--cores", "2", *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def check_results(folder):
    table = pd.read_csv(folder / "tables/ablation.csv")
    assert set(table["title"]) == {TITLE}
    picture = (folder / "figures/ablation.svg").read_text(encoding="utf-8")
    assert "$k_{max}$ größer" in picture
    assert (folder / "claims.csv").stat().st_size
    for page in ("claims.html", "provenance.html"):
        assert "<script>alert" not in (folder / page).read_text(encoding="utf-8")


def test_folders_with_blanks_and_an_interpreter_that_is_not_on_the_path(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("another with a blank")
    write_config(folder / "a.yaml")
    where = ("--directory", folder)
    done = call(project, project.folder, *WANTED, *where, "--configfile", folder / "a.yaml")
    assert done.returncode == 0, done.stdout
    check_results(folder / "out")
    assert not (project.folder / "out").exists()


@pytest.mark.parametrize("option", ["--directory", "--snakefile"])
def test_default_config_is_found_from_other_working_folders(project, tmp_path, option):
    where, arguments = {
        "--directory": (project.folder, ("--directory", tmp_path)),
        "--snakefile": (tmp_path, ("--snakefile", project.folder / "Snakefile")),
    }[option]
    planned = call(project, where, *arguments, "-n")
    assert planned.returncode == 0, planned.stdout
    assert "draw accuracy_vs_multiplications" in planned.stdout


@pytest.fixture
def latin_1(tmp_path):
    """Variables of a locale that is not UTF-8; none where it cannot be made."""
    locale = tmp_path / "de_DE.ISO-8859-1"
    if shutil.which("localedef"):
        subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", locale], capture_output=True
        )
    return {"LOCPATH": str(tmp_path), "LC_ALL": locale.name} if locale.exists() else {}


def test_other_working_folder_and_a_latin_1_locale(project, tmp_path, latin_1):
    write_config(tmp_path / "a.yaml", results="größe")
    arguments = ("--snakefile", project.folder / "Snakefile", "--configfile", "a.yaml")
    done = call(project, tmp_path, *WANTED, *arguments, **latin_1)
    assert done.returncode == 0, done.stdout
    (folder,) = (path.parent for path in tmp_path.glob("*/claims.csv"))
    check_results(folder)
    report = ("--report", "report.html")
    done = call(project, tmp_path, *WANTED, *arguments, *report, **latin_1)
    assert done.returncode == 0, done.stdout
    assert b"<script>alert" not in (tmp_path / "report.html").read_bytes()
    if not latin_1:
        pytest.skip("all but the locale, which this system cannot make")


def test_config_that_is_not_utf_8(project, tmp_path):
    (tmp_path / "a.yaml").write_bytes("# größer".encode("latin-1"))
    done = call(project, project.folder, "--configfile", tmp_path / "a.yaml")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("Using workflow")]
    assert line == f"error: {tmp_path / 'a.yaml'}: line 1: not UTF-8; save the file as UTF-8"


def test_mistake_on_the_command_line_is_told_as_such(project):
    write_config(project.folder / "a.yaml")
    done = call(project, project.folder, "--configfile", "a.yaml", "--config", "results=2024_10")
    assert done.returncode == 1
    assert "error: --config: results: should be text, in quotes" in done.stdout
