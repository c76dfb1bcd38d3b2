"""`sql-llama data prepare`: all pairs of a recipe, as `train` would use them, and a data card."""

import json
from pathlib import Path

import click


@click.command("prepare")
@click.argument("recipe")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one value of the recipe. Can be given several times.",
)
@click.option("--against", metavar="QUESTIONS", help="Report which of these evaluation questions stand in the pairs.")
@click.option("--databases", metavar="DIR", help="Folder of the databases of --against, to compare schemas too.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the pairs and the card; by default prepared/<recipe>.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    recipe: str, overrides: tuple[str, ...], against: str | None, databases: str | None, out: Path | None, as_json: bool
) -> None:
    """Read, check and balance the pairs of RECIPE, and write them with a data card.

    Every query is run. The folder gets train.jsonl, valid.jsonl, card.md, card.json and balance.svg. A preparation that
    was stopped goes on where it was.
    """
    from ...core.read_recipe import read_recipe
    from ...data.prepare.card import write_card
    from ...data.prepare.prepare import prepare

    if databases and not against:
        raise click.UsageError("--databases goes with --against")
    given = [f"data.against={json.dumps(against)}"] if against else []
    given += [f"data.against_databases={json.dumps(databases)}"] if databases else []
    parsed, _ = read_recipe(recipe, (*overrides, *given))
    folder = out or Path("prepared") / parsed.name
    try:
        prepared = prepare(parsed, folder, folder / ".work", write_card)
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on where it was.", err=True)
        raise
    if as_json:
        click.echo(json.dumps(prepared.as_json(), ensure_ascii=False))
        return
    for source in prepared.sources:
        click.echo(f"{source.name}: {source.kept} of {source.rows} rows kept")
    click.echo(f"{folder}: {prepared.train} pairs to train, {prepared.valid} to validate ({prepared.seconds:.0f} s)")
    if against:
        found = prepared.leakage
        click.echo(
            f"{against}: of {found.total} questions {found.exact} stand in the pairs exactly and {found.near} nearly; "
            f"{found.skeleton} have a query of a shape that is trained, {found.schema} ask a schema that is trained"
        )
    click.echo(f"{folder / 'card.md'}")
