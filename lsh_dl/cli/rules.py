"""The commands `lsh-dl rules ...`: ways of choosing active nodes, and whether a new one is sound.

What they need is imported inside them: `--help` starts fast.
"""

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsh_dl.cli.params import Setting, complete_rules, gather_once

if TYPE_CHECKING:
    from lsh_dl.rules.base import Rule
    from lsh_dl.systems.base import System

#: A citation in a docstring: `(Makhzani & Frey, NIPS 2015)`.
_CITATION = re.compile(r"\(([^()]*?\b(?:19|20)\d\d)\)")


@click.group()
def rules() -> None:
    """List selection rules, show their settings, check one of your own.

    \b
    lsh-dl rules list                     what there is
    lsh-dl rules show lsh                 settings, with defaults and ranges
    lsh-dl rules check my_rule.py         does it hold to the contract?

    A rule is one class in one file of lsh_dl/rules; docs/add_a_rule.md makes one.
    """


@rules.command("list")
def list_rules() -> None:
    """Show all rules: name, title in figures, number of settings, paper."""
    from rich.console import Console
    from rich.table import Table

    from lsh_dl.common.discovery import discover
    from lsh_dl.rules.base import Rule

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("title", no_wrap=True)
    table.add_column("settings", justify="right", no_wrap=True)
    table.add_column("paper", overflow="fold")
    found = discover("lsh_dl.rules", Rule)
    for name, rule in sorted(found.items()):
        table.add_row(name, rule.title, str(len(rule.Settings.model_fields)), _paper(rule))
    Console().print(table)
    for reason in found.broken.values():
        click.echo(f"broken: {reason}")


def _paper(rule: "type[Rule]") -> str:
    """The first work that the rule's file or class cites; empty where there is none."""
    text = f"{inspect.getmodule(rule).__doc__}\n{inspect.getdoc(rule)}"
    found = _CITATION.search(" ".join(text.split()))
    return found[1] if found else ""


@rules.command("show")
@click.argument("name", shell_complete=complete_rules)
def show_rule(name: str) -> None:
    """Show what a rule does, and its settings with defaults and ranges.

    \b
    lsh-dl rules show lsh
    lsh-dl train --dataset digits --rule lsh --set K=6      # sets one of them
    """
    from lsh_dl.common.discovery import find
    from lsh_dl.rules.base import Rule

    show_class(find("lsh_dl.rules", Rule, name))


def show_class(found: "type[Rule] | type[System]") -> None:
    """Print what a rule or system does, and its settings."""
    from lsh_dl.experiment.document import describe_keys

    click.echo(f"{found.name} ({found.title}), {Path(inspect.getfile(found)).name}\n")
    click.echo(inspect.getdoc(found) + "\n")
    for key in describe_keys(found.Settings):
        values, default = (text.replace("`", "") for text in (key.values, key.default))
        click.echo(f"  {key.name}: {values}; default {default}\n      {key.meaning}")
    if not found.Settings.model_fields:
        click.echo("No settings of its own.")


@rules.command("check")
@click.argument("source", metavar="FILE|NAME")
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    callback=gather_once,
    help="A setting; may be repeated.",
)
def check_rule(source: str, settings: dict[str, Any]) -> None:
    """Hold a rule against its contract: sound answers, repeatable, learns; a verdict a check.

    FILE is a Python file with one subclass of lsh_dl.rules.base.Rule; it may lie anywhere, and so
    may a package.module:Class. A compiled rule is compiled first, which takes some seconds. The
    checks run in a process of their own, which may crash. Exit code 1 where a check fails.

    \b
    lsh-dl rules check my_rule.py
    lsh-dl rules check lsh --set K=4 --set family=pooled
    """
    from lsh_dl.common.discovery import find, is_outside, load
    from lsh_dl.common.validation import validate
    from lsh_dl.rules.base import Rule
    from lsh_dl.testing.rule_checks import CHECKS, check_apart

    looked_up = load if is_outside(source) else find
    rule = looked_up("lsh_dl.rules", Rule, source)
    checked = validate(rule.Settings, settings, f"rule {rule.name}")
    passed = failed = 0
    work = None
    for verdict in check_apart(source, checked):
        if verdict.check == "work counted":
            work = verdict.reason
            continue
        passed, failed = passed + (verdict.reason is None), failed + (verdict.reason is not None)
        text = f"{verdict.check}: {verdict.reason}" if verdict.reason else verdict.check
        click.echo(f"{'FAILED' if verdict.reason else 'ok    '}  {text}")
    if work:
        click.echo(f"work: {work}")
    skipped = len(CHECKS) - passed - failed
    rest = f"; {skipped} not run: after that answer it is not safe" if skipped else ""
    click.echo(f"{rule.name}: {passed} of {len(CHECKS)} checks passed{rest}")
    sys.exit(1 if failed or skipped else 0)
