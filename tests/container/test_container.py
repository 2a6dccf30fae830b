"""The image: its recipe reads as what it should do, and builds where a builder is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from documents import commands

import lsh_dl

ROOT = Path(__file__).parents[2]
#: Programs that build images, and what asks each of them for one that is there already.
BUILDERS = {
    "podman": ("image", "exists"),
    "buildah": ("inspect", "--type", "image"),
    "docker": ("image", "inspect"),
}
IMAGE = "lsh-dl-test"
#: Run in the image as its user: both commands, one of them on a part of the tests.
COMMANDS = """
FROM {image}
RUN test "$(id -un)" = researcher && make figures CONFIG=configs/tiny.yaml
RUN .venv/bin/pytest -q tests/test_project_files.py tests/container tests/runs
RUN grep -q "{commit}" results/tiny/machine.csv
"""


@pytest.fixture(scope="module")
def steps():
    parser = DockerfileParser(fileobj=(ROOT / "Containerfile").open("rb"))
    return [(step["instruction"], step["value"]) for step in parser.structure]


def test_image_is_used_by_an_ordinary_user(steps):
    users = [value for instruction, value in steps if instruction == "USER"]
    assert users == ["researcher"]
    assert steps.index(("USER", "researcher")) < [name for name, _ in steps].index("WORKDIR")
    assert steps[-1] == ("CMD", '["make", "figures"]')


def test_what_is_copied_is_there(steps):
    for instruction, value in steps:
        if instruction == "COPY":
            *sources, _target = [word for word in value.split() if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), value


@pytest.fixture(scope="module")
def base(steps):
    """The image that this one starts from."""
    (name,) = [value for instruction, value in steps if instruction == "FROM"]
    return name


def test_image_has_a_supported_python(base):
    major, minor = base.removeprefix("python:").split("-")[0].split(".")
    assert (int(major), int(minor)) >= (3, 11)


def test_image_has_the_browser_that_continuous_integration_has(steps):
    (install,) = [value for instruction, value in steps if "apt-get install" in value]
    (wanted,) = re.findall(r"\((chromium .*)\)", (ROOT / ".ci/run").read_text())
    assert set(wanted.split()) <= set(install.split())


def test_both_builders_leave_the_same_out():
    left_out = (ROOT / ".containerignore").read_text()
    assert left_out == (ROOT / ".dockerignore").read_text()
    assert ".git" not in left_out.split()  # results name the commit


def test_apptainer_takes_the_image(steps):
    text = (ROOT / "container/apptainer.def").read_text()
    header = [line for line in text.splitlines() if line.startswith(("Bootstrap:", "From:"))]
    assert header == ["Bootstrap: oci-archive", "From: build/lsh-dl.tar"]
    (folder,) = [value for instruction, value in steps if instruction == "WORKDIR"]
    assert f"tar -C {folder} " in text
    assert f"ln -s {folder}/.venv " in text
    shown = commands("docs/container.md")
    assert any(command.endswith("--output build/lsh-dl.tar lsh-dl") for command in shown)
    assert f"podman cp lsh-dl:{folder}/results ." in shown


def test_archive_record_has_the_version_and_the_title():
    record = json.loads((ROOT / ".zenodo.json").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert record["version"] == citation["version"] == lsh_dl.__version__
    assert record["title"] == citation["title"]
    assert record["license"] == citation["license"]


def test_continuous_integration_calls_the_one_script():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    systems = {entry["system"].partition("-")[0] for entry in job["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu", "macos"}


def _find_builder(base: str) -> str:
    """A builder that works here and now (docker's client alone does not) and has the base."""
    working = [name for name in BUILDERS if shutil.which(name) and _succeeds(name, "info")]
    if not working:
        pytest.skip("no podman, buildah or docker that works here")
    for name in working:
        if _succeeds(name, *BUILDERS[name], base):
            return name
    pytest.skip(f"{working[0]} has no {base} ({working[0]} pull {base})")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.slow
def test_image_builds_and_both_commands_work_in_it(base, tmp_path):
    builder = _find_builder(base)
    commit = ""
    if (ROOT / ".git").is_dir():
        asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "Containerfile").write_text(COMMANDS.format(image=IMAGE, commit=commit))
    try:
        for tag, folder in ((IMAGE, ROOT), (f"{IMAGE}-commands", tmp_path)):
            command = [builder, "build", "--tag", tag, "--file", folder / "Containerfile", folder]
            subprocess.run(command, check=True, timeout=1800)
    finally:
        for tag in (f"{IMAGE}-commands", IMAGE):
            _succeeds(builder, "rmi", "--force", tag)
