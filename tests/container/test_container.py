"""The image: its recipe reads as what it should do, and builds where a builder is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser

import lsh_dl

ROOT = Path(__file__).parents[2]


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


def test_image_has_a_supported_python(steps):
    (base,) = [value for instruction, value in steps if instruction == "FROM"]
    major, minor = base.removeprefix("python:").split("-")[0].split(".")
    assert (int(major), int(minor)) >= (3, 11)


def test_image_has_the_browser_that_continuous_integration_has(steps):
    (install,) = [value for instruction, value in steps if "apt-get install" in value]
    (wanted,) = re.findall(r"\((chromium .*)\)", (ROOT / ".ci/run").read_text())
    assert set(wanted.split()) <= set(install.split())


def test_both_builders_leave_the_same_out():
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def test_apptainer_takes_the_image():
    text = (ROOT / "container/apptainer.def").read_text()
    header = [line for line in text.splitlines() if line.startswith(("Bootstrap:", "From:"))]
    assert header == ["Bootstrap: oci-archive", "From: build/lsh-dl.tar"]
    assert "--output build/lsh-dl.tar" in text
    assert "cp -R /home/researcher/lsh-dl/." in text
    assert "exec make figures" in text


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


def _builder() -> str | None:
    """A program that can build images here and now: docker's client alone can't."""
    for program in ("podman", "buildah", "docker"):
        if shutil.which(program):
            known = subprocess.run([program, "info"], capture_output=True)
            if known.returncode == 0:
                return program
    return None


@pytest.mark.slow
def test_image_builds():
    builder = _builder()
    if builder is None:
        pytest.skip("no podman, buildah or docker that works here")
    command = [builder, "build", "--tag", "lsh-dl-test", "--file", "Containerfile", "."]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1800)
