"""The commands about results as a whole: `lsh-dl claims`, `compare` and `reference`.

What they need is imported inside them: `--help` starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsh_dl.cli.params import folder

if TYPE_CHECKING:
    import pandas as pd

    from lsh_dl.results.compare import Differences

#: The project's own reference results.
REFERENCES = Path(__file__).parents[2] / "figures/reference"

#: What a verdict looks like in a terminal.
COLORS = {"holds": "green", "holds in part": "yellow", "does not hold": "red"}


@click.command()
@click.argument("results", type=folder, default="results")
@click.option("--rules", is_flag=True, help="Show also the rule that each verdict was given by.")
def claims(results: Path, rules: bool) -> None:
    """Show the paper's claims, each with its verdict and what was measured.

    RESULTS is the folder of an experiment's results; `snakemake` writes the table as claims.csv,
    and with every cell as claims.md.

    \b
    lsh-dl claims
    lsh-dl claims results/mnist --rules
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lsh_dl.results.claims.base import VERDICT_RULE
    from lsh_dl.results.claims.table import read_claims

    rows = read_claims(results / "claims.csv").drop_duplicates("number")
    table = Table(box=None, padding=(0, 2, 1, 0), pad_edge=False)
    table.add_column("", justify="right")
    for heading in ("the paper", "verdict", "measured here"):
        table.add_column(heading, overflow="fold")
    for row in rows.to_dict("records"):
        statement = row["statement"] + (f"\nRule: {row['rule']}" if rules else "")
        verdict = Text(row["found"], style=COLORS.get(row["verdict"], "dim"))
        table.add_row(str(row["number"]), statement, verdict, row["measured"])
    Console().print(table, markup=False)
    click.echo(f"{VERDICT_RULE}\nEvery cell: {results / 'claims.md'}")


@click.command()
@click.argument("results", type=folder, default="results")
@click.option(
    "--reference",
    type=folder,
    help="Folder of reference results; default: of figures/reference/*, that which has most of "
    "the points.",
)
@click.option("--all", "everything", is_flag=True, help="Show every cell, not only those outside.")
@click.option("--csv", is_flag=True, help="Print every cell as CSV, for other programs.")
@click.option(
    "--exact",
    is_flag=True,
    help="Compare runs instead, by all columns but seconds and load, to the last digit.",
)
@click.pass_context
def compare(
    context: click.Context,
    results: Path,
    reference: Path | None,
    everything: bool,
    csv: bool,
    exact: bool,
) -> None:
    """Compare results with reference results, cell by cell.

    A cell is a point (data set, network, rule, level, threads) and a measure: test accuracy, share
    of active nodes, multiplications in training and in inference. It is inside where its median
    over seeds lies in the band of the reference: from its lowest to its highest seed, and further
    by what so few seeds can differ by chance. Points of which only one side has runs, or whose
    settings differ, are counted, not compared.

    With `--exact` it is runs that are compared, of the same seed and machine: whether another
    commit trains alike.

    Exit code: 0 where all cells are inside (or all runs the same), 1 where one is not, or nothing
    can be compared.

    \b
    lsh-dl compare results/laptop
    lsh-dl compare results --reference kept/results --all
    lsh-dl compare results/again --reference results --exact
    """
    from lsh_dl.results.compare import compare_repeated, compare_results, nearest_reference

    if reference is None:
        reference = nearest_reference(results, REFERENCES)
        click.echo(f"compared with {reference}", err=True)
    if exact:
        context.exit(_show_repeated(compare_repeated(results, reference), everything, csv))
    comparison = compare_results(results, reference)
    cells = comparison.cells
    if csv:
        click.echo(cells.to_csv(index=False, lineterminator="\n"), nl=False)
    else:
        _show(comparison, cells if everything else cells[~cells["inside"]])
    if not cells["inside"].all():
        context.exit(1)


def _show_repeated(runs: "pd.DataFrame", everything: bool, csv: bool) -> int:
    """The exit code is returned."""
    unlike = runs["differ"] != ""
    shown = runs if everything or csv else runs[unlike]
    if len(shown):
        click.echo(shown.to_csv(index=False, lineterminator="\n"), nl=False)
    if not csv:
        click.echo(
            f"{len(runs)} runs, {runs['epochs'].sum()} epochs: {(~unlike).sum()} runs the same in "
            f"all columns but seconds and load, {unlike.sum()} not"
        )
    return int(unlike.any())


def _show(comparison: "Differences", shown: "pd.DataFrame") -> None:
    from rich.console import Console
    from rich.table import Table

    cells, inside = comparison.cells, comparison.cells["inside"]
    if len(shown):
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("point", overflow="fold")
        table.add_column("measure")
        for heading in ("here", "n", "reference", "n", "band", ""):
            table.add_column(heading, justify="right")
        for row in shown.to_dict("records"):
            median, reference, low, high = (
                f"{row[name]:.4g}" for name in ("median", "reference", "low", "high")
            )
            place = "inside" if row["inside"] else "outside"
            seeds = str(row["n"]), str(row["n_reference"])
            numbers = (median, seeds[0], reference, seeds[1], f"{low} to {high}", place)
            table.add_row(row["cell"], row["measure"], *numbers)
        Console().print(table, markup=False)
    click.echo(
        f"{len(cells)} cells of {cells['cell'].nunique()} points: {inside.sum()} inside, "
        f"{(~inside).sum()} outside"
    )
    if comparison.missing:
        click.echo(f"{len(comparison.missing)} points of the reference are not here")
    if comparison.extra:
        click.echo(f"{len(comparison.extra)} points are not in the reference")
    if comparison.others:
        cell, difference = next(iter(comparison.others.items()))
        count = len(comparison.others)
        click.echo(f"{count} points have other settings, not compared; {cell}: {difference}")


@click.command()
@click.argument("results", type=folder)
@click.argument("folder", type=folder)
def reference(results: Path, folder: Path) -> None:
    """Keep the results of a finished experiment as a reference for `lsh-dl compare`.

    FOLDER gets copies of RESULTS' tables, figures (PNG), claims, config and machine, and the
    settings of all runs; a reference that was there is replaced.

    \b
    lsh-dl reference results kept/results
    lsh-dl reference results/laptop figures/reference/laptop
    """
    from lsh_dl.results.compare import keep_reference

    written = keep_reference(results, folder)
    size = sum(path.stat().st_size for path in written)
    click.echo(f"{folder}: {len(written)} files, {size / 1e6:.1f} MB")
