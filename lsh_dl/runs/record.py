"""What a run leaves behind: a CSV with a row per epoch and a JSON with all that it depended on."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole

if TYPE_CHECKING:  # a third of a second to import, which training does not need
    import pandas as pd

#: Columns of a run's CSV, in order; workflow/schemas/run.schema.yaml describes each.
COLUMNS = (
    "run_id",
    "dataset",
    "dataset_title",
    "data_kind",
    "rule",
    "label",
    "title",
    "hidden_layers",
    "width",
    "hidden",
    "target_active_fraction",
    "active_fraction",
    "inference_active_fraction",
    "recall_of_top",
    "unused_share",
    "seed",
    "threads",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "training_multiplications",
    "inference_multiplications",
    "training_percent",
    "inference_percent",
    "training_select",
    "training_rerank",
    "training_forward",
    "training_backward",
    "training_update",
    "training_maintain",
    "training_optimiser",
    "inference_select",
    "inference_rerank",
    "inference_forward",
    "train_seconds",
    "evaluation_seconds",
    "status",
)

#: Columns that are text even where every value looks like a number, and those of whole numbers.
TEXT = (
    "run_id",
    "dataset",
    "dataset_title",
    "data_kind",
    "rule",
    "label",
    "title",
    "hidden",
    "status",
)
WHOLE = ("hidden_layers", "width", "seed", "threads", "epoch")
DTYPES = {name: "int64" if name in WHOLE else "float64" for name in COLUMNS if name not in TEXT}

#: Columns that two runs of the same seed, on one thread, may differ in.
TIME_COLUMNS = ("train_seconds", "evaluation_seconds")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a run's CSV. Numbers are written so that reading them gives the same float64."""
    with written_whole(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a run's JSON."""
    with written_whole(path) as file:
        json.dump(record, file, indent=2, default=str)
        file.write("\n")


def read_runs(paths: Iterable[Path | str]) -> "pd.DataFrame":
    """All rows (one an epoch) of the CSVs, in the given order.

    Raises
    ------
    UserError
        There is no file, or one is not a run's CSV.
    """
    import pandas as pd

    frames = [_read_run(Path(path)) for path in paths]
    if not frames:
        raise UserError("no runs to make tables of; give the CSVs of results/runs")
    return pd.concat(frames, ignore_index=True)


def _read_run(path: Path) -> "pd.DataFrame":
    import pandas as pd

    remedy = "remove it and run again"
    try:
        # As text first: pandas' own parser of numbers may be off in the last bit.
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if list(frame.columns) != list(COLUMNS) or frame.empty:
            raise UserError(f"{path}: not the CSV of a run of this version; {remedy}")
        return frame.replace({name: {"": "nan"} for name in DTYPES}).astype(DTYPES)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read ({reason}); {remedy}") from None
