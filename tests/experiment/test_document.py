"""What is generated from the models is what the files say."""

from pathlib import Path

import pytest

from lsh_dl.experiment.document import FILES, describe_columns
from lsh_dl.runs.row import COLUMNS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", FILES)
def test_generated_part_is_current(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / path).read_text()
    assert FILES[path](text) == text, f"{path} is stale: `make docs` writes it anew"


def test_every_column_is_explained():
    rows = [line.strip("| ").split(" | ") for line in describe_columns().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{name}`" for name in COLUMNS]
    assert all(len(row) == 3 and all(row) for row in rows)
