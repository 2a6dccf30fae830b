"""Where an interrupted run goes on: its model after the last epoch, and its rows until then."""

import json
import os
import sys
import time
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

from lsh_dl.common.code import digest_code
from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError
from lsh_dl.common.files import remove_leftovers
from lsh_dl.common.validation import validate
from lsh_dl.data.prepared.store import Prepared
from lsh_dl.rules.base import Rule
from lsh_dl.runs.row import Row
from lsh_dl.runs.spec import Run
from lsh_dl.training.epochs import draw_key
from lsh_dl.training.model import SparseModel
from lsh_dl.training.model_file import TrainedModel, read_model, write_model

#: Seconds of training that an interruption may cost beside the epoch that it breaks off.
INTERVAL = 20.0

#: Environment variable with another number.
VARIABLE = "LSH_DL_CHECKPOINT_SECONDS"


def interval_of_jobs() -> float:
    """Least seconds between two checkpoints of a pipeline's jobs: `VARIABLE`, or `INTERVAL`."""
    given = os.environ.get(VARIABLE, INTERVAL)
    try:
        return float(given)
    except ValueError:
        raise UserError(f"{VARIABLE}: a number of seconds is needed (got {given!r})") from None


class Checkpoint:
    """The file that an interrupted run goes on from; it is there only while the run is not done.

    Parameters
    ----------
    path
        Where it is: beside the run's CSV.
    run, folder, data
        What is trained, and on what: a checkpoint of anything else is not used.
    interval
        Least seconds from one writing to the next, so that short runs pay nothing.
    """

    def __init__(self, path: Path, run: Run, folder: Path, data: Prepared, interval: float):
        self.path, self.run, self.data, self.interval = path, run, data, interval
        self._identity = _identify(run, folder, data)
        self._written = time.monotonic()

    def load(self) -> tuple[SparseModel, list[dict[str, Any]]] | None:
        """The model and the rows of the epochs that are done; None where there are none to use.

        A checkpoint that does not belong here, or is damaged, is left aside with a line in the
        log; the run then starts from its beginning.
        """
        if not self.path.exists():
            return None
        try:
            saved = read_model(self.path, self.run.reference)
        except UserError as error:
            _report(f"starts anew: {error}")
            return None
        identity, rows = saved.record.get("identity"), saved.record.get("rows")
        identity = identity if isinstance(identity, dict) else {}
        differing = [key for key in self._identity if self._identity[key] != identity.get(key)]
        if differing:
            _report(f"starts anew: {self.path} is of another {', another '.join(differing)}")
            return None
        try:
            self._check(saved.model, rows)
        except (UserError, ValueError) as error:
            _report(f"starts anew: {self.path}: damaged ({error})")
            return None
        epochs = f"{rows[-1]['epoch']:.4g} of {self.run.training.epochs}"
        _report(f"goes on after epoch {epochs} ({self.path})")
        saved.model.use_threads(self.run.threads)
        return saved.model, rows

    def _check(self, model: SparseModel, rows: Any) -> None:
        """Raise a UserError or ValueError unless model and rows are this run's after an epoch."""
        run, data = self.run, self.data
        most = run.training.epochs * run.evaluations - 1
        if not isinstance(rows, list) or not 0 < len(rows) <= most:
            raise ValueError(f"not 1 to {most} rows")
        for number, row in enumerate(rows, 1):
            checked = validate(Row, row if isinstance(row, dict) else {}, f"row {number}")
            if (checked.run_id, checked.epoch) != (run.id, number / run.evaluations):
                raise ValueError(f"row {number} is that of epoch {checked.epoch}")
        sizes = [data.features, *run.hidden, data.classes]
        if model.network.sizes.tolist() != sizes:
            raise ValueError(f"sizes {model.network.sizes.tolist()}, not {sizes}")
        epochs, parts = divmod(len(rows), run.evaluations)
        seen = epochs * len(data.train) + len(data.train) * parts // run.evaluations
        if model.seen != seen:
            raise ValueError(f"{model.seen} samples seen, not {seen}")
        for selector in (model.hidden, model.outputs):
            if selector:
                due = selector.rule.refresh_interval(seen, selector.network)
                if selector.until_refresh != due:
                    raise ValueError(f"{selector.until_refresh} samples to a refresh, not {due}")

    def save(self, model: SparseModel, rows: list[dict[str, Any]]) -> None:
        """Write the model and the rows, if the last writing is long enough ago.

        Where that fails (disk full), the run goes on with a line in the log.
        """
        if time.monotonic() - self._written < self.interval:
            return
        data, key = self.data, draw_key(self.run.seed, ceil(rows[-1]["epoch"]))
        record = {"identity": self._identity, "rows": rows}
        classes = tuple(range(data.classes))
        saved = TrainedModel(model, data.transform, classes, key, record)
        try:
            write_model(self.path, saved, histories=True)
        except UserError as error:
            _report(f"no checkpoint: {error}")
        self._written = time.monotonic()

    def remove(self) -> None:
        """The run is done."""
        self.path.unlink(missing_ok=True)
        remove_leftovers(self.path)


def _identify(run: Run, folder: Path, data: Prepared) -> dict[str, Any]:
    """All that decides a run's numbers, in short, as JSON gives it back."""
    rule = find("lsh_dl.rules", Rule, run.reference).__module__
    # A folder is replaced as a whole when it is prepared again: the time tells one from the next.
    meta = folder / "meta.json"
    identity = {
        "run": run.model_dump(mode="json"),
        "data set": {**data.meta, "written": meta.stat().st_mtime_ns},
        "code": digest_code("lsh_dl.training.run", rule),
        "NumPy": version("numpy"),
        "Numba": version("numba"),
    }
    return json.loads(json.dumps(identity))


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
