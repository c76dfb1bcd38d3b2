"""`sql-llama ask`: one question, one answer."""

import json
from typing import TYPE_CHECKING

import click

from ..core.errors import RecipeError
from .db_option import DB_HELP

if TYPE_CHECKING:
    from ..assistant.answer import Reply


@click.command("ask")
@click.argument("question")
@click.option("--db", "url", required=True, metavar="FILE|URL", help=DB_HELP)
@click.option(
    "--model",
    metavar="MODEL",
    help="GGUF file, BASE.gguf+LORA.gguf, a folder or ollama:NAME; by default the newest exported run's file.",
)
@click.option(
    "--policy",
    type=click.Choice(["fast", "best"]),
    default="fast",
    show_default=True,
    help="fast: one answer, mended without the model where the database does not understand it. best: the first of "
    "eight such answers that returns rows.",
)
@click.option(
    "--candidates", type=click.IntRange(1, 32), help="Answers of the model; the first that returns rows is taken."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object: sql, columns, rows, error, confidence, helps."
)
def command(question: str, url: str, model: str | None, policy: str, candidates: int | None, as_json: bool) -> None:
    """Answer QUESTION about a database: print the SQL and the rows it returns.

    The query is run on a connection that cannot write, for at most 10 seconds; at most 1,000 rows are shown. The
    exit code is 1 when the query fails.
    """
    from ..assistant.answer import answer, policy_for
    from ..assistant.prepare import prepare
    from ..core.run import newest_exported_run
    from ..engines.load import load

    if not question.strip():
        raise RecipeError(
            "the question is empty", fix='for example: sql-llama ask "How many rows are there?" --db FILE'
        )
    database = prepare(url)
    engine = load(model or str(newest_exported_run().shipped()))
    try:
        reply = answer(engine, database, question, policy_for(engine, policy, candidates))
    finally:
        engine.close()
    if as_json:
        click.echo(reply_json(reply))
    else:
        _show(reply)
    if reply.error:
        raise SystemExit(1)


def reply_json(reply: "Reply") -> str:
    """Write the reply as one JSON object; bytes become hexadecimal text, numbers that JSON lacks become texts."""
    from .rows import rows_json

    result = reply.result
    return json.dumps(
        {
            "sql": reply.sql,
            **rows_json(result),
            "error": reply.error or None,
            "seconds": round(reply.seconds, 3),
            "confidence": None if reply.confidence is None else round(reply.confidence, 4),
            "candidates": [{"sql": item.sql, "confidence": item.answer.confidence} for item in reply.candidates],
            "dropped": list(reply.dropped),
            "requoted": reply.requoted,
            "repaired": list(reply.repaired),
            "helps": list(reply.helps),
            "notes": list(reply.notes),
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def _show(reply: "Reply") -> None:
    from rich.text import Text

    from .chat.screen import clean  # neither a cell nor a name may move the terminal's cursor
    from .console import output_console
    from .rows import count_line, print_rows

    console = output_console()
    console.print(Text(clean(reply.sql) or "(no query)"), soft_wrap=True)  # on one line, to be copied or piped on
    if reply.requoted:
        click.echo("Names are written as the database has them; the model wrote them without quotes.", err=True)
    if reply.repaired:
        click.echo(f"Mended: {clean('; '.join(reply.repaired))}.", err=True)
    if reply.dropped:
        click.echo(f"Skipped tables, so that the prompt fits the context: {clean(', '.join(reply.dropped))}", err=True)
    if len(reply.candidates) > 1:
        click.echo(f"Answer {reply.chosen + 1} of {len(reply.candidates)}.", err=True)
    for note in reply.notes:
        click.echo(f"Note: {note}", err=True)
    if reply.result is None:
        click.echo(f"Error: {clean(reply.error)}", err=True)
        return
    print_rows(reply.result)
    click.echo(f"{count_line(reply.result)}, {reply.seconds:.1f} s", err=True)
