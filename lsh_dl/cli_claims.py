"""The commands about results as a whole: `lsh-dl claims`.

What they need is imported inside them: `--help` starts fast.
"""

from pathlib import Path

import click

#: What a verdict looks like in a terminal.
COLORS = {"holds": "green", "holds in part": "yellow", "does not hold": "red"}


@click.command()
@click.argument("results", type=click.Path(file_okay=False, path_type=Path), default="results")
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

    from lsh_dl.claims.base import VERDICT_RULE
    from lsh_dl.claims.table import read_claims

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
