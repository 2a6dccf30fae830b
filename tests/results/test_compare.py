"""Results beside a reference: bands, missing points, other settings, the commands."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from lsh_dl.cli import claims
from lsh_dl.cli.main import main
from lsh_dl.common.errors import UserError
from lsh_dl.experiment.config import check_config
from lsh_dl.results.compare import (
    MEASURES,
    UNKNOWN,
    compare_repeated,
    compare_results,
    first_difference,
    keep_reference,
    name_cell,
    read_settings,
)
from lsh_dl.runs.summary import compare_with_standard

LEVELS = (0.05, 0.1, 0.25)
RUN = "digits_lsh_2x8_5pct_seed1"
DATA = {
    "name": "digits",
    "kind": "stand-in",
    "preprocessing": "scale",
    "counts": {"train": 180, "test": 50},
    "settings": {"seed": 0, "bend": 0.5},
}


@pytest.fixture
def write(tmp_path, row):
    """Write a folder of results: LSH at three levels; returns it.

    Parameters
    ----------
    shift: added to the accuracy of a level.
    spread: deviation of accuracy between seeds.
    """

    def write(name, seeds=(1, 2, 3), shift=None, spread=0.004, levels=LEVELS, threads=1, **made):
        folder = tmp_path / name
        draw = np.random.default_rng(len(name))
        rows = []
        for level in levels:
            for seed in seeds:
                parts = ["digits_lsh_2x8", f"{100 * level:g}pct", f"seed{seed}"]
                run_id = "_".join(parts + ([f"{threads}threads"] if threads > 1 else []))
                work = 1000 * level * (1 + 0.001 * draw.standard_normal())
                accuracy = 0.9 + spread * draw.standard_normal() + (shift or {}).get(level, 0)
                values = {
                    "run_id": run_id,
                    "rule": "lsh",
                    "label": "lsh",
                    "target_active_fraction": level,
                    "active_fraction": level,
                    "seed": seed,
                    "threads": threads,
                    "training_multiplications": work,
                    "inference_multiplications": work / 3,
                }
                # What counts is the last epoch.
                rows.append(row | values | {"epoch": 1, "test_accuracy": 0.1})
                rows.append(row | values | {"epoch": 2, "test_accuracy": accuracy})
                record = {
                    "run_id": run_id,
                    "run": {
                        "rule": "lsh",
                        "seed": seed,
                        "settings": {},
                        "training": {"epochs": 2, "learning_rate": 0.01},
                    }
                    | made,
                    "data": DATA,
                }
                path = folder / "runs" / f"{run_id}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(record))
        (folder / "tables").mkdir()
        table = compare_with_standard(pd.DataFrame(rows))
        table.to_csv(folder / "tables/runs.csv", index=False)
        for other in ("claims.csv", "claims.md", "config.yaml", "machine.csv", "figures/a.png"):
            (folder / other).parent.mkdir(exist_ok=True)
            (folder / other).write_text(other)
        return folder

    return write


@pytest.fixture
def kept(write, tmp_path):
    """A reference."""
    keep_reference(write("first"), tmp_path / "kept")
    return tmp_path / "kept"


def test_repetition_is_inside(write, kept):
    comparison = compare_results(write("second"), kept)
    assert len(comparison.cells) == len(LEVELS) * len(MEASURES)
    assert comparison.cells["inside"].all()
    assert not comparison.missing + comparison.extra
    assert comparison.others == {}


def test_other_accuracy_is_outside_where_it_is(write, kept):
    cells = compare_results(write("second", shift={0.1: -0.05}), kept).cells
    outside = cells[~cells["inside"]]
    assert outside[["cell", "measure"]].values.tolist() == [
        ["digits_lsh_2x8_10pct", "test_accuracy"]
    ]
    cell = outside.iloc[0]
    assert cell["median"] < cell["low"] < cell["reference"] < cell["high"]


def test_other_work_is_outside(write, kept):
    folder = write("second")
    table = pd.read_csv(folder / "tables/runs.csv")
    table["training_multiplications"] *= 1.1
    table.to_csv(folder / "tables/runs.csv", index=False)
    cells = compare_results(folder, kept).cells
    assert set(cells.loc[~cells["inside"], "measure"]) == {"training_multiplications"}


def test_band_holds_faithful_repetitions():
    """Of many repetitions with the same seeds' deviation, at most one in twenty has a cell outside.

    The deviation is the same at all levels here, as the pooling supposes.
    """
    from lsh_dl.results.compare import compare_cells

    draw = np.random.default_rng(0)
    point = {"dataset": "d", "hidden": "2x8", "label": "lsh", "threads": 1}
    outside = 0
    for _ in range(100):
        sides = []
        for _side in range(2):
            rows = [
                point
                | {"target_active_fraction": level, "cell": str(level)}
                | {name: 0.5 + 0.02 * draw.standard_normal() for name in MEASURES}
                for level in LEVELS
                for _seed in range(3)
            ]
            sides.append(pd.DataFrame(rows))
        outside += not compare_cells(*sides)["inside"].all()
    assert outside <= 5


def test_fewer_seeds_have_wider_bands(write, kept):
    three = compare_results(write("second"), kept).cells.set_index(["cell", "measure"])
    one = compare_results(write("third", seeds=(7,)), kept).cells.set_index(["cell", "measure"])
    assert (one["n"] == 1).all()
    accuracy = [(f"digits_lsh_2x8_{level}pct", "test_accuracy") for level in (5, 10, 25)]
    assert (one.loc[accuracy, "high"] > three.loc[accuracy, "high"]).all()


def test_one_seed_on_both_sides_has_a_fixed_band(write, tmp_path):
    keep_reference(write("first", seeds=(1,)), tmp_path / "kept")
    cells = compare_results(write("second", seeds=(1,)), tmp_path / "kept").cells
    accuracy = cells[cells["measure"] == "test_accuracy"]
    width = UNKNOWN * MEASURES["test_accuracy"]
    assert accuracy["high"].tolist() == pytest.approx((accuracy["reference"] + width).tolist())


def change(folder, run_id, epoch, **values):
    """Set columns of one row of the table of runs."""
    path = folder / "tables/runs.csv"
    runs = pd.read_csv(path)
    row = (runs["run_id"] == run_id) & (runs["epoch"] == epoch)
    assert row.sum() == 1
    for name, value in values.items():
        runs.loc[row, name] = value
    runs.to_csv(path, index=False)


def test_repeated_runs_are_the_same_but_for_what_passes(write, tmp_path):
    again = shutil.copytree(write("first"), tmp_path / "again")
    change(again, RUN, 2, train_seconds=99.0, load_average=7.0)
    runs = compare_repeated(again, tmp_path / "first")
    assert list(runs["epochs"]) == [2] * 9
    assert not runs["differ"].any()


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_repeated_run_that_differs_in_the_last_digit_is_named(write, tmp_path, epoch):
    again = shutil.copytree(write("first"), tmp_path / "again")
    change(again, RUN, epoch, active_fraction=np.nextafter(0.05, 1), validation_accuracy=np.nan)
    runs = compare_repeated(again, tmp_path / "first").set_index("run_id")
    assert runs.loc[RUN, "differ"] == "active_fraction, validation_accuracy"
    assert (runs.drop(RUN)["differ"] == "").all()


def test_of_a_reference_the_reported_epoch_is_compared(write, kept):
    assert list(compare_repeated(kept.parent / "first", kept)["epochs"]) == [1] * 9


def test_runs_of_other_seeds_are_not_repeated(write, kept):
    with pytest.raises(UserError, match="no epoch of a run"):
        compare_repeated(write("second", seeds=(7,)), kept)


@pytest.mark.parametrize(("accuracy", "code"), [(0.1, 0), (0.2, 1)])
def test_exact_comparison_by_the_command(write, tmp_path, accuracy, code):
    again = shutil.copytree(write("first"), tmp_path / "again")
    change(again, RUN, 1, test_accuracy=accuracy)
    call = ["compare", str(again), "--reference", str(tmp_path / "first"), "--exact"]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == code
    assert f"9 runs, 18 epochs: {9 - code} runs the same" in done.output
    assert (f"{RUN},2,test_accuracy" in done.output) == bool(code)
    table = pd.read_csv(io.StringIO(CliRunner().invoke(main, [*call, "--csv"]).output))
    assert list(table["differ"].notna()) == [bool(code)] + [False] * 8


def test_points_of_one_side_are_named_not_compared(write, kept):
    comparison = compare_results(write("second", levels=(0.05, 0.5)), kept)
    assert comparison.missing == ["digits_lsh_2x8_10pct", "digits_lsh_2x8_25pct"]
    assert comparison.extra == ["digits_lsh_2x8_50pct"]
    assert set(comparison.cells["cell"]) == {"digits_lsh_2x8_5pct"}


def test_threads_are_points_of_their_own(write, kept):
    with pytest.raises(UserError, match=r"no point is in .* too"):
        compare_results(write("second", threads=2), kept)


def test_other_settings_are_refused(write, kept):
    other = write("second", training={"epochs": 3, "learning_rate": 0.01})
    with pytest.raises(UserError, match=r"10pct: training\.epochs is 3, there 2$"):
        compare_results(other, kept)


def test_a_setting_that_a_reference_does_not_know_was_at_its_default(write, kept):
    plain = {"epochs": 2, "learning_rate": 0.01}
    assert compare_results(write("second", training=plain | {"alpha": 0.0}), kept).cells.shape[0]
    with pytest.raises(UserError, match=r"training\.alpha is 0\.1, there 0\.0$"):
        compare_results(write("third", training=plain | {"alpha": 0.1}), kept)


def test_points_of_other_settings_are_left_out(write, kept):
    folder = write("second")
    for path in (folder / "runs").glob("*_5pct_*.json"):
        path.write_text(path.read_text().replace('"bend": 0.5', '"bend": 0.7'))
    comparison = compare_results(folder, kept)
    assert comparison.others == {"digits_lsh_2x8_5pct": "data.bend is 0.7, there 0.5"}
    assert set(comparison.cells["cell"]) == {"digits_lsh_2x8_10pct", "digits_lsh_2x8_25pct"}


def test_first_difference():
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}}) == ""
    assert first_difference({"a": {"b": 1}}, {"a": {}}) == "a.b is 1, there None"
    assert first_difference({}, {"c": "x"}) == "c is None, there 'x'"


@pytest.mark.parametrize(
    ("run_id", "seed", "cell"),
    [
        ("mnist_lsh_2x1000_5pct_seed1", 1, "mnist_lsh_2x1000_5pct"),
        (
            "a_lsh_seed1_1x8_5pct_seed1_2threads_10epochs",
            1,
            "a_lsh_seed1_1x8_5pct_2threads_10epochs",
        ),
        ("a_lsh_1x8_5pct_seed12", 12, "a_lsh_1x8_5pct"),
    ],
)
def test_cell_is_the_run_without_its_seed(run_id, seed, cell):
    assert name_cell(run_id, seed) == cell


def test_what_is_kept(write, tmp_path):
    folder = tmp_path / "kept"
    results = write("first")
    written = keep_reference(results, folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(written)
    assert set(pd.read_csv(folder / "tables/runs.csv")["epoch"]) == {2}
    assert read_settings(folder) == read_settings(results)
    # Again, with less: nothing of the old one stays.
    (results / "figures/a.png").rename(results / "figures/b.png")
    keep_reference(results, folder)
    assert [path.name for path in (folder / "figures").iterdir()] == ["b.png"]


def test_nothing_else_is_overwritten(write, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("dear")
    with pytest.raises(UserError, match="not empty, and no reference"):
        keep_reference(write("first"), tmp_path / "mine")
    assert (tmp_path / "mine/notes.txt").read_text() == "dear"
    # Nor what was put beside a reference, nor the results themselves.
    kept, results = tmp_path / "kept", write("second")
    keep_reference(results, kept)
    for own in (kept / "thesis/chapter", kept / "tables/notes.txt"):
        own.parent.mkdir(exist_ok=True)
        own.touch()
        with pytest.raises(UserError, match="not empty, and no reference"):
            keep_reference(results, kept)
        own.unlink()
    results = results.rename(kept / "results")
    with pytest.raises(UserError, match="not empty, and no reference"):
        keep_reference(results, kept)
    assert (results / "claims.md").exists()


def test_unfinished_results_are_not_kept(write, tmp_path):
    folder = write("first")
    (folder / "claims.md").unlink()
    with pytest.raises(UserError, match=r"claims\.md: no such file; let `snakemake` finish"):
        keep_reference(folder, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "tables/runs.csv").unlink(), "runs.csv: no such file"),
        (lambda folder: (folder / "tables/runs.csv").write_text(""), "runs.csv: No columns"),
        (lambda folder: (folder / "tables/runs.csv").write_text("a\n1\n"), "not the table of runs"),
        (lambda folder: (folder / "runs").rename(folder / "gone"), "no JSONs of runs"),
        (
            lambda folder: (folder / "runs/digits_lsh_2x8_5pct_seed1.json").write_text("{}"),
            "not what a run leaves",
        ),
    ],
)
def test_folders_that_are_no_results(write, kept, change, message):
    folder = write("second")
    change(folder)
    with pytest.raises(UserError, match=message):
        compare_results(folder, kept)


def run(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [str(part) for part in arguments])


def test_compare_says_how_many_and_shows_those_outside(write, kept):
    done = run("compare", write("second"), "--reference", kept)
    assert done.exit_code == 0, done.output
    assert done.output == "12 cells of 3 points: 12 inside, 0 outside\n"
    done = run(
        "compare", write("worse", shift={0.05: -0.1}, levels=(0.05, 0.5)), "--reference", kept
    )
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[1].split()[:2] == ["digits_lsh_2x8_5pct", "test_accuracy"]
    assert lines[1].rstrip().endswith("outside")
    assert lines[2:] == [
        "4 cells of 1 points: 3 inside, 1 outside",
        "2 points of the reference are not here",
        "1 points are not in the reference",
    ]


def test_compare_as_csv_and_in_full(write, kept, tmp_path):
    folder = write("second")
    done = run("compare", folder, "--reference", kept, "--csv")
    (tmp_path / "cells.csv").write_text(done.stdout)
    assert len(pd.read_csv(tmp_path / "cells.csv")) == 12
    assert run("compare", folder, "--reference", kept, "--all").output.count("inside") == 13


def test_compare_with_nothing_is_one_line(write, tmp_path):
    done = run("compare", write("second"), "--reference", tmp_path / "none")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'none/tables/runs.csv'}: no such file; ")
    assert done.stderr.count("\n") == 1


def test_the_reference_with_most_of_the_points_is_taken(write, tmp_path, monkeypatch):
    references = tmp_path / "references"
    for name, levels in (("a", (0.05,)), ("b", (0.05, 0.1)), ("c", (0.5,))):
        keep_reference(write(name, levels=levels), references / name)
    (references / "others.csv").touch()
    monkeypatch.setattr(claims, "REFERENCES", references)
    done = run("compare", write("second"))
    assert done.stderr == f"compared with {references / 'b'}\n"
    assert "8 cells of 2 points" in done.stdout
    done = run("compare", write("far", levels=(0.3,)))
    assert done.exit_code == 1
    assert "far: no point is in any of" in done.stderr


def test_reference_is_kept_by_its_command(write, tmp_path):
    done = run("reference", write("first"), tmp_path / "kept")
    assert done.exit_code == 0, done.output
    assert done.output == f"{tmp_path / 'kept'}: 7 files, 0.0 MB\n"


REFERENCES = sorted(Path(__file__).parents[2].glob("figures/reference/*/config.yaml"))


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.parent.name)
def test_the_projects_own_references_can_be_compared_with(path):
    check_config(yaml.safe_load(path.read_text()), str(path))
    comparison = compare_results(path.parent, path.parent)
    assert comparison.cells["inside"].all()
