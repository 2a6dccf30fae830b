"""CSVs of runs, written and read."""

import pandas as pd
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.results.tables import write_runs
from lsh_dl.runs.record import read_runs, read_table_of_runs
from lsh_dl.runs.row import COLUMNS, LATER, LOAD_COLUMNS, PRECISION_COLUMNS
from lsh_dl.runs.summary import compare_with_standard, mark_reported


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


@pytest.mark.parametrize("absent", [LATER, LOAD_COLUMNS, PRECISION_COLUMNS])
def test_results_from_before_a_column_was_there_are_read(write_run, absent):
    path = write_run("lsh", 1, [0.9, 0.91])
    older = pd.read_csv(path, dtype=str).drop(columns=list(absent))
    older.to_csv(path, index=False)
    runs = read_runs([path])
    assert list(runs.columns) == list(COLUMNS)
    unknown = runs[[name for name in absent if name != "counting"]]
    assert unknown.isna().all(axis=None)
    assert set(runs["counting"]) == {"counted"}
    assert runs["test_accuracy"].tolist() == [0.9, 0.91]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\n"])
def test_file_that_is_no_run(tmp_path, text):
    path = tmp_path / "run.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"^{path}: .*(run again|results/runs)$"):
        read_runs([path])


def test_line_that_ends_in_the_middle_is_damage(write_run):
    path = write_run("wta", 1, [0.9, 0.95])
    text = path.read_text()
    for cut in (2, 40, 150):
        path.write_text(text[:-cut])
        with pytest.raises(UserError, match=rf"^{path}: .*remove it and run again$"):
            read_runs([path])


def test_no_runs():
    with pytest.raises(UserError, match="no runs"):
        read_runs([])


def test_table_of_runs_is_read_to_the_bit(write_run, tmp_path):
    files = [
        write_run("standard", 1, [0.1 + 0.2, 1 / 3], level=1.0, label="NA", title="007"),
        write_run("wta", 1, [2 / 3], validation_accuracy=None),
    ]
    write_runs(files, tmp_path / "runs.csv")
    expected = mark_reported(compare_with_standard(read_runs(files)))
    pd.testing.assert_frame_equal(
        read_table_of_runs(tmp_path / "runs.csv"), expected, check_exact=True
    )


@pytest.mark.parametrize("text", ["a,b\n1,2\n", ",".join(COLUMNS) + "\n"])
def test_table_that_is_not_of_runs(tmp_path, text):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"^{path}: not the table of runs"):
        read_table_of_runs(path)
