"""The command line `lsh-dl`.

A command imports what it needs inside its function: `--help` and 200 small jobs start fast.
"""

import sys
from pathlib import Path
from typing import Any

import click

from lsh_dl import __version__
from lsh_dl.cli_data import data
from lsh_dl.cli_types import Json, file, folder
from lsh_dl.errors import UserError


class Commands(click.Group):
    """A group whose commands end with one line where the user can mend what went wrong."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; `--debug` lets the traceback through."""
        try:
            return super().invoke(context)
        except (UserError, OSError) as error:
            if context.params["debug"]:
                raise
            click.echo(f"error: {_describe(error)}", err=True)
            sys.exit(1)


def _describe(error: UserError | OSError) -> str:
    """One line; the system's own errors (disk full, not permitted) with the file they are about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="lsh-dl")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train networks on a few per cent of their nodes, chosen by hashing.

    The whole experiment is run by `snakemake --cores all`; these are its single steps.
    """


@main.command()
@click.option("--spec", type=Json(), required=True, help="The run as JSON (lsh_dl.runs.Run).")
@click.option("--data", type=folder, required=True, help="Prepared data set.")
@click.option("--csv", type=file, required=True, help="Results, a row per epoch.")
@click.option("--json", "record", type=file, required=True, help="Settings, versions, machine.")
def train(spec: dict[str, Any], data: Path, csv: Path, record: Path) -> None:
    """Train one run and write its CSV and JSON."""
    from lsh_dl.runs import Run
    from lsh_dl.training import run_to_files
    from lsh_dl.validation import validate

    run_to_files(validate(Run, spec, "--spec"), data, csv, record)


main.add_command(data)


if __name__ == "__main__":
    main()
