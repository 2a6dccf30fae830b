from functools import partial

import pandas as pd
import pytest

from lsh_dl.experiment.config import check_config, known_tables
from lsh_dl.results.tables import write_runs, write_table
from lsh_dl.runs.summary import NAMED_CURVES

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
    reads, table = TABLES[figure].tables[figure].reads, folder / f"{figure}.csv"
    if reads:
        write_runs(files, folder / "runs.csv")
    tables = [folder / "runs.csv"] if reads else []
    write_table(partial(study.tabulate, figure), files, [], table, tables=tables)
    return pd.read_csv(folder / f"{figure}.csv")


def test_new_rule_comes_to_the_figures_by_itself(write_run, tmp_path):
    rules = ["standard", "dropout", "mine", "lsh", "wta"]
    files = [write_run(rule, 1, [0.9]) for rule in rules]
    shown = {name: set(make_table(name, files, tmp_path)["rule"]) for name in COMPARED}
    assert shown == {
        "accuracy_lsh_vs_dropout": {"standard", "dropout", "mine", "lsh"},
        "accuracy_lsh_vs_adaptive": {"standard", "mine", "lsh", "wta"},
        "accuracy_vs_multiplications": set(rules),
        "frontier": set(rules),
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
        *(
            make_table(name, files, tmp_path)
            for name, study in TABLES.items()
            if study.name in EXPERIMENT.studies and study.trained
        ),
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
