"""`sql-llama eval`: how often a model's SQL is right."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.errors import RecipeError

if TYPE_CHECKING:
    from ..core.records import Score

PATH = click.Path(readable=False, path_type=Path)  # that a file cannot be read is said where it is read


@click.command("eval")
@click.option("--questions", "file", type=PATH, required=True, help="Spider's dev.json or JSON lines.")
@click.option("--databases", type=PATH, help="Folder that holds <db_id>/<db_id>.sqlite, or what db names.")
@click.option("--model", "models", type=PATH, multiple=True, help="GGUF file; may be given several times.")
@click.option("--predictions", type=PATH, multiple=True, help="JSON lines with sql, in order, to score.")
@click.option("--out", type=PATH, help="Folder that keeps every answer; a killed run goes on from there.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N questions.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: Path,
    databases: Path | None,
    models: tuple[Path, ...],
    predictions: tuple[Path, ...],
    out: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Score models on questions with known answers.

    Execution accuracy is strict: the rows must be the gold query's rows, in its column order, and in its row order
    where it sorts. Every query is run read-only, with a time limit.
    """
    from ..core.gguf_file import check_gguf
    from ..engines.llamacpp import load_llamacpp
    from ..evals.evaluate import evaluate
    from ..evals.questions import questions, read_predictions

    if not models and not predictions:
        raise click.UsageError("give --model FILE.gguf or --predictions FILE.jsonl")
    if out and out.exists() and not out.is_dir():
        raise RecipeError(f"--out {out}: not a folder", fix="choose another folder with --out")
    found = questions(file, databases, limit or 0)
    for path in models:  # before the first of them works for minutes
        check_gguf(path)
    given = [(path, read_predictions(path, found, exact=limit is None)) for path in predictions]
    names = _names([*models, *predictions])
    scores = []
    for path, name in zip(models, names, strict=False):
        engine = load_llamacpp(path)
        try:
            scores.append(evaluate(found, name=name, model=str(path), engine=engine, out=out))
        finally:
            engine.close()
    for (path, said), name in zip(given, names[len(models) :], strict=True):
        scores.append(evaluate(found, name=name, model=str(path), predictions=said, out=out))
    if as_json:
        rows = [{**dataclasses.asdict(score), **score.extra} for score in scores]
        for row in rows:
            del row["extra"]
        click.echo(json.dumps({"questions": str(file), "missing": dict(found.missing), "models": rows}))
        return
    _table(scores, names)
    if found.missing:
        count = sum(found.missing.values())
        click.echo(
            f"Not asked: {count} questions whose databases are missing ({', '.join(sorted(found.missing))})", err=True
        )


def _names(paths: list[Path]) -> list[str]:
    """A name for each model: its file's, with a number where two files are called the same."""
    names: list[str] = []
    for path in paths:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names


def _table(scores: list["Score"], names: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "n", "execution accuracy", "95 % interval", "valid SQL", "exact match", "seconds")
    table.columns[0].no_wrap, table.columns[0].overflow = True, "fold"  # a name is read whole or not at all
    for column in table.columns[1:]:
        column.justify = "right"
    for name, score in zip(names, scores, strict=True):
        low, high = score.extra["interval"]
        shares = f"{score.execution_accuracy:.1%}", f"{low:.1%}-{high:.1%}", f"{score.valid_sql:.1%}"
        table.add_row(name, str(score.n), *shares, f"{score.exact_match:.1%}", f"{score.seconds:.1f}")
    Console().print(table)
    failed = max(score.extra["gold_failed"] for score in scores)
    if failed:
        click.echo(f"The gold query itself failed for {failed} questions: they count as wrong", err=True)
