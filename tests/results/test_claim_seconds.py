"""The claim "sooner to the same accuracy", on made-up runs."""

import pandas as pd
import pytest

from lsh_dl.results.claims.base import DOES_NOT_HOLD, HOLDS, NotTestedError, judge
from lsh_dl.results.claims.seconds import CLAIMS, STUDY
from lsh_dl.results.claims.table import describe_cells

(SOONER,) = CLAIMS


def make_tables(row, **seconds):
    """Runs with three evaluations each, two seeds; the last one reaches the best accuracy.

    Parameters
    ----------
    seconds: by label, of training between two evaluations; a pair: and the last accuracy.
    """
    rows = []
    for label, given in seconds.items():
        between, last = given if isinstance(given, tuple) else (given, 1.0)
        is_rule = label in ("lsh", "standard")
        for seed in (1, 2):
            rows += [
                row
                | {
                    "run_id": f"{label}{seed}",
                    "rule": label if is_rule else "",
                    "label": label,
                    "seed": seed,
                    "epoch": number,
                    "target_active_fraction": 0.05 if label == "lsh" else 1.0,
                    "test_accuracy": accuracy,
                    "train_seconds": between,
                    "samples": 10,
                    "counting": "counted" if is_rule else "dense",
                }
                for number, accuracy in enumerate((0.5, 0.8, last), 1)
            ]
    return {STUDY: pd.DataFrame(rows)}


def test_the_fastest_other_counts(row):
    tables = make_tables(row, lsh=1.0, standard=4.0, sklearn=2.0)
    verdict = judge(SOONER, tables)
    assert verdict.verdict == HOLDS
    assert {cell.median for cell in verdict.cells} == {2.0}
    assert {cell.n for cell in verdict.cells} == {2}
    tables = make_tables(row, lsh=1.0, standard=4.0, sklearn=0.5)
    assert judge(SOONER, tables).verdict == DOES_NOT_HOLD


def test_an_accuracy_never_reached_is_no_lead(row):
    verdict = judge(SOONER, make_tables(row, lsh=(1.0, 0.85), standard=4.0))
    assert verdict.verdict == DOES_NOT_HOLD
    assert {cell.median for cell in verdict.cells} == {0.0}
    assert "to 98 % of the best accuracy: LSH never came there" in describe_cells(verdict)
    others = [cell._replace(data="other", median=2.0) for cell in verdict.cells]
    more = verdict._replace(cells=[*verdict.cells, *others])
    number = "0.00 to 2.00 times LSH's seconds (medians of 2, 0 where LSH never came there)"
    assert f"to 98 % of the best accuracy: {number}" in describe_cells(more)
    # The others did not come there in all of their time, which counts.
    verdict = judge(SOONER, make_tables(row, lsh=1.0, standard=(4.0, 0.85)))
    assert {cell.median for cell in verdict.cells} == {4.0}


def test_no_verdict_on_a_busy_machine_or_without_a_dense_network(row):
    with pytest.raises(NotTestedError, match="busy"):
        SOONER.measure(make_tables(row | {"others_cores": 1.5}, lsh=1.0, standard=4.0))
    with pytest.raises(NotTestedError, match="no dense network"):
        SOONER.measure(make_tables(row, lsh=1.0))
