"""`sql-llama doctor`: what is here and what is missing, each with the command that mends it."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .checkup import Check

COLOURS = {"ok": "green", "warning": "yellow", "missing": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects: name, status, found, fix.")
def command(as_json: bool) -> None:
    """Say what this machine has and lacks, each line with the command that mends it.

    Leaves with 1 when something is missing without which train, export and chat cannot work; a warning is no failure.
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
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(overflow="fold")
    for check in checks:
        found = Text(check.found)
        if check.status != "ok":
            found.append(f"\nfix: {check.fix}", style="bold")
        table.add_row(Text(check.status, style=COLOURS[check.status]), Text(check.name), found)
    # a file or pipe gets one line a check, however long
    console = Console(highlight=False)
    Console(highlight=False, width=None if console.is_terminal else 1000).print(table)
    missing = sum(check.status == "missing" for check in checks)
    warnings = sum(check.status == "warning" for check in checks)
    click.echo(f"{len(checks)} checks, {missing} missing, {warnings} {'warning' if warnings == 1 else 'warnings'}")
