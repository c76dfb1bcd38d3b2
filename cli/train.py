"""`sql-llama train`: a recipe to an adapter."""

from pathlib import Path

import click


@click.command("train")
@click.argument("recipe")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one value of the recipe.")
@click.option(
    "--run",
    "run_path",
    type=click.Path(readable=False, path_type=Path),
    help="Run directory; the default is made from date and recipe.",
)
def command(recipe: str, overrides: tuple[str, ...], run_path: Path | None) -> None:
    """Train RECIPE, the name of a recipe that comes with sql-llama or a TOML file.

    A run that was killed is resumed by the same command; a finished one is not run again.
    """
    from ..core.recipe import read_recipe
    from ..core.run import fresh_run, new_run_path
    from ..export.exportable import exportable
    from ..train.train import check_plan, train

    parsed, text = read_recipe(recipe, overrides)
    check_plan(parsed)
    with fresh_run(run_path or new_run_path(parsed.name, text), parsed.name, text) as run:
        adapter = train(parsed, run, exportable)
    facts = run.manifest()["stages"]["train"]
    click.echo(
        f"{adapter}: {facts['rows']} rows, {facts['steps']} steps, {facts['fit_seconds']:.0f} s, "
        f"loss {facts['train_loss']:.3f}"
    )
    click.echo(f"Next: sql-llama export {run.path}")
