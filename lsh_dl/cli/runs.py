"""The commands `lsh-dl runs ...`: results of runs, as tables in the terminal.

What they need is imported inside them: `--help` starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsh_dl.cli.params import Setting, complete_runs, folder

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

#: Columns of `runs list`: heading, column of the CSV, format.
LISTED = (
    ("run", "run_id", "{}"),
    ("epoch", "epoch", "{}"),
    ("test", "test_accuracy", "{:.4f}"),
    ("active", "active_fraction", "{:.3f}"),
    ("train %", "training_percent", "{:.1f}"),
    ("test %", "inference_percent", "{:.1f}"),
    ("status", "status", "{}"),
)
#: Columns of `runs show`.
SHOWN = (
    ("epoch", "epoch", "{}"),
    ("loss", "train_loss", "{:.4f}"),
    ("validation", "validation_accuracy", "{:.4f}"),
    ("test", "test_accuracy", "{:.4f}"),
    ("active", "active_fraction", "{:.3f}"),
    ("train %", "training_percent", "{:.1f}"),
    ("test %", "inference_percent", "{:.1f}"),
    ("seconds", "train_seconds", "{:.1f}"),
    ("status", "status", "{}"),
)
LEGEND = (
    "validation, test: accuracy; active: measured share of nodes; train %, test %: multiplications "
    "in per cent of the dense network's"
)


@click.group()
def runs() -> None:
    """Show results of runs as tables.

    \b
    lsh-dl runs list                                      all of results/runs, the best last
    lsh-dl runs list --rule lsh --where dataset=digits
    lsh-dl runs list results/mnist/runs --sort training_percent
    lsh-dl runs show digits_lsh_2x400_5pct_seed1          a run's epochs
    lsh-dl runs show results/trials/digits_lsh_2x400_5pct_seed1.csv
    """


@runs.command("list")
@click.argument("folder", type=folder, default="results/runs")
@click.option(
    "--where",
    type=Setting(),
    multiple=True,
    help="Only rows with this value of a column, such as hidden=2x400; may be repeated.",
)
@click.option("--rule", help="Only runs of this rule, or of the config's entry of this name.")
@click.option("--sort", default="test_accuracy", show_default=True, help="Column to order by.")
@click.option("--csv", is_flag=True, help="Print all columns as CSV, for other programs.")
def list_runs(
    folder: Path, where: tuple[tuple[str, Any], ...], rule: str | None, sort: str, csv: bool
) -> None:
    """Show each run's last epoch, the largest value of --sort last.

    FOLDER holds the CSVs of runs, or is a folder of results with `runs` in it. Columns are those
    of a run's CSV, described in docs/columns.md.

    \b
    lsh-dl runs list
    lsh-dl runs list --rule lsh --where dataset=digits --where seed=1
    lsh-dl runs list --sort training_percent --csv > runs.csv
    """
    from rich.console import Console

    from lsh_dl.common.errors import UserError

    last = _read_last(folder)
    for key, value in where:
        if isinstance(value, list | dict):
            raise UserError(f"--where {key}: one value is needed, such as seed=1 (got {value})")
        column = last[_column(last, key)]
        last = last[(column == value) | (column.astype(str) == str(value))]
    if rule is not None:
        last = last[(last["rule"] == rule) | (last["label"] == rule)]
    if last.empty:
        raise UserError(f"{folder}: no run fits; leave a filter out, or see `lsh-dl runs list`")
    last = last.sort_values(_column(last, sort), kind="stable")
    if csv:
        click.echo(last.to_csv(index=False, lineterminator="\n"), nl=False)
        return
    Console().print(_draw(last, LISTED))
    click.echo(f"{len(last)} runs, their last epochs. {LEGEND}")


@runs.command("show")
@click.argument("run", metavar="RUN|FILE", shell_complete=complete_runs)
@click.option(
    "--folder",
    type=folder,
    default="results/runs",
    show_default=True,
    help="Where RUN.csv is.",
)
def show_one(run: str, folder: Path) -> None:
    """Show every epoch of a run.

    \b
    lsh-dl runs show digits_lsh_2x400_5pct_seed1
    lsh-dl runs show digits_lsh_2x400_5pct_seed1 --folder results/trials
    lsh-dl runs show results/mnist/runs/mnist_lsh_2x1000_5pct_seed1.csv
    """
    from lsh_dl.common.errors import UserError, suggest

    inner = folder / "runs"
    folder = inner if inner.is_dir() else folder
    path = Path(run) if run.endswith(".csv") else folder / f"{run}.csv"
    if not path.is_file():
        known = [other.stem for other in path.parent.glob("*.csv")]
        hint = suggest(path.stem, known) if known else "there is no run's CSV in this folder"
        raise UserError(f"{path}: no such file; {hint}")
    show_run(path)


def show_run(path: Path) -> None:
    """Print the table of one run's CSV."""
    from rich.console import Console

    from lsh_dl.runs.record import read_runs

    rows = read_runs([path])
    head = rows.iloc[0]
    click.echo(
        f"{head['run_id']}: {head['title']} on {head['dataset_title']} ({head['data_kind']}), "
        f"hidden layers {head['hidden']}, seed {head['seed']}"
    )
    Console().print(_draw(rows, SHOWN))
    click.echo(f"{LEGEND}\n{path}")


def _read_last(folder: Path) -> "pd.DataFrame":
    """The last row of every run's CSV in a folder."""
    from lsh_dl.common.errors import UserError
    from lsh_dl.runs.record import read_runs
    from lsh_dl.runs.summary import last_epochs

    if (folder / "runs").is_dir():  # the folder of results, as other commands take it
        folder = folder / "runs"
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise UserError(f"{folder}: no CSVs of runs; give a folder such as results/trials")
    return last_epochs(read_runs(paths))


def _column(frame: "pd.DataFrame", name: str) -> str:
    from lsh_dl.common.errors import UserError, suggest

    if name not in frame.columns:
        raise UserError(f"no column {name!r} in a run's CSV: {suggest(name, frame.columns)}")
    return name


def _draw(frame: "pd.DataFrame", columns: tuple[tuple[str, str, str], ...]) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading, column, _ in columns:
        text = column in ("run_id", "status")
        table.add_column(heading, justify="left" if text else "right", overflow="fold")
    for row in frame.to_dict("records"):
        values = ((form, row[column]) for _, column, form in columns)
        table.add_row(*("-" if value != value else form.format(value) for form, value in values))
    return table
