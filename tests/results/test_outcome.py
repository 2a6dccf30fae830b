"""The last lines of a pipeline."""

from pathlib import Path

import pandas as pd

from lsh_dl.results.claims.base import Cell
from lsh_dl.results.claims.table import ABOUT
from lsh_dl.results.outcome import describe_failures, describe_outcome


def test_figures_and_verdicts(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("b", "a"):
        (tmp_path / f"figures/{name}.svg").touch()
    rows = [dict.fromkeys([*ABOUT, *Cell._fields], "x") for _ in range(3)]
    rows[0] |= {"number": 1, "verdict": "holds", "statement": "it is cheap"}
    rows[1] |= {"number": 1, "verdict": "holds", "statement": "it is cheap"}
    rows[2] |= {"number": 2, "verdict": "not tested here"}
    pd.DataFrame(rows).to_csv(tmp_path / "claims.csv", index=False)
    assert describe_outcome(tmp_path) == [
        f"{tmp_path}/figures: a, b (SVG and PNG)",
        "  holds: it is cheap",
        f"{tmp_path}/claims.md: the paper's claims, 1 of 2 tested",
    ]


def test_nothing_is_told_of_a_part_without_figures_and_claims(tmp_path):
    assert describe_outcome(tmp_path) == []


def test_failure_ends_on_run_log_and_reason(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("epoch 1 of 2\nerror: disk full\n")
    *_, last = describe_failures([("train a", log), ("train b", Path("none"))])
    assert last == f"error: train a: disk full (log: {log})"
    assert "2 jobs failed" in describe_failures([("train a", log), ("train b", Path("none"))])[0]
    assert "without a word" in describe_failures([("train b", Path("none"))])[-1]
    assert "goes on" in describe_failures([])[0]
