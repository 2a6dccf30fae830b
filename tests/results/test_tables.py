import statistics
from functools import partial

import numpy as np
import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import check_config, known_tables
from lsh_dl.results.tables import write_runs, write_table
from lsh_dl.runs.record import read_runs, read_table_of_runs, write_rows
from lsh_dl.runs.row import COLUMNS, LOAD_COLUMNS
from lsh_dl.runs.summary import (
    MEASURES,
    NAMED_CURVES,
    compare_with_standard,
    mark_reported,
    reported_epochs,
    summarise,
)

TABLES = known_tables()
COMPARED = [name for name, study in TABLES.items() if study.name == "comparison"]

EXPERIMENT = check_config(
    {
        "seeds": [1],
        "networks": [[8]],
        "active_fractions": [0.25],
        "datasets": {"digits": None},
        "rules": {"lsh": None},
        "ablation": {
            "entries": {
                "lsh": {"group": "Presets"},
                "unranked": {"source": "lsh", "ranking": "none", "group": "Removed"},
                "other": {"source": "wta"},
            }
        },
        "asynchronous": {"entries": {"lsh": None}},
    }
)


def make_table(figure, files, folder) -> pd.DataFrame:
    """A figure's table as the pipeline writes it, read again."""
    study = EXPERIMENT.studies[TABLES[figure].name]
    write_table(partial(study.tabulate, figure), files, [], folder / f"{figure}.csv")
    return pd.read_csv(folder / f"{figure}.csv")


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


def test_summary_is_of_the_last_epoch_over_seeds(write_run):
    last = [0.8, 0.9, 0.6]
    files = [write_run("wta", seed, [0.99, last[seed]]) for seed in range(3)]
    (point,) = summarise(compare_with_standard(read_runs(files))).to_dict("records")
    assert (point["epoch"], point["n"], point["diverged"]) == (2, 3, 0)
    assert point["test_accuracy_median"] == statistics.median(last)
    assert (point["test_accuracy_low"], point["test_accuracy_high"]) == (0.6, 0.9)


def test_diverged_run_is_kept_and_marked(write_run):
    files = [write_run("wta", 1, [0.7, 0.8]), write_run("wta", 2, [0.1], status="diverged")]
    (point,) = summarise(compare_with_standard(read_runs(files))).to_dict("records")
    assert (point["n"], point["diverged"], point["epoch"]) == (2, 1, 2)
    assert point["test_accuracy_low"] == 0.1


def test_work_is_compared_with_the_same_seed_and_epoch(write_run):
    standard = [
        write_run("standard", seed, [0.9], level=1.0, training_multiplications=100.0 * seed)
        for seed in (1, 2)
    ]
    other = [write_run("wta", seed, [0.9], training_multiplications=30.0) for seed in (1, 2, 3)]
    runs = compare_with_standard(read_runs([*other, *standard]))
    percents = runs.set_index(["rule", "seed"])["training_percent_of_standard"]
    assert percents["standard"].tolist() == [100, 100]
    assert percents["wta", 1] == 30
    assert percents["wta", 2] == 15
    assert pd.isna(percents["wta", 3])
    assert (runs["inference_percent_of_standard"].dropna() == 100).all()


def test_levels_networks_and_labels_are_points_of_their_own(write_run):
    files = [
        write_run("wta", 1, [0.9]),
        write_run("wta", 1, [0.9], level=0.5),
        write_run("wta", 1, [0.9], label="mine"),
    ]
    assert len(summarise(compare_with_standard(read_runs(files)))) == 3


def test_text_that_looks_like_a_number_stays_text(write_run):
    path = write_run("wta", 1, [0.9], label="007", title="1e3")
    runs = read_runs([path])
    assert runs["label"].tolist() == ["007"]
    assert runs["title"].tolist() == ["1e3"]


def test_numbers_are_read_exactly(write_run):
    accuracy = 0.1 + 0.2
    assert read_runs([write_run("wta", 1, [accuracy])])["test_accuracy"].tolist() == [accuracy]


def test_run_without_validation_part(write_run):
    with_it = write_run("wta", 1, [0.9])
    without = write_run("wta", 2, [0.9], validation_accuracy=None)
    runs = read_runs([without, with_it])
    assert list(runs.columns) == list(COLUMNS)
    assert runs["validation_accuracy"].isna().tolist() == [True, False]


def test_new_rule_comes_to_the_figures_by_itself(write_run, tmp_path):
    rules = ["standard", "dropout", "mine", "lsh", "wta"]
    files = [write_run(rule, 1, [0.9]) for rule in rules]
    shown = {name: set(make_table(name, files, tmp_path)["rule"]) for name in COMPARED}
    assert shown == {
        "accuracy_lsh_vs_dropout": {"standard", "dropout", "mine", "lsh"},
        "accuracy_lsh_vs_adaptive": {"standard", "mine", "lsh", "wta"},
        "accuracy_vs_multiplications": set(rules),
    }


def test_curve_numbers_agree_in_all_tables(write_run, tmp_path):
    labels = ["beta", "dropout", "lsh", "alpha", "standard"]
    files = [write_run("dropout", 1, [0.9], label=label) for label in labels]
    table = make_table("accuracy_vs_multiplications", files, tmp_path)
    curves = dict(zip(table["label"], table["curve"], strict=True))
    known = len(NAMED_CURVES)
    assert curves == {"beta": known, "alpha": known + 1} | {
        label: NAMED_CURVES.index(label) for label in ("dropout", "lsh", "standard")
    }


def test_every_table_says_what_data_it_is_from(write_run, tmp_path):
    files = [write_run("lsh", 1, [0.9])]
    write_runs(files, tmp_path / "runs.csv")
    for table in (
        pd.read_csv(tmp_path / "runs.csv"),
        *(make_table(name, files, tmp_path) for name, study in TABLES.items() if study.trained),
    ):
        assert table["data_kind"].tolist() == ["stand-in"]


def test_ablation_has_its_groups(write_run, tmp_path):
    files = [write_run("lsh", 1, [0.9], label=label) for label in ("lsh", "unranked", "other")]
    table = make_table("ablation", files, tmp_path).set_index("label")
    assert table["group"].dropna().to_dict() == {"lsh": "Presets", "unranked": "Removed"}


def test_speed_is_compared_with_one_thread_of_the_same_seed(write_run, tmp_path):
    files = [
        write_run("lsh", seed, [0.9] * 3, threads=threads, train_seconds=seconds)
        for seed, threads, seconds in [(1, 1, 6.0), (2, 1, 9.0), (1, 2, 4.0), (2, 2, 5.0)]
    ]
    table = make_table("asgd_speedup", files, tmp_path).set_index("threads")
    assert table["seconds_median"].to_dict() == {1: 7.5, 2: 4.5}
    assert table.loc[1, ["speedup_low", "speedup_high"]].tolist() == [1, 1]
    assert table.loc[2, ["speedup_low", "speedup_high"]].tolist() == [1.5, 1.8]


def test_epochs_are_rows_and_diverged_runs_end_early(write_run, tmp_path):
    files = [
        write_run("lsh", 1, [0.5, 0.7, 0.9], threads=2),
        write_run("lsh", 2, [0.5, 0.1], threads=2, status="diverged"),
        write_run("standard", 1, [0.8, 0.9, 0.9], level=1.0, threads=4),
        write_run("standard", 1, [0.8, 0.9, 0.9], level=1.0),
    ]
    table = make_table("asgd_convergence", files, tmp_path)
    assert table[["rule", "threads", "epoch", "n", "diverged"]].values.tolist() == [
        ["lsh", 2, 1, 2, 0],
        ["lsh", 2, 2, 2, 1],
        ["lsh", 2, 3, 1, 0],
    ]
    assert table["test_accuracy_median"].tolist() == pytest.approx([0.5, 0.4, 0.9])
    most = make_table("asgd_lsh_vs_standard", files, tmp_path)
    assert most["threads"].unique().tolist() == [4]
    assert most["epoch"].tolist() == [1, 2, 3]


def test_all_measures_have_median_and_range(write_run):
    points = summarise(compare_with_standard(read_runs([write_run("wta", 1, [0.9])])))
    for measure in MEASURES:
        assert {f"{measure}_{part}" for part in ("median", "low", "high")} <= set(points.columns)


def epochs_of(run_id, validation, status="ok"):
    return pd.DataFrame(
        {
            "run_id": run_id,
            "epoch": range(1, len(validation) + 1),
            "validation_accuracy": validation,
            "status": ["ok"] * (len(validation) - 1) + [status],
        }
    )


@pytest.mark.parametrize(
    ("validation", "status", "which", "epoch"),
    [
        ([0.5, 0.9, 0.8], "ok", "best", 2),
        ([0.5, 0.9, 0.9], "ok", "best", 2),
        ([0.5, 0.9, 0.8], "ok", "last", 3),
        ([0.5, 0.9, 0.1], "diverged", "best", 3),
        ([np.nan] * 3, "ok", "best", 3),
    ],
)
def test_one_epoch_of_each_run_is_reported(validation, status, which, epoch):
    runs = pd.concat([epochs_of("a", [0.1, 0.2]), epochs_of("b", validation, status)])
    marked = mark_reported(runs.reset_index(drop=True), which)
    assert marked.groupby("run_id")["reported"].sum().to_dict() == {"a": 1, "b": 1}
    reported = reported_epochs(marked).set_index("run_id")["epoch"]
    assert reported.to_dict() == {"a": 2, "b": epoch}


def test_points_and_claims_take_the_reported_epoch(write_run, tmp_path):
    path = write_run("lsh", 1, [0.9, 0.8, 0.7])
    rows = pd.read_csv(path, dtype=str).assign(validation_accuracy=["0.5", "0.9", "0.6"])
    rows.to_csv(path, index=False)
    for which, accuracy in (("best", 0.8), ("last", 0.7)):
        write_runs([path], tmp_path / "runs.csv", which)
        (point,) = summarise(read_table_of_runs(tmp_path / "runs.csv")).to_dict("records")
        assert point["test_accuracy_median"] == accuracy


def test_results_from_before_the_load_was_recorded_are_read(write_run):
    path = write_run("lsh", 1, [0.9, 0.91])
    older = pd.read_csv(path, dtype=str).drop(columns=list(LOAD_COLUMNS))
    older.to_csv(path, index=False)
    runs = read_runs([path])
    assert list(runs.columns) == list(COLUMNS)
    assert runs[list(LOAD_COLUMNS)].isna().all(axis=None)
    assert runs["test_accuracy"].tolist() == [0.9, 0.91]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\n"])
def test_file_that_is_no_run(tmp_path, text):
    path = tmp_path / "run.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"^{path}: .*; remove it and run again$"):
        read_runs([path])


def test_no_runs():
    with pytest.raises(UserError, match="no runs"):
        read_runs([])
