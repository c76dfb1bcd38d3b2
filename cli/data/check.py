"""`sql-llama data check`: files of pairs, line by line, before any training."""

import json
from pathlib import Path

import click


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--db", default="", metavar="FILE", help="The SQLite database that rows without one of their own ask.")
@click.option(
    "--layout", default="auto", show_default=True, metavar="NAME", help="What the files look like, see docs/data.md."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], db: str, layout: str, as_json: bool) -> None:
    """Check FILES of your own pairs: run every query, read-only, and say what is wrong in which line.

    A file has question and sql, as CSV, JSON lines, Parquet or Arrow; or it is a folder of .sql files with the question
    in a comment. The exit code is 1 when a row cannot be used. Lines that begin with "look at this" are suspicions.
    """
    import typing

    from ...core.recipe import Layout
    from ...data.own.check_pairs import check_pairs

    if layout not in typing.get_args(Layout):
        raise click.UsageError(f"--layout {layout}: not one of {', '.join(typing.get_args(Layout))}")
    report = check_pairs(files, db, layout)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        for found in report.findings:
            click.echo(str(found))
        click.echo(f"{report.rows - report.wrong} of {report.rows} pairs can be used")
    ctx.exit(1 if report.wrong else 0)
