"""How far an experiment is, read from its folder: runs done, running, failed, and the time left.

It needs no word from the jobs, so it works beside `snakemake`, on a cluster, and afterwards.
"""

import csv
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from lsh_dl.experiment.resources import START_SECONDS, DataSize, estimate_seconds
from lsh_dl.runs.spec import Run
from lsh_dl.training.progress import Epoch, describe_seconds, read_epoch

SHOWN = 20
"""Runs that the board lists at most; a cluster may have hundreds at once."""
TAIL = 4_096
"""Bytes read from the end of a log."""
LINE_INTERVAL = 30.0
"""Seconds from one line to the next where there is no terminal."""
SILENT = 60.0
"""Seconds without a line after which the board says so: the run may have been killed."""


class Running(NamedTuple):
    """A run that has begun and not ended."""

    id: str
    epoch: Epoch | None  # the last that ended; None before the first
    silent: float  # seconds since its log grew


class Snapshot(NamedTuple):
    """The state of an experiment at one moment."""

    done: int
    total: int
    running: list[Running]
    failed: list[str]
    seconds_left: float | None  # None while there is nothing to tell it from

    @property
    def ended(self) -> bool:
        """Whether nothing is left to run."""
        return self.done + len(self.failed) == self.total


class Board:
    """Reads how far runs are from their CSVs and logs.

    Parameters
    ----------
    runs
        The runs that are meant, by their id.
    results
        Folder of the outputs, with `runs` and `logs/train`.
    sizes
        Each data set's size (lsh_dl.experiment.resources.sizes_of).
    since
        Files older than this time are left over from before: their runs are to run again.
    """

    def __init__(
        self,
        runs: Mapping[str, Run],
        results: Path,
        sizes: Mapping[str, DataSize],
        since: float = 0.0,
    ):
        self._results = results
        self._since = since
        self._rules = {name: run.rule for name, run in runs.items()}
        self._estimates = {
            name: estimate_seconds(run, sizes[run.dataset]) for name, run in runs.items()
        }
        self._took: dict[str, float] = {}  # seconds that finished runs took
        self._abreast = 1  # runs seen running at once

    def read(self) -> Snapshot:
        """Look at all files anew."""
        running, failed, waiting = [], [], []
        now = time.time()
        done = 0
        for name in self._estimates:
            table, log = (
                self._results / "runs" / f"{name}.csv",
                self._results / "logs" / "train" / f"{name}.log",
            )
            written, logged = self._written(table), self._written(log)
            if written is not None and (logged is None or written >= logged):
                done += 1
                if name not in self._took:
                    self._took[name] = _read_seconds(table)
            elif logged is None:
                waiting.append(name)
            else:
                tail = _read_tail(log)
                if "error: " in tail or "Traceback" in tail:
                    failed.append(name)
                else:
                    running.append(Running(name, read_epoch(tail), now - logged))
        left = self._estimate_left(running, waiting)
        return Snapshot(done, len(self._estimates), running, failed, left)

    def _written(self, path: Path) -> float | None:
        """When the file was written last; None where that was not since the start."""
        try:
            time_written = path.stat().st_mtime
        except FileNotFoundError:
            return None
        return time_written if time_written >= self._since else None

    def _estimate_left(self, running: list[Running], waiting: list[str]) -> float | None:
        """The estimates of what is open, corrected by what finished runs of the same rule took."""
        if not running and not waiting:
            return 0.0
        if not self._took or not running:
            return None
        took, estimated = defaultdict(float), defaultdict(float)
        for name, seconds in self._took.items():
            for key in (self._rules[name], None):  # None: of all rules
                took[key] += seconds
                estimated[key] += self._estimates[name]
        left = dict.fromkeys(waiting, 1.0)
        left |= {
            name: 1 - epoch.number / epoch.epochs if epoch else 1.0 for name, epoch, _ in running
        }
        total = 0.0
        for name, share in left.items():
            key = self._rules[name] if self._rules[name] in took else None
            total += share * self._estimates[name] * took[key] / estimated[key]
        self._abreast = max(self._abreast, len(running))
        return total / min(self._abreast, len(left))


def follow(board: Board, console: Console, pause: Callable[[float], bool]) -> None:
    """Show the board until all runs have ended, or as long as there is someone to show it to.

    In a terminal it is drawn in place, every two seconds; elsewhere it is a line now and then.

    Parameters
    ----------
    pause
        Waits for some seconds; True ends the showing.
    """
    snapshot = board.read()
    if not console.is_terminal:
        while not (snapshot.ended or pause(LINE_INTERVAL)):
            console.print(describe_snapshot(snapshot), soft_wrap=True, highlight=False)
            snapshot = board.read()
        console.print(describe_snapshot(board.read()), soft_wrap=True, highlight=False)
        return
    with Live(draw_snapshot(snapshot), console=console, auto_refresh=False) as live:
        while not (snapshot.ended or pause(2)):
            snapshot = board.read()
            live.update(draw_snapshot(snapshot), refresh=True)
        live.update(draw_snapshot(board.read()), refresh=True)


def describe_snapshot(snapshot: Snapshot) -> str:
    """One line, for logs."""
    parts = [f"{snapshot.done} of {snapshot.total} runs done"]
    if snapshot.failed:
        parts.append(f"{len(snapshot.failed)} failed")
    if snapshot.seconds_left:
        parts.append(f"about {describe_seconds(snapshot.seconds_left)} left")
    for run in snapshot.running[:2]:
        parts.append(f"{run.id}: {_describe_epoch(run.epoch)}")
    if len(snapshot.running) > 2:
        parts.append(f"{len(snapshot.running) - 2} more running")
    return "; ".join(parts)


def draw_snapshot(snapshot: Snapshot) -> Group:
    """A bar and the current runs, for a terminal."""
    bar = Table.grid(padding=(0, 1))
    left = snapshot.seconds_left
    bar.add_row(
        "runs",
        ProgressBar(snapshot.total, snapshot.done, width=30),
        f"{snapshot.done} of {snapshot.total}",
        f"[red]{len(snapshot.failed)} failed[/]" if snapshot.failed else "",
        f"about {describe_seconds(left)} left" if left else "",
    )
    table = Table.grid(padding=(0, 2))
    for run in snapshot.running[:SHOWN]:
        silent = f"no line for {describe_seconds(run.silent)}" if run.silent > SILENT else ""
        table.add_row(f"  {run.id}", _describe_epoch(run.epoch), silent)
    if len(snapshot.running) > SHOWN:
        table.add_row(f"  and {len(snapshot.running) - SHOWN} more")
    failed = [f"[red]  failed: {name}[/]" for name in snapshot.failed[:SHOWN]]
    return Group(bar, table, *failed)


def _describe_epoch(epoch: Epoch | None) -> str:
    if epoch is None:
        return "first epoch"
    return f"epoch {epoch.number:.4g} of {epoch.epochs}, accuracy {epoch.test_accuracy:.1f} %"


def _read_tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        return file.read().decode(errors="replace")


def _read_seconds(path: Path) -> float:
    """What a run took, by its CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return START_SECONDS + sum(
            float(row["train_seconds"]) + float(row["evaluation_seconds"])
            for row in csv.DictReader(file)
        )
