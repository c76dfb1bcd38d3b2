"""`sql-llama data synth`: pairs of question and SQL about a database."""

import json
from pathlib import Path

import click


@click.command("synth")
@click.option("--db", required=True, metavar="FILE", help="The SQLite database. It is only read.")
@click.option("--n", "count", type=click.IntRange(1, 1_000_000), default=500, show_default=True, help="Pairs to make.")
@click.option(
    "-o", "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON lines to write."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Other pairs with another number.")
@click.option("--no-values", is_flag=True, help="Keep every cell of the database out of the pairs.")
@click.option(
    "--names",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.toml",
    help="The words that people use; by default OUT with the ending .names.toml, which is written the first time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(db: str, count: int, out: Path, seed: int, no_values: bool, names: Path | None, as_json: bool) -> None:
    """Make pairs of question and SQL about a database. Each query is run, read-only.

    The lines have question, sql and db. Correct the file of names and run the command again: its words stand in the
    questions.
    """
    from ...data.own.synthesise_own import synthesise_own

    made = synthesise_own(db, count, out, seed, names=names, values=not no_values)
    if as_json:
        click.echo(json.dumps(made.as_json()))
        return
    click.echo(
        f"{out}: {made.pairs} pairs, {made.skeletons} shapes of queries, "
        f"wording entropy {made.wording_entropy:.1f} bits"
    )
    if made.pairs < count:
        click.echo(f"The database has no more to ask: {made.pairs} of {count} pairs")
    click.echo(f"{made.names}: the words for tables and columns; correct them and run the command again")
    if made.written.gone:
        click.echo(f"{made.names}: kept, but no longer in the database: {', '.join(made.written.gone)}")
    if made.written.closed:
        click.echo(f"{made.names}: columns on one line take no more, add them there: {', '.join(made.written.closed)}")
