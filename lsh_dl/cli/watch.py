"""The command `lsh-dl watch`: how far an experiment is, while `snakemake` runs it."""

import time
from pathlib import Path

import click

from lsh_dl.cli.params import file


@click.command()
@click.option(
    "--config",
    type=file,
    default="configs/default.yaml",
    show_default=True,
    help="The experiment's config.",
)
@click.option("--results", help="Folder of the outputs, where it is not the config's.")
@click.option("--only", help="The part that is run, as in a config: rule=lsh,wta.")
@click.option("--once", is_flag=True, help="Print the state of the moment and end.")
def watch(config: Path, results: str | None, only: str | None, once: bool) -> None:
    """Show how far an experiment is: runs done, the current ones' accuracy, the time left.

    `snakemake` shows the same where it runs in a terminal; this is for another terminal, and for
    a cluster. It reads the folder of results only, and ends when all runs have.

    \b
    lsh-dl watch
    lsh-dl watch --config configs/mnist.yaml
    lsh-dl watch --once
    """
    from rich.console import Console

    from lsh_dl.common.errors import UserError
    from lsh_dl.common.paths import expand_path
    from lsh_dl.experiment.config import read_config
    from lsh_dl.experiment.expand import expand_runs
    from lsh_dl.experiment.monitor import Board, draw_snapshot, follow
    from lsh_dl.experiment.resources import sizes_of

    experiment = read_config(config)
    only = experiment.only if only is None else only
    runs = {run.id: run for run in expand_runs(experiment.model_copy(update={"only": only}))}
    folder = expand_path(experiment.results if results is None else results)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder, so nothing runs there; start `snakemake`, or name the "
            "folder by --results or the config by --config"
        )
    board = Board(runs, folder, sizes_of(experiment))
    if once:
        Console().print(draw_snapshot(board.read()))
    else:
        follow(board, Console(), time.sleep)
