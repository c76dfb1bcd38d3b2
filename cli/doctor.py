"""`sql-llama doctor`: what this machine has and what is missing, each with the command that gets it."""

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .checkup import Check

COLOURS = {"ok": "green", "warning": "yellow", "missing": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects: name, status, found, fix.")
def command(as_json: bool) -> None:
    """Show what this machine has and what is missing, with the commands that get it.

    Exit code 1 if training, export or chat cannot work. A warning stops nothing.
    """
    import dataclasses
    import json

    from .checkup import checkup

    checks = checkup()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    if any(check.status == "missing" for check in checks):
        raise click.exceptions.Exit(1)


def _print(checks: "list[Check]") -> None:
    colours = False if os.environ.get("NO_COLOR") else None
    widths = [max(len(text) for text in column) for column in zip(*((c.status, c.name) for c in checks), strict=True)]
    for check in checks:
        status = click.style(check.status.ljust(widths[0]), fg=COLOURS[check.status])
        click.echo(f"{status}  {check.name.ljust(widths[1])}  {check.found}", color=colours)
        if check.fix:
            click.echo(f"{' ' * (sum(widths) + 4)}fix: {check.fix}")
    missing = sum(check.status == "missing" for check in checks)
    warnings = sum(check.status == "warning" for check in checks)
    click.echo(f"{len(checks)} checks, {missing} missing, {warnings} {'warning' if warnings == 1 else 'warnings'}")
