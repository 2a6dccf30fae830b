"""What a run leaves behind: a CSV with a row per epoch and a JSON with all that it depended on."""

import csv
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsh_dl.files import written_whole

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

#: Columns that two runs of the same seed, on one thread, may differ in.
TIME_COLUMNS = ("train_seconds", "evaluation_seconds")

_LIBRARIES = ("numpy", "numba", "llvmlite", "scikit-learn", "pandas", "snakemake")


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


def describe_machine() -> dict[str, Any]:
    """Versions, processor and code state, for the run's JSON."""
    return {
        "lsh_dl": version("lsh-dl"),
        "python": sys.version.split()[0],
        **{name: version(name) for name in _LIBRARIES},
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "git_commit": _git_commit(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git_commit() -> str | None:
    """The commit of the package's checkout, with `+changes` where it has uncommitted ones."""
    folder = Path(__file__).parents[1]
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty=+changes"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
