"""Check what `snakemake` is given as config, before Snakemake reads it.

Snakemake's own reader drops keys that are given twice, runs templates (YTE) and ends in tracebacks
where a file is not UTF-8 or an alias refers to itself. Its profiles (profiles/*/config.yaml), which
are read first, call `check_arguments`.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import chain

from lsh_dl.common.errors import UserError
from lsh_dl.common.yaml_files import parse_yaml, read_yaml

TEMPLATE = "__use_yte__"
"""Key that makes Snakemake run the expressions in a file."""


def check_arguments(arguments: Sequence[str] | None = None) -> None:
    """End the process with one line where a config on Snakemake's command line cannot be read.

    Parameters
    ----------
    arguments
        Default: those of this process.
    """
    try:
        _check(sys.argv[1:] if arguments is None else arguments)
    except UserError as error:
        # Its own line: Snakemake may have begun one.
        sys.exit(f"error: {error}")


def _check(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="append", default=[])
    parser.add_argument("--config", "-C", nargs="*", action="append", default=[])
    given, _ = parser.parse_known_args(arguments)
    for option, values in (("--configfile", given.configfile), ("--config", given.config)):
        if len(values) > 1:  # Snakemake takes the last alone
            raise UserError(f"{option} is given twice; give all values behind one")
    for path in chain(*given.configfile):
        content = read_yaml(path)
        if isinstance(content, dict) and TEMPLATE in content:
            raise UserError(f"{path}: {TEMPLATE}: templates are not run here; write values out")
    seen = set()
    for part in chain(*given.config):
        key, sign, text = part.partition("=")
        if not sign or not key.isidentifier():
            raise UserError(f"--config {part}: KEY=VALUE is needed, such as results=FOLDER")
        if key in seen:
            raise UserError(f"--config: {key!r} is given twice")
        if key == "only" and not text.strip():  # which Snakemake takes for no such key
            raise UserError("--config only: empty; leave it out, or give a part: only=rule=lsh")
        seen.add(key)
        parse_yaml(text, f"--config {key}")
