"""`lsh-dl claims`, as a person types it."""

import pytest
from click.testing import CliRunner

from lsh_dl.cli.main import main
from lsh_dl.results.claims.base import judge
from lsh_dl.results.claims.table import CLAIMS, tabulate
from lsh_dl.runs.record import read_runs
from lsh_dl.runs.summary import compare_with_standard


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `lsh-dl` with arguments, in a folder of its own and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def judged(row, tmp_path):
    """A folder with the claims of two runs: LSH half a point below NN."""
    from lsh_dl.runs.record import write_rows

    files = []
    for rule, level, accuracy in (("standard", 1.0, 0.9), ("lsh", 0.05, 0.895)):
        files.append(tmp_path / f"{rule}.csv")
        change = {"run_id": rule, "rule": rule, "label": rule, "test_accuracy": accuracy}
        write_rows(files[-1], [row | change | {"target_active_fraction": level}])
    tables = {"comparison": compare_with_standard(read_runs(files))}
    folder = tmp_path / "results"
    folder.mkdir()
    table = tabulate([judge(claim, tables) for claim in CLAIMS])
    table.to_csv(folder / "claims.csv", index=False)
    return folder


def test_claims_are_shown_with_their_verdicts(run, judged):
    done = run("claims")
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    assert "holds, on stand-in data" in text
    assert "below NN: 0.50 points; n = 1" in text
    assert "no runs of the asynchronous study" in text
    assert "Rule:" not in text
    assert len([line for line in done.output.splitlines() if line[:2].strip().isdecimal()]) == len(
        CLAIMS
    )
    with_rules = " ".join(run("claims", judged, "--rules").output.split())
    assert with_rules.count("Rule:") == len(CLAIMS)


def test_without_a_table_it_is_one_line(run):
    done = run("claims", "elsewhere")
    assert done.exit_code == 1
    assert done.stderr == (
        "error: elsewhere/claims.csv: no table of claims; run `snakemake claims`, or give the "
        "folder of other results\n"
    )


def test_help_has_examples(run):
    done = run("claims", "--help")
    assert done.exit_code == 0
    assert "lsh-dl claims results/mnist --rules" in done.output
