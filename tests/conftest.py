"""What tests of several files share."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from lsh_dl.runs.record import write_rows
from lsh_dl.runs.row import PRECISION_COLUMNS

# No deadline: the first call of a kernel compiles or loads it. Same examples in every run.
settings.register_profile("lsh-dl", deadline=None, derandomize=True)
settings.load_profile("lsh-dl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: a long one begun last would keep a single process busy."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_linear_algebra() -> Iterator[None]:
    """Here and in processes that tests start.

    With as many tests at a time as there are cores, its threads wait for each other, some twenty
    times as long as they work.
    """
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        for library in ("OPENBLAS", "MKL", "OMP"):
            patch.setenv(f"{library}_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def bytecode_of_processes() -> Iterator[None]:
    """What tests start keeps its bytecode, also where the environment forbids it to.

    Each of some three hundred jobs and plans would compile all of the package's sources again.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
def raw_config() -> dict[str, Any]:
    """A small correct config, as YAML gives it."""
    return {
        "seeds": [1, 2],
        "networks": [[8], [8, 4]],
        "active_fractions": [0.25, 0.5],
        "datasets": {"digits": {"train": 100, "test": 20}},
        "rules": {"standard": None, "wta": None},
        "training": {"epochs": 2},
    }


@pytest.fixture(scope="session")
def row() -> Mapping[str, Any]:
    """One row of a run's CSV with plausible values."""
    return {
        "run_id": "digits_wta_2x8_25pct_seed1",
        "dataset": "digits",
        "dataset_title": "Digits (MNIST stand-in)",
        "data_kind": "stand-in",
        "rule": "wta",
        "label": "wta",
        "title": "WTA",
        "hidden_layers": 2,
        "width": 8,
        "hidden": "2x8",
        "target_active_fraction": 0.25,
        "active_fraction": 0.25,
        "inference_active_fraction": 0.25,
        "recall_of_top": 0.6,
        "unused_share": 0.1,
        "seed": 1,
        "threads": 1,
        "epoch": 1,
        "samples": 100,
        "train_loss": 0.5,
        "train_accuracy": 0.7,
        "validation_accuracy": 0.75,
        "test_accuracy": 0.8,
        **dict.fromkeys(PRECISION_COLUMNS),
        "counting": "counted",
        "training_multiplications": 300.0,
        "inference_multiplications": 100.0,
        "training_percent": 15.0,
        "inference_percent": 10.0,
        "training_select": 100.0,
        "training_rerank": 0.0,
        "training_forward": 50.0,
        "training_backward": 50.0,
        "training_update": 100.0,
        "training_maintain": 0.0,
        "training_optimiser": 400.0,
        "inference_select": 60.0,
        "inference_rerank": 0.0,
        "inference_forward": 40.0,
        "train_seconds": 0.1,
        "evaluation_seconds": 0.05,
        "load_average": 1.0,
        "steal_percent": 0.0,
        "others_cores": 0.02,
        "status": "ok",
    }


@pytest.fixture
def write_run(tmp_path, row):
    """A function that writes one run's CSV, an epoch for each accuracy, and returns its path."""

    def write(rule, seed, accuracies, level=0.25, status="ok", **change):
        label = change.get("label", rule)
        run_id = f"digits_{label}_2x8_{100 * level:g}pct_seed{seed}_{change.get('threads', 1)}"
        common = row | {
            "run_id": run_id,
            "rule": rule,
            "label": label,
            "title": label.upper(),
            "seed": seed,
            "target_active_fraction": level,
            "active_fraction": level,
        }
        rows = [
            common | {"epoch": number, "test_accuracy": accuracy} | change
            for number, accuracy in enumerate(accuracies, 1)
        ]
        rows[-1]["status"] = status
        write_rows(tmp_path / f"{run_id}.csv", rows)
        return tmp_path / f"{run_id}.csv"

    return write
