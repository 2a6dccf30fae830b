"""The command line `lsh-dl`.

A command imports what it needs inside its function: `--help` and 200 small jobs start fast.
"""

import sys
from typing import Any

import click

from lsh_dl import __version__
from lsh_dl.cli.claims import claims, compare, reference
from lsh_dl.cli.data import data
from lsh_dl.cli.predict import predict
from lsh_dl.cli.rules import rules
from lsh_dl.cli.runs import runs
from lsh_dl.cli.train import train
from lsh_dl.cli.watch import watch
from lsh_dl.common.errors import UserError


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

    \b
    lsh-dl train --dataset digits --rule lsh     one run, with its accuracy as it trains
    lsh-dl predict MODEL --data FILE             with what `train --model MODEL` wrote
    lsh-dl rules list                            ways of choosing the active nodes
    lsh-dl data list                             data sets
    lsh-dl runs list                             results of `snakemake --cores all`
    lsh-dl claims                                what they say of the paper's claims
    lsh-dl compare                               whether they are like the reference results

    `snakemake` runs whole experiments; these are its single steps. Each command has examples in
    its --help. Exit codes: 0 all is well, 1 a mistake that the last line names, 2 wrong usage.
    """


for command in (claims, compare, data, predict, reference, rules, runs, train, watch):
    main.add_command(command)


if __name__ == "__main__":
    main()
