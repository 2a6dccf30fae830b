"""A pipeline that is killed goes on with the next call; two in one folder keep apart."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from test_pipeline import Project

from lsh_dl.runs.row import TIME_COLUMNS

pytestmark = pytest.mark.slow

CONFIG = """
results: out
seeds: [1]
networks: [[150]]
active_fractions: [0.2]
datasets: {digits: {train: 300, test: 60}}
rules: {standard: , wta: }
training: {epochs: 200}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A copy of the project with its data prepared and nothing trained."""
    prepared = Project(tmp_path_factory.mktemp("prepared"))
    (prepared.folder / "long.yaml").write_text(CONFIG)
    done = prepared.snakemake("--until", "prepare_data", config="long.yaml")
    assert done.returncode == 0, done.stdout
    return prepared


@pytest.fixture(scope="module")
def project(prepared, tmp_path_factory):
    """The same whose training was never disturbed."""
    project = Project(tmp_path_factory.mktemp("undisturbed"), of=prepared)
    done = train(project)
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def fresh(prepared, tmp_path):
    """One in which nothing is trained yet."""
    return Project(tmp_path, of=prepared)


def start(project):
    """Start to train, with a checkpoint after each epoch; returns when one is written."""
    environment = os.environ | {
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project.folder),
        "LSH_DL_CHECKPOINT_SECONDS": "0",
    }
    process = subprocess.Popen(
        ["snakemake", "--cores", "2", "--configfile", "long.yaml", "--until", "train"],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not list((project.folder / "out/runs").glob("[!.]*.checkpoint")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    return process


def check_as_undisturbed(fresh, project):
    """Nothing but the runs' files is there, and they are those of the undisturbed project."""
    out, expected = fresh.folder / "out/runs", project.folder / "out/runs"
    names = sorted(path.name for path in expected.iterdir())
    assert sorted(path.name for path in out.iterdir()) == names
    for name in (name for name in names if name.endswith(".csv")):
        pd.testing.assert_frame_equal(
            *(
                pd.read_csv(folder / name).drop(columns=list(TIME_COLUMNS))
                for folder in (out, expected)
            ),
            check_exact=True,
        )


def went_on(project):
    """Did a run go on from a checkpoint?"""
    logs = (project.folder / "out/logs/train").glob("*.log")
    return any("goes on after epoch" in log.read_text() for log in logs)


def train(project):
    """Call Snakemake once more."""
    return project.snakemake("--until", "train", config="long.yaml")


def test_everything_killed(fresh, project):
    process = start(fresh)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = train(fresh)
    assert done.returncode == 0, done.stdout
    check_as_undisturbed(fresh, project)
    assert went_on(fresh)
    assert fresh.planned("--until", "train", config="long.yaml") == set()


def jobs_of(process):
    """The processes that train for a pipeline."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if child.cmdline()[-1].endswith("train_run.py")]


def test_jobs_end_with_their_snakemake(fresh, project):
    process = start(fresh)
    jobs = jobs_of(process)
    assert jobs
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()  # ends with the last of its jobs
    assert not psutil.wait_procs(jobs, timeout=60)[1]
    assert len(list((fresh.folder / "out/runs").glob("*.csv"))) < 2, "they trained to their end"
    done = train(fresh)
    assert done.returncode == 0, done.stdout
    check_as_undisturbed(fresh, project)


def test_a_job_killed(fresh, project):
    process = start(fresh)
    for job in jobs_of(process):
        job.kill()
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "train" in output
    done = train(fresh)
    assert done.returncode == 0, done.stdout
    check_as_undisturbed(fresh, project)
    assert went_on(fresh)


def test_a_second_pipeline_is_told_of_the_first(fresh, project):
    process = start(fresh)
    os.killpg(process.pid, signal.SIGSTOP)  # it holds on to its results, and does not end
    second = train(fresh)
    assert second.returncode == 1
    errors = [line for line in second.stdout.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: out: another pipeline is at work here (out/logs/pipeline.lock is locked); wait "
        "for its end, or give another folder: --config results=FOLDER"
    ]
    assert "Traceback" not in second.stdout
    # Looking is allowed.
    assert fresh.look("--dry-run", config="long.yaml").returncode == 0
    os.killpg(process.pid, signal.SIGCONT)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    check_as_undisturbed(fresh, project)
    assert not went_on(fresh)


def test_file_in_the_place_of_the_results(fresh):
    (fresh.folder / "blocked").write_text("")
    for results in ("blocked", "blocked/below"):
        done = fresh.look("--config", f"results={results}", config="long.yaml")
        assert done.returncode == 1
        assert "Traceback" not in done.stdout
        assert "error: results: blocked is a file; name a folder" in done.stdout.splitlines()
