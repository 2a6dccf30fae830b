"""The commands `lsh-dl systems ...`: other systems that rules are compared with in time.

What they need is imported inside them: `--help` starts fast.
"""

import click

from lsh_dl.cli.params import complete_systems
from lsh_dl.cli.rules import show_class


@click.group()
def systems() -> None:
    """List other systems that train the dense network, show their settings.

    \b
    lsh-dl systems list           what there is, and what can run here
    lsh-dl systems show torch     settings, with defaults and ranges

    A system is one class in one file of lsh_dl/systems; docs/add_a_system.md makes one.
    """


@systems.command("list")
def list_systems() -> None:
    """Show all systems: name, title in figures, whether each setting of it can run here."""
    from lsh_dl.common.discovery import discover
    from lsh_dl.systems.base import System

    found = discover("lsh_dl.systems", System)
    for name, system in sorted(found.items()):
        reason = system.skip_reason(system.Settings())
        click.echo(f"{name}: {system.title}, {reason or 'can run here'}")
        for switch, field in system.Settings.model_fields.items():
            if field.annotation is bool and not reason:
                lacking = system.skip_reason(system.Settings(**{switch: True}))
                click.echo(f"  {switch}: true: {lacking or 'can run here'}")
    for reason in found.broken.values():
        click.echo(f"broken: {reason}")


@systems.command("show")
@click.argument("name", shell_complete=complete_systems)
def show_system(name: str) -> None:
    """Show what a system does, and its settings with defaults and ranges.

    \b
    lsh-dl systems show sklearn
    """
    from lsh_dl.common.discovery import find
    from lsh_dl.systems.base import System

    show_class(find("lsh_dl.systems", System, name))
