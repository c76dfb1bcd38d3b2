"""`sql-llama train`: a recipe to an adapter."""

import contextlib
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..core.recipe import Recipe


@click.command("train")
@click.argument("recipe", required=False)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one value of the recipe. Can be given several times.",
)
@click.option(
    "--run",
    "run_path",
    type=click.Path(readable=False, path_type=Path),
    help="Run directory; by default runs/<date>-<recipe>. Of one that exists, RECIPE can be left out.",
)
@click.option("--db", metavar="FILE", help="Your own database, for the recipe my-database.")
@click.option(
    "--pairs",
    multiple=True,
    metavar="FILE",
    help="Your own pairs about --db: CSV, JSON lines, Parquet or .sql files. Can be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Try the recipe in seconds: two steps of a tiny random model.")
@click.option("--json", "as_json", is_flag=True, help="Print what was tried as one JSON object (with --dry-run).")
def command(
    recipe: str | None,
    overrides: tuple[str, ...],
    run_path: Path | None,
    db: str | None,
    pairs: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train RECIPE: the name of a recipe that comes with sql-llama, or a TOML file.

    Ctrl-C stops after the current step and keeps what was trained. The same command again goes on from there, and so
    does `sql-llama train --run FOLDER`, also on another machine. A training that is finished is not repeated.
    """
    from ..core.progress import say
    from ..core.read_recipe import read_recipe
    from ..core.run import Run, fresh_run, new_run_path
    from ..evals.validation import validation_exam
    from ..export.exportable import exportable
    from ..train.processes import from_main, here, join, leave, main_first
    from ..train.start import check_plan
    from ..train.train import train

    overrides = (*overrides, *_own(db, pairs))
    if as_json and not dry_run:
        raise click.UsageError("--json goes with --dry-run")
    of_run = run_path / "recipe.toml" if run_path else None
    if recipe is None and not (of_run and of_run.is_file()):
        raise click.UsageError("name a recipe, or a run directory to go on with: --run FOLDER")
    parsed, text = read_recipe(recipe or str(of_run), overrides)
    if dry_run:
        _try(parsed, as_json)
        return
    join()
    path = from_main(run_path or new_run_path(parsed.name, text))
    check_plan(parsed, has_pairs=(path / "data" / "train.jsonl").is_file())
    with contextlib.ExitStack() as run_made:
        with main_first():
            run = run_made.enter_context(fresh_run(path, parsed.name, text)) if here().main else Run(path)
        try:
            adapter = train(parsed, run, exportable, validation_exam)
        except KeyboardInterrupt:
            say(f"Stopped. To go on: {shlex.join(['sql-llama', 'train', '--run', str(run.path)])}")
            raise
    leave()
    if not here().main:
        return
    facts = run.manifest()["stages"]["train"]
    click.echo(
        f"{adapter}: {facts['rows']} rows, {facts['steps']} steps, {facts['fit_seconds']:.0f} s, "
        f"loss {facts['train_loss']:.3f}"
    )
    if facts.get("questions"):
        click.echo(
            f"{facts['right']} of {facts['questions']} validation questions right after step {facts['kept_step']}"
        )
    click.echo(f"Next: sql-llama export {run.path}")


def _try(recipe: "Recipe", as_json: bool) -> None:
    """Make a dry run and say what was tried."""
    from dataclasses import asdict

    from ..export.exportable import exportable
    from ..train.dry_run import dry_run

    tried = dry_run(recipe, exportable)
    if as_json:
        click.echo(json.dumps(asdict(tried)))
        return
    click.echo(f"{tried.recipe}: {tried.pairs} pairs ({tried.data}); tokenizer: {tried.tokenizer}")
    click.echo(f"preflight {tried.preflight}: the loss covers each answer and its end, the gradients are right")
    losses = ", ".join(f"{loss:.3f}" for loss in tried.losses)
    size = sum(tried.adapter.values()) / 1000
    click.echo(f"{tried.steps} steps of a tiny random {tried.architecture}: loss {losses}; adapter of {size:.0f} kB")
    click.echo(f"Nothing was kept ({tried.seconds:.0f} s). Next: sql-llama plan {recipe.name}")


def _own(db: str | None, pairs: tuple[str, ...]) -> list[str]:
    """The keys of a recipe for one's own database and pairs; with whole paths, since a run may go on from elsewhere."""
    if pairs and not db:
        raise click.UsageError("--pairs goes with --db")
    given = [f"data.db={json.dumps(str(Path(db).expanduser().absolute()))}"] if db else []
    files = [str(Path(name).expanduser().absolute()) for name in pairs]
    return [*given, f"data.pairs={json.dumps(files)}"] if files else given
