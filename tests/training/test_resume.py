"""Runs that are killed go on from their last epoch and end as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from networks import RULES, make_run

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import whole_file
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.experiment.config import Training
from lsh_dl.runs.row import TIME_COLUMNS
from lsh_dl.training import checkpoints
from lsh_dl.training import run as training
from lsh_dl.training.checkpoints import INTERVAL, interval_of_jobs
from lsh_dl.training.job import run_to_files
from lsh_dl.training.model_file import read_model

pytestmark = pytest.mark.slow

EPOCHS = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared data set."""
    return prepare("digits", {"train": 300, "test": 60}, tmp_path_factory.mktemp("data") / "digits")


def describe_run(rule="lsh", **changes):
    return make_run(rule, Training(epochs=EPOCHS, momentum=0.5)).model_copy(update=changes)


class Job:
    """One run's files in a folder, and the command that writes them."""

    def __init__(self, folder, data, run):
        self.folder, self.data, self.run = folder, data, run
        self.csv, self.model = folder / "run.csv", folder / "run.model"
        self.checkpoint = folder / "run.checkpoint"

    def train(self, interval=0.0):
        """Train in this process."""
        files = self.csv, self.csv.with_suffix(".json"), self.model
        run_to_files(self.run, self.data, *files, interval)

    def start(self, sabotage="", interval=0):
        """Train in a process of its own; `sabotage` is Python run before."""
        files = self.data, self.csv, self.csv.with_suffix(".json"), self.model
        command = [self.run.model_dump_json(), *files, interval]
        code = f"{SABOTAGE}{sabotage}\n{TRAIN}"
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def results(self):
        """The CSV but for its times, and the model's arrays but for scratch."""
        table = pd.read_csv(self.csv).drop(columns=list(TIME_COLUMNS))
        arrays = read_model(self.model).model.named_arrays()
        return table, {
            name: a for name, a in arrays.items() if not name.startswith("state.scratch")
        }

    def check_same(self, other):
        (table, arrays), (expected, others) = self.results(), other.results()
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
        assert arrays.keys() == others.keys()
        assert all((arrays[name] == others[name]).all() for name in arrays)
        assert sorted(path.name for path in self.folder.iterdir()) == [
            *("run.csv", "run.json", "run.model")
        ]


@pytest.fixture
def make_job(data, tmp_path):
    """A run in a new folder below `tmp_path`."""

    def make(name, rule="lsh", **changes):
        (tmp_path / name).mkdir()
        return Job(tmp_path / name, data, describe_run(rule, **changes))

    return make


TRAIN = """
import sys
from pathlib import Path
from lsh_dl.runs.spec import Run
run, *paths, interval = sys.argv[1:]
lsh_dl.training.job.run_to_files(
    Run.model_validate_json(run), *map(Path, paths), interval=float(interval)
)
"""

SABOTAGE = """
import os, signal
import lsh_dl.training.run, lsh_dl.training.job, lsh_dl.training.checkpoints
import lsh_dl.training.model_file, lsh_dl.training.model, numpy

def kill_at(owner, name, call, after=None):
    # SIGKILL at a function's n-th call; `after` does something first.
    original, calls = getattr(owner, name), []
    def counted(*args, **more):
        calls.append(name)
        if len(calls) == call:
            if after:
                after(*args, **more)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **more)
    setattr(owner, name, counted)
"""

# What is done when the process is killed, and the epochs that are not lost. An epoch has two
# evaluations.
MOMENTS = {
    "first epoch": ("kill_at(lsh_dl.training.run, 'train_epoch', 1)", 0),
    "evaluation of epoch 1": ("kill_at(lsh_dl.training.run, 'evaluate', 2)", 0),
    "before checkpoint 1": ("kill_at(lsh_dl.training.checkpoints, 'write_model', 1)", 0),
    "writing checkpoint 1": (
        "kill_at(numpy, 'savez', 1, lambda file, **_: (file.write(b'PK'), file.flush()))",
        0,
    ),
    "after checkpoint 1": ("kill_at(lsh_dl.training.run, 'train_epoch', 2)", 1),
    "writing checkpoint 2": (
        "kill_at(numpy, 'savez', 2, lambda file, **_: (file.write(b'PK'), file.flush()))",
        1,
    ),
    "evaluation of epoch 3": ("kill_at(lsh_dl.training.run, 'evaluate', 6)", 2),
    "last epoch": ("kill_at(lsh_dl.training.run, 'train_epoch', 4)", 3),
    "before the model": ("kill_at(lsh_dl.training.job, 'write_model', 1)", 3),
    "before the JSON": ("kill_at(lsh_dl.training.job, 'write_record', 1)", 3),
    "before the CSV": ("kill_at(lsh_dl.training.job, 'write_rows', 1)", 3),
    "before tidying up": ("kill_at(lsh_dl.training.checkpoints.Checkpoint, 'remove', 1)", 3),
}


@pytest.mark.parametrize(("sabotage", "epochs"), MOMENTS.values(), ids=MOMENTS)
def test_killed_run_goes_on(sabotage, epochs, make_job):
    undisturbed, killed = make_job("undisturbed"), make_job("killed")
    undisturbed.train()
    job = killed.start(sabotage)
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    assert killed.checkpoint.exists() == (epochs > 0)
    job = killed.start()
    out, log = job.communicate()
    assert job.returncode == 0, log
    assert [line.split(":")[0] for line in out.splitlines()] == [
        f"epoch {number} of {EPOCHS}" for number in range(1, EPOCHS + 1)
    ]
    expected = f"goes on after epoch {epochs} of {EPOCHS} ({killed.checkpoint})\n"
    assert log == (expected if epochs else "")
    killed.check_same(undisturbed)


def test_run_killed_from_outside_several_times(make_job):
    undisturbed, killed = make_job("undisturbed"), make_job("killed")
    undisturbed.train()
    for epoch in (1, 2, 3):
        job = killed.start()
        for line in job.stdout:
            if line.startswith(f"epoch {epoch} of"):
                break
        time.sleep(0.01 * epoch)
        os.kill(job.pid, signal.SIGKILL)
        job.communicate()
    job = killed.start()
    _, log = job.communicate()
    assert job.returncode == 0, log
    killed.check_same(undisturbed)


class InterruptionError(Exception):
    """Stands for the end of a process."""


def interrupt(monkeypatch, job, epochs):
    """Break off a run in this process while it evaluates after `epochs` whole epochs."""
    evaluate, calls = training.evaluate, []

    def interrupting(*arguments):
        calls.append(1)
        if len(calls) > 2 * epochs:
            raise InterruptionError
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", interrupting)
        with pytest.raises(InterruptionError):
            job.train()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_goes_on(rule, make_job, monkeypatch, capsys):
    undisturbed, interrupted = make_job("undisturbed", rule), make_job("interrupted", rule)
    undisturbed.train()
    interrupt(monkeypatch, interrupted, 2)
    interrupt(monkeypatch, interrupted, 1)
    interrupted.train()
    assert "goes on after epoch 3 of 4" in capsys.readouterr().err
    interrupted.check_same(undisturbed)


def test_a_run_goes_on_within_an_epoch(make_job, monkeypatch, capsys):
    undisturbed, interrupted = (
        make_job(name, evaluations=4) for name in ("undisturbed", "interrupted")
    )
    undisturbed.train()
    interrupt(monkeypatch, interrupted, 5)
    interrupted.train()
    assert "goes on after epoch 1.25 of 4" in capsys.readouterr().err
    interrupted.check_same(undisturbed)


def other_spec(job, monkeypatch):
    job.run = job.run.model_copy(update={"training": Training(epochs=EPOCHS, learning_rate=0.02)})
    return "run"


def other_data(job, monkeypatch):
    job.data = prepare("digits", {"train": 300, "test": 60}, job.folder.parent / "again")
    return "data set"


def other_code(job, monkeypatch):
    monkeypatch.setattr(checkpoints, "digest_code", lambda *modules: "other")
    return "code"


def other_numpy(job, monkeypatch):
    monkeypatch.setattr(checkpoints, "version", lambda name: "0.1")
    return "NumPy, another Numba"


@pytest.mark.parametrize("change", [other_spec, other_data, other_code, other_numpy])
def test_checkpoint_of_something_else_is_left_aside(change, make_job, monkeypatch, capsys):
    undisturbed, changed = make_job("undisturbed"), make_job("changed")
    interrupt(monkeypatch, changed, 2)
    what = change(changed, monkeypatch)
    undisturbed.run = changed.run
    undisturbed.train()
    changed.train()
    assert capsys.readouterr().err == f"starts anew: {changed.checkpoint} is of another {what}\n"
    changed.check_same(undisturbed)


def test_damaged_checkpoint_is_left_aside(make_job, monkeypatch, capsys):
    undisturbed, damaged = make_job("undisturbed"), make_job("damaged")
    undisturbed.train()
    interrupt(monkeypatch, damaged, 2)
    damaged.checkpoint.write_bytes(damaged.checkpoint.read_bytes()[:-500])
    damaged.train()
    log = capsys.readouterr().err
    assert log.startswith(f"starts anew: {damaged.checkpoint}: not a model")
    assert log.count("\n") == 1
    damaged.check_same(undisturbed)


DAMAGES = {
    "seen": (lambda h: h.update(seen=10**30), "seen"),
    "seen by others": (lambda h: h.update(seen=540 + 1), "541 samples seen, not 540"),
    "until refresh": (lambda h: h.update(until_refresh=10**12), "1000000000000 samples to a"),
    "no refresh": (lambda h: h.update(until_refresh=None), "None samples to a refresh"),
    "rows": (lambda h: h["record"]["rows"].pop(), "540 samples seen, not 270"),
    "no rows": (lambda h: h["record"].update(rows=None), "not 1 to 3 rows"),
    "epoch": (lambda h: h["record"]["rows"][1].update(epoch=7), "row 2 is that of epoch 7"),
    "share": (lambda h: h["record"]["rows"][0].update(test_accuracy=-1), "row 1: test_accuracy"),
    "identity": (lambda h: h["record"].update(identity=[]), "is of another run"),
}


@pytest.fixture(scope="module")
def interrupted(data, tmp_path_factory):
    """A run of which two epochs are done, and its checkpoint's bytes."""
    job = Job(tmp_path_factory.mktemp("interrupted"), data, describe_run())
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, job, 2)
    return job


@pytest.mark.parametrize(("change", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_numbers_of_a_checkpoint_are_checked(change, reason, interrupted, data, tmp_path, capsys):
    with np.load(interrupted.checkpoint) as file:
        contents = dict(file)
    header = json.loads(str(contents["header"]))
    change(header)
    with (tmp_path / "run.checkpoint").open("wb") as file:
        np.savez(file, **contents | {"header": np.array(json.dumps(header))})
    opened = open_prepared(data)
    for path, is_used in ((interrupted.checkpoint, True), (tmp_path / "run.checkpoint", False)):
        checkpoint = checkpoints.Checkpoint(path, interrupted.run, data, opened, 0)
        assert (checkpoint.load() is not None) == is_used
    log = capsys.readouterr().err.splitlines()
    assert len(log) == 2
    assert log[1].startswith("starts anew: ")
    assert reason in log[1]


def test_short_runs_write_no_checkpoint(make_job, monkeypatch):
    job = make_job("short")
    monkeypatch.setattr(checkpoints, "write_model", None)  # to call it would raise
    job.train(interval=checkpoints.INTERVAL)
    assert len(job.results()[0]) == EPOCHS


def test_leftovers_of_living_processes_stay(make_job):
    job = make_job("job")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with whole_file(job.folder / "run.csv") as own:
        name = own.name
    processes = {p: name.replace(f".{os.getpid()}.", f".{p}.") for p in (ended.pid, os.getppid())}
    for leftover in (*processes.values(), ".run.x.new.csv"):
        (job.folder / leftover).touch()
    job.train()
    left = {path.name for path in job.folder.glob(".*")}
    assert left == {processes[os.getppid()], ".run.x.new.csv"}


def test_interval_of_jobs_is_the_environments(monkeypatch):
    monkeypatch.delenv("LSH_DL_CHECKPOINT_SECONDS", raising=False)
    assert interval_of_jobs() == INTERVAL
    monkeypatch.setenv("LSH_DL_CHECKPOINT_SECONDS", "2.5")
    assert interval_of_jobs() == 2.5
    monkeypatch.setenv("LSH_DL_CHECKPOINT_SECONDS", "soon")
    with pytest.raises(UserError, match="a number of seconds is needed"):
        interval_of_jobs()
