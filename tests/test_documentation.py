"""What the documents show works: every command, every link, the site.

Commands run in a copy of the project with a small experiment in it. Those that would take long, or
need what a test has not, are run in another form, all of which stand in SUBSTITUTES.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from documents import DOCUMENTS, ROOT, STUDY, SYSTEM, blocks, commands, write_examples
from preloaded import call_snakemake

pytestmark = pytest.mark.slow

#: Pattern of a whole command, and what is run in its place (groups may be used); the first counts.
SUBSTITUTES = (
    # Of results that are there: those of the small experiment.
    (
        r"snakemake --cores all --report (.*)",
        r"snakemake --cores 2 --configfile docs.yaml --report \1",
    ),
    # Whole experiments: their plan.
    (r"(snakemake (?!-n).*)--config mirror=FOLDER", r"\1--dry-run --quiet --config mirror=mirror"),
    (r"snakemake --workflow-profile profiles/(slurm) (.*)", r"snakemake --cores 1 -n -q \2"),
    (r"snakemake --cores all(.*?)( --config .*)?", r"snakemake --cores all\1 --dry-run --quiet\2"),
    # Targets of make: the commands that they stand for, without running them.
    (r"make (\w+)", r"make --dry-run \1"),
    (r"\.ci/run", "bash -n .ci/run"),
    # Installing: that there is what would be installed.
    (r"pip install -e '\.\[(\w+)\]'", r"grep '^\1 = \[' pyproject.toml"),
    # Tests within a test, and measurements: that they are found.
    (r"pytest (\S+)", r"test -d \1"),
    (r"\.venv/bin/python -m benchmarks (\w+)", r"test -f benchmarks/\1.py"),
    # Downloads: what needs none.
    (r"lsh-dl data fetch --config configs/paper.yaml", "lsh-dl data fetch --config docs.yaml"),
    (r"lsh-dl data show mnist8m_generated", "lsh-dl data show rectangles"),
    (
        r"lsh-dl train --config configs/reference.yaml (.*) --epochs 10 (.*)",
        r"lsh-dl train --config docs.yaml \1 --epochs 1 \2",
    ),
    (
        r"lsh-dl train --config configs/mnist.yaml --dataset mnist (.*)",
        r"lsh-dl train --config docs.yaml --dataset digits \1 --epochs 1",
    ),
    # Images and what is done with them, which tests/container does: that their recipes are there.
    (r"(podman|apptainer) .*", "ls Containerfile container/apptainer.def"),
    # Full-sized data sets: small ones.
    (
        r"(lsh-dl train --dataset (?:digits|stripes) .*)",
        r"""\1 --entry '{"train": 100, "test": 50}'""",
    ),
    (r"lsh-dl watch.*", "lsh-dl watch --once --config docs.yaml"),
)
#: An experiment whose folder has the runs and data that the documents speak of.
SMALL = """
results: results
seeds: [1]
networks: [[400, 400]]
active_fractions: [0.05]
datasets: {digits: {train: 60, test: 20}, convex: {train: 60, test: 20}}
rules: {standard: , lsh: }
training: {epochs: 1}
"""
PARTS = ("Snakefile", "Makefile", "workflow", "figures", "configs", "profiles", "lsh_dl", "docs")
PARTS += ("benchmarks", "tests", ".ci", "environment.yml", "pyproject.toml")
PARTS += ("container", "Containerfile")


def substitute(command: str) -> str:
    """What is run for a command of the documents."""
    for pattern, form in SUBSTITUTES:
        if re.fullmatch(pattern, command):
            return re.fullmatch(pattern, command).expand(form)
    return command


class Project:
    """A copy of the project, with the tutorials' files and the results of a small experiment."""

    def __init__(self, folder):
        self.folder = folder
        self.done: dict[str, subprocess.CompletedProcess] = {}
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        write_examples(folder)
        (folder / "docs.yaml").write_text(SMALL)
        own = yaml.safe_load(SMALL)
        for section, document in (("rules", "add_a_rule"), ("datasets", "add_a_data_set")):
            own[section] |= yaml.safe_load(blocks(f"docs/{document}.md", "yaml")[0])[section]
        own |= yaml.safe_load(blocks(STUDY, "yaml")[0]) | yaml.safe_load(blocks(SYSTEM, "yaml")[0])
        own["time_to_accuracy"] = {
            "datasets": ["digits"], "networks": [[16]], "entries": {"lsh": None}
        }  # fmt: skip
        (folder / "my.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
        (folder / "mirror").mkdir()
        (folder / "bin").mkdir()
        (folder / "bin/lsh-dl").write_text(f'#!/bin/sh\nexec {sys.executable} -m lsh_dl "$@"\n')
        (folder / "bin/lsh-dl").chmod(0o755)

    def run_once(self, command: str) -> subprocess.CompletedProcess:
        """As `run`; of what several documents say, the first call counts."""
        if command not in self.done:
            self.done[command] = self.run(command)
        return self.done[command]

    def run(self, command: str) -> subprocess.CompletedProcess:
        """Run a command in the project's folder; plans of Snakemake not by the shell."""
        path = f"{self.folder / 'bin'}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        environment = os.environ | {
            "PATH": path,
            "PYTHONPATH": str(self.folder),
            "LSH_DL_CACHE": str(self.folder / "cache"),
        }
        if re.match(r"snakemake .*(-n|--dry-run)\b", command):
            return call_snakemake(shlex.split(command)[1:], self.folder, environment)
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    done = project.run("snakemake --cores 2 --configfile docs.yaml")
    assert done.returncode == 0, done.stdout
    return project


ALL = [command for document in DOCUMENTS for command in commands(document)]


def test_there_are_commands_to_run():
    assert {command.split()[0] for command in ALL} >= {"make", "snakemake", "lsh-dl"}


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if commands(name)])
def test_commands_work(project, document):
    for command in commands(document):
        done = project.run_once(substitute(command))
        assert done.returncode == 0, f"{command}: {substitute(command)}\n{done.stdout}"


def test_runs_are_read_as_shown(project):
    (program,) = blocks("README.md", "python")
    (project.folder / "read.py").write_text(program)
    done = project.run("python read.py")
    assert done.returncode == 0, done.stdout
    assert "2x400" in done.stdout


def test_every_substitute_is_used():
    for pattern, _ in SUBSTITUTES:
        assert any(re.fullmatch(pattern, command) for command in ALL), pattern


def test_plan_of_the_tutorials_experiment_has_their_runs(project):
    done = project.run("snakemake --cores 1 -n --configfile my.yaml")
    assert done.returncode == 0, done.stdout
    planned = set(re.findall(r"^Job \d+: train (\S+)$", done.stdout, re.MULTILINE))
    # What ran before does not run again.
    new = ["standard_2x400_100pct", "lsh_2x400_5pct", "weighted_norm_2x400_5pct"]
    of_rule = [f"{data}_{new[-1]}_seed1" for data in ("digits", "convex")]
    of_data = [f"{data}_{run}_seed1" for data in ("stripes", "faint") for run in new]
    raced = ["digits_lsh_1x16_5pct", "digits_numpy_1x16_100pct"]
    of_system = [f"{run}_seed1_4evaluations" for run in raced]
    assert planned == {*of_rule, *of_data, *of_system}


def test_tutorial_is_as_short_as_it_says():
    lines = blocks("docs/add_a_rule.md", "python")[0].splitlines()
    assert len(lines) < 40
    assert f"in {len(lines)} lines" in (ROOT / "README.md").read_text()


def test_a_study_is_as_short_as_it_says():
    parts = [part for language in ("python", "rst", "yaml") for part in blocks(STUDY, language)]
    assert sum(len(part.splitlines()) for part in parts) <= 60
    assert "in 60 lines" in (ROOT / STUDY).read_text()


def test_study_of_the_tutorial_makes_its_figure(project):
    config = yaml.safe_load((project.folder / "my.yaml").read_text())
    config |= {"results": "studied", "training": {"epochs": 4}}
    config["datasets"] = {"digits": {"train": 400, "test": 200}}
    config["label_noise"] |= {"networks": [[16]], "shares": [0.0, 0.9]}
    (project.folder / "studied.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = project.run("snakemake --cores 2 label_noise --configfile studied.yaml")
    assert done.returncode == 0, done.stdout
    results = project.folder / "studied"
    assert not (results / "runs").exists()
    names = sorted(path.stem for path in (results / "label_noise").glob("*.csv"))
    assert "digits_lsh_1x16_5pct_seed1_noise0.9" in names
    assert len(names) == 2 * 2
    table = pd.read_csv(results / "tables/label_noise.csv")
    accuracy = table.set_index(["rule", "noise"])["test_accuracy_median"]
    assert accuracy["standard", 0.9] < accuracy["standard", 0.0]
    picture = (results / "figures/label_noise.svg").read_text()
    assert {"Share drawn", "NN", "LSH"} <= set(re.findall(r">([^<>]+)<", picture))


def test_system_of_the_tutorial_has_its_curve(project):
    config = yaml.safe_load((project.folder / "my.yaml").read_text())
    config |= {"results": "raced", "training": {"epochs": 3}}
    config["datasets"] = {"digits": {"train": 400, "test": 200}}
    (project.folder / "raced.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = project.run("snakemake --cores 2 time_to_accuracy --configfile raced.yaml")
    assert done.returncode == 0, done.stdout
    results = project.folder / "raced"
    runs = {path.stem for path in (results / "runs").glob("*.csv")}
    rules = {"digits_lsh_1x16_5pct", "digits_numpy_1x16_100pct"}
    assert runs == {f"{run}_seed1_4evaluations" for run in rules}
    table = pd.read_csv(results / "tables/time_to_accuracy.csv").set_index("label")
    assert set(table.loc["numpy", "counting"]) == {"dense"}
    accuracy = table.loc["numpy"].set_index("epoch")["test_accuracy_median"]
    assert accuracy.iloc[-1] > accuracy.iloc[0]
    picture = (results / "figures/time_to_accuracy.svg").read_text()
    assert {"NumPy", "LSH"} <= set(re.findall(r">([^<>]+)<", picture))


def test_site_is_built_without_a_warning(tmp_path):
    # `strict`: links that lead nowhere, pages that no one finds and broken docstrings end it.
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site/api_rules.html").read_text()
    assert "refresh_interval" in api
    assert (tmp_path / "site/files/workflow/schemas/run.schema.yaml").is_file()
