import io
import os

import pytest
from click.testing import CliRunner
from rich.console import Console

from lsh_dl.cli.main import main
from lsh_dl.experiment.config import check_config
from lsh_dl.experiment.expand import expand_runs
from lsh_dl.experiment.monitor import Board, describe_snapshot, draw_snapshot, follow
from lsh_dl.experiment.resources import sizes_of
from lsh_dl.runs.record import write_rows
from lsh_dl.training.progress import describe_epoch

RUNNING = "digits_wta_1x8_25pct_seed1"
FAILED = "digits_wta_1x8_50pct_seed1"
DONE = "digits_standard_1x8_100pct_seed1"


@pytest.fixture
def experiment(raw_config):
    return check_config(raw_config | {"networks": [[8]], "training": {"epochs": 4}})


@pytest.fixture
def results(tmp_path, row):
    """A folder with one run done, one running, one failed; three have not begun."""
    logs = tmp_path / "logs/train"
    logs.mkdir(parents=True)
    (logs / f"{DONE}.log").write_text("")
    os.utime(logs / f"{DONE}.log", (1000, 1000))
    write_rows(tmp_path / f"runs/{DONE}.csv", [{**row, "train_seconds": 10.0, "epoch": 4}])
    (logs / f"{RUNNING}.log").write_text(describe_epoch(row, 4) + "\n")
    (logs / f"{FAILED}.log").write_text("error: no space left on device\n")
    return tmp_path


def board_of(experiment, folder, **more):
    runs = {run.id: run for run in expand_runs(experiment)}
    return Board(runs, folder, sizes_of(experiment), **more)


def test_runs_are_told_apart(experiment, results):
    snapshot = board_of(experiment, results).read()
    assert (snapshot.done, snapshot.total) == (1, 6)
    assert snapshot.failed == [FAILED]
    (running,) = snapshot.running
    assert running.id == RUNNING
    assert (running.epoch.number, running.epoch.epochs) == (1, 4)
    assert not snapshot.ended


def test_time_left_follows_from_what_a_run_took(experiment, results):
    left = board_of(experiment, results).read().seconds_left
    # Some 15 s a run: a quarter of one is over, and the open ones include the standard network's.
    assert left == pytest.approx(15.05 * (3 + 0.75), rel=0.05)


def test_no_time_left_before_a_run_is_done(experiment, results):
    (results / f"runs/{DONE}.csv").unlink()
    assert board_of(experiment, results).read().seconds_left is None


def test_results_from_before_count_as_open(experiment, results):
    later = (results / f"runs/{DONE}.csv").stat().st_mtime + 100
    snapshot = board_of(experiment, results, since=later).read()
    assert (snapshot.done, snapshot.running, snapshot.failed) == (0, [], [])


def test_what_is_said(experiment, results):
    snapshot = board_of(experiment, results).read()
    line = describe_snapshot(snapshot)
    assert line.startswith("1 of 6 runs done; 1 failed; about 56 s left; ")
    assert line.endswith(f"{RUNNING}: epoch 1 of 4, accuracy 80.0 %")
    console = Console(file=io.StringIO(), width=100)
    console.print(draw_snapshot(snapshot))
    drawn = console.file.getvalue()
    assert "1 of 6" in drawn
    assert f"failed: {FAILED}" in drawn


def test_follow_ends_when_told(experiment, results):
    console = Console(file=io.StringIO(), width=200)
    answers = iter([False, True])
    follow(board_of(experiment, results), console, lambda seconds: next(answers))
    assert console.file.getvalue().count("1 of 6 runs done") == 2


def test_watch_command(results, raw_config, tmp_path):
    import yaml

    config = tmp_path / "a.yaml"
    config.write_text(yaml.safe_dump(raw_config | {"networks": [[8]], "results": str(results)}))
    done = CliRunner().invoke(main, ["watch", "--config", str(config), "--once"])
    assert done.exit_code == 0, done.output
    assert "1 of 6" in done.output
    done = CliRunner().invoke(
        main, ["watch", "--config", str(config), "--once", "--only", "rule=wta"]
    )
    assert "0 of 4" in done.output
