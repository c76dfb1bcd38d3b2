"""Rows of a query on standard output: a table in a terminal, tab-separated lines elsewhere, or JSON."""

import math
from typing import TYPE_CHECKING, Any

import click

from .chat.screen import clean  # neither a cell nor a name may move the terminal's cursor
from .console import output_console

if TYPE_CHECKING:
    from ..core.records import ResultSet

IN_ONE_LINE = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def print_rows(result: "ResultSet") -> None:
    """Print columns and rows; in a pipe whole, one line each, with \\t, \\n and \\\\ for what would break it."""
    console = output_console()
    if not console.is_terminal:
        for row in (result.columns, *result.rows):
            click.echo("\t".join(clean(text(value).translate(IN_ONE_LINE)) for value in row))
        return
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(*(escape(clean(name)) for name in result.columns))
    for row in result.rows:
        table.add_row(*(Text(clean(text(value), keep="\n")) for value in row))
    console.print(table)


def rows_json(result: "ResultSet | None") -> dict[str, Any]:
    """Return columns, rows and truncated for JSON: bytes as hexadecimal text, numbers that JSON lacks as text."""
    return {
        "columns": list(result.columns) if result else [],
        "rows": [[plain(value) for value in row] for row in result.rows] if result else [],
        "truncated": bool(result and result.truncated),
    }


def count_line(result: "ResultSet") -> str:
    """Say how many rows there are."""
    count = len(result.rows)
    return f"{count} row{'' if count == 1 else 's'}{', the first of more' if result.truncated else ''}"


def text(value: Any) -> str:
    """Return a cell as text."""
    return "NULL" if value is None else str(plain(value))


def plain(value: Any) -> Any:
    """Return a cell as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
