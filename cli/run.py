"""`sql-llama run`: one query of your own, read-only, without a model."""

import contextlib
import json
import sys

import click

from ..core.errors import QueryError
from .db_option import DB_HELP


@click.command("run")
@click.argument("sql")
@click.option("--db", "url", required=True, metavar="FILE|URL", help=DB_HELP)
@click.option("--max-rows", type=click.IntRange(1), default=1000, show_default=True, help="Rows that are shown.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=10.0, show_default=True, help="Time of the query.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object: columns, rows, truncated, or error, kind."
)
@click.pass_context
def command(ctx: click.Context, sql: str, url: str, max_rows: int, seconds: float, as_json: bool) -> None:
    """Run one query on a database, which it cannot change.

    It goes the way of the assistant's own queries: a check of its syntax tree, a connection that only reads, limits of
    time, rows and memory. SQL of - is read from standard input. The exit code is 1 when it is refused or fails.
    """
    from ..databases.database import open_database
    from ..sql.guard import check
    from .rows import count_line, print_rows, rows_json

    query = sys.stdin.read() if sql == "-" else sql
    with contextlib.closing(open_database(url)) as database:
        try:
            if database.dialect == "sqlite":
                check(query)  # the other engines' own query() checks
            result = database.query(query, timeout=seconds, max_rows=max_rows)
        except QueryError as error:
            if not as_json:
                raise
            click.echo(json.dumps({"error": error.message, "kind": error.kind}, ensure_ascii=False))
            ctx.exit(1)
    if as_json:
        click.echo(json.dumps(rows_json(result), ensure_ascii=False, allow_nan=False))
        return
    print_rows(result)
    click.echo(count_line(result), err=True)
