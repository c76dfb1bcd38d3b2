"""`sql-llama doctor`: what this machine has and what is missing, each with the command that gets it."""

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .checkup import Check

COLOURS = {"ok": "green", "warning": "yellow", "missing": "red"}


@click.command("doctor")
@click.option("--db", "url", metavar="FILE|URL", help="Look at this database instead: what may its login do?")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects: name, status, found, fix.")
def command(url: str | None, as_json: bool) -> None:
    """Show what this machine has and what is missing, with the commands that get it.

    With --db: the rights of a server's login beyond reading, and the SQL of a login that can only read.

    Exit code 1 if training, export or chat cannot work. A warning stops nothing.
    """
    import dataclasses
    import json

    from .checkup import checkup

    checks = checkup() if url is None else _database(url)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    if any(check.status == "missing" for check in checks):
        raise click.exceptions.Exit(1)


def _database(url: str) -> "list[Check]":
    from ..assistant.prepare import prepare
    from ..databases.rights import reader_sql, rights_too_many
    from .checkup import Check

    schema = prepare(url).schema
    checks = [Check("tables", "ok", f"{len(schema.tables)} that can be read", "")]
    rights = rights_too_many(url)
    if rights:
        checks.append(Check("rights of the login", "warning", f"too many: {', '.join(rights)}", reader_sql(url)))
    else:
        checks.append(Check("rights of the login", "ok", "it can only read, or this is a file", ""))
    return checks


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
