"""How far a run is: a bar on a terminal, a line per epoch in its log, and such lines read again."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from tqdm import tqdm

from lsh_dl.engine.workspace import Tally
from lsh_dl.runs.spec import Run

_LINE = re.compile(
    r"^epoch ([\d.]+) of (\d+): test ([\d.]+) %.*, (?:(\S.*) left|done)$", re.MULTILINE
)


class Progress:
    """Reports one run as it trains: every epoch's line to stdout, at once; a bar to a terminal.

    Parameters
    ----------
    run
        The run that is reported.
    samples
        Training samples of an epoch.
    """

    def __init__(self, run: Run, samples: int):
        self._epochs, self._evaluations = run.training.epochs, run.evaluations
        self._samples = samples
        self._before = 0  # samples until the last line
        # `disable=None`: no bar where stderr is no terminal.
        self._bar = tqdm(
            total=self._epochs * samples,
            desc=run.id,
            disable=None,
            unit=" samples",
            leave=False,
            dynamic_ncols=True,
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def advance(self, samples: int, tally: Tally) -> None:
        """Show that `samples` since the last line are learned, with the sums over them."""
        self._bar.set_postfix_str(f"accuracy {100 * tally.correct[0] / samples:.1f} %", False)
        self._bar.update(self._before + samples - self._bar.n)

    def end_epoch(self, row: Mapping[str, Any]) -> None:
        """Print the line of an epoch, given its row of the CSV."""
        epoch = row["epoch"]
        self._before = int(epoch * self._samples)
        self._bar.update(self._before - self._bar.n)
        # Above the bar, where there is one.
        with suppress(OSError):  # no reader any more, or a full disk: training goes on
            tqdm.write(describe_epoch(row, self._epochs, self._evaluations), file=sys.stdout)
            sys.stdout.flush()


class Epoch(NamedTuple):
    """What a log says of the last epoch that ended."""

    number: float
    epochs: int
    test_accuracy: float  # in per cent
    left: str  # time left in words; empty when the run has ended


def describe_epoch(row: Mapping[str, Any], epochs: int, evaluations: int = 1) -> str:
    """The line of an epoch or a part of one; `read_epoch` reads it again."""
    seconds = row["train_seconds"] + row["evaluation_seconds"]
    parts = [f"test {100 * row['test_accuracy']:.2f} %"]
    if row["validation_accuracy"] is not None:
        parts.append(f"validation {100 * row['validation_accuracy']:.2f} %")
    parts += [
        f"loss {row['train_loss']:.4f}",
        f"active {100 * row['active_fraction']:.1f} %",
        f"training work {row['training_percent']:.1f} % of dense",
        f"{seconds:.1f} s",
    ]
    diverged = row["status"] != "ok"
    ended = diverged or row["epoch"] == epochs
    left = seconds * evaluations * (epochs - row["epoch"])
    parts += (["diverged"] if diverged else []) + [
        "done" if ended else f"{describe_seconds(left)} left"
    ]
    return f"epoch {row['epoch']:.4g} of {epochs}: {', '.join(parts)}"


def read_epoch(log: str) -> Epoch | None:
    """The last epoch that the text of a run's log tells of; None before the first."""
    found = _LINE.findall(log)
    if not found:
        return None
    number, epochs, accuracy, left = found[-1]
    return Epoch(float(number), int(epochs), float(accuracy), left)


def describe_seconds(seconds: float) -> str:
    """A time in words, rounded: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
