"""The command line `lsh-dl`.

A command imports what it needs inside its function: `--help` starts fast.
"""

import io
import os
import sys
from typing import Any

import click

from lsh_dl import __version__
from lsh_dl.cli.claims import claims, compare, reference
from lsh_dl.cli.data import data
from lsh_dl.cli.predict import predict
from lsh_dl.cli.rules import rules
from lsh_dl.cli.runs import runs
from lsh_dl.cli.systems import systems
from lsh_dl.cli.train import train
from lsh_dl.cli.watch import watch
from lsh_dl.common.errors import UserError, describe_error
from lsh_dl.common.pipeline import end_with_pipeline


class Commands(click.Group):
    """A group whose commands end with one line where the user can mend what went wrong."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line, with something to write to and, in a job, with its pipeline."""
        open_streams()
        end_with_pipeline()
        return super().main(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        """Run the command; `--debug` lets the traceback through."""
        try:
            return super().invoke(context)
        except BrokenPipeError:  # who reads has seen enough (`| head`): click ends in silence
            raise
        except (UserError, OSError) as error:
            if context.params["debug"]:
                raise
            click.echo(f"error: {describe_error(error)}", err=True)
            sys.exit(1)


def open_streams() -> None:
    """Give what was started without standard streams (`>&-`) streams that lead nowhere.

    Otherwise the first file that is opened takes their number, and what is printed goes into it.
    Letters that a terminal does not have become question marks.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        stream = getattr(sys, name)
        if stream is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="lsh-dl")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train networks on a few per cent of their nodes, chosen by hashing.

    \b
    lsh-dl train --dataset digits --rule lsh     one run, with its accuracy as it trains
    lsh-dl predict MODEL --data FILE             with what `train --model MODEL` wrote
    lsh-dl rules list                            ways of choosing the active nodes
    lsh-dl systems list                          other systems to compare with
    lsh-dl data list                             data sets
    lsh-dl runs list                             results of `snakemake --cores all`
    lsh-dl claims                                what they say of the paper's claims
    lsh-dl compare                               whether they are like the reference results

    `snakemake` runs whole experiments; these are its single steps. Each command has examples in
    its --help. Exit codes: 0 all is well, 1 a mistake that the last line names, 2 wrong usage.
    """


for command in (claims, compare, data, predict, reference, rules, runs, systems, train, watch):
    main.add_command(command)


if __name__ == "__main__":
    main()
