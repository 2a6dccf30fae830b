"""What documents quote of the abstract's claim is what the reference says."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from lsh_dl.experiment.document import fill_in
from lsh_dl.results.readings import (
    DOCUMENTS,
    OTHERS,
    REFERENCE,
    describe_others,
    describe_readings,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_quoted_claims_are_current(document, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = Path(document).read_text(encoding="utf-8")
    assert fill_in(text, DOCUMENTS[document]()) == text, "`make docs` writes it anew"


def test_other_claims_are_from_the_first_reference_that_tested_them(tmp_path):
    first, second = (shutil.copytree(ROOT / OTHERS[-1], tmp_path / name) for name in "ab")
    claims = pd.read_csv(first / "claims.csv")
    claims.loc[claims["claim"] == "collapse", ["verdict", "found"]] = "not tested here"
    claims.loc[claims["claim"] == "work", "found"] = "holds, in the first"
    claims[claims["claim"] != "sampling"].to_csv(first / "claims.csv", index=False)
    lines = describe_others([first, second]).splitlines()[2:]
    named = {line.split("|")[1].strip(): line for line in lines}
    assert f"[b]({second}/claims.md)" in named["Vanilla dropout collapses at 5 %."]
    work = named["They need about 5 % of the multiplications."]
    assert "holds, in the first" in work
    assert f"[a]({first}/claims.md)" in work
    assert sum("Outputs sampled by hashing" in name for name in named) == 1
    assert not [name for name in named if name.startswith(("Networks of which", "With 5 %"))]


def test_a_row_for_each_cell_with_its_numbers(tmp_path):
    kept = shutil.copytree(ROOT / REFERENCE, tmp_path / "kept")
    claims = pd.read_csv(kept / "claims.csv")
    mnist = (claims["data"] == "MNIST") & (claims["network"] == "2x1000")
    for claim, numbers in (("accuracy", (1.5, 1.4, 1.6)), ("budget", (0.25, 0.2, 0.3))):
        cell = mnist & (claims["claim"] == claim) & claims["measure"].str.contains("below NN")
        claims.loc[cell, ["median", "low", "high"]] = numbers
    claims.to_csv(kept / "claims.csv", index=False)
    budget = pd.read_csv(kept / "tables/budget.csv")
    cell = (budget["dataset"] == "mnist") & (budget["hidden"] == "2x1000")
    budget.loc[cell, ["training_percent_median", "inference_percent_median"]] = (2.25, 4.75)
    budget.to_csv(kept / "tables/budget.csv", index=False)
    lines = describe_readings(kept).splitlines()
    (row,) = [line for line in lines if line.startswith("| MNIST, 2x1000")]
    cells = [part.strip() for part in row.split("|")]
    assert (cells[3], cells[5]) == ("1.50 (1.40 to 1.60)", "0.25 (0.20 to 0.30)")
    assert cells[6] == "2.2 / 4.8"
    assert lines[-1].startswith("| average")
    assert sum(line.startswith("- ") for line in lines) == 2


def test_an_untested_claim_is_from_a_reference_with_numbers_of_it(tmp_path):
    first, second = (shutil.copytree(ROOT / OTHERS[-1], tmp_path / name) for name in "ab")
    for folder, number in ((first, None), (second, 1.0)):
        claims = pd.read_csv(folder / "claims.csv")
        claims.loc[claims["claim"] == "energy", ["verdict", "median"]] = ("not tested here", number)
        claims.to_csv(folder / "claims.csv", index=False)
    (line,) = [
        line for line in describe_others([first, second]).splitlines() if "less energy" in line
    ]
    assert f"[b]({second}/claims.md)" in line
