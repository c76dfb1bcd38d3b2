"""What `sql-llama eval` prints: scores and verdict in, one JSON object or a table with notes out."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..core.records import Score
    from ..evals.gate import Verdict
    from ..evals.questions.questions import Questions
    from ..evals.report.report import Model

SHOWN = 20  # databases by name
REFERENCE = "reference"  # what the reference query is called among the answers


def print_json(asked: "Questions", file: Path, scored: Sequence["Model"], verdict: "Verdict | None") -> None:
    """Print one JSON object: questions, what could not be asked, the scores of each model, and the gate's verdict."""
    models = []
    for model in scored:
        score = dataclasses.asdict(_score(model))
        extra = score.pop("extra")
        models.append({"name": model.name, **extra, **score, **_trust(model), "memory": model.memory})
    unreadable = scored[0].unreadable
    content = {"questions": str(file), "missing": dict(asked.missing), "unreadable": unreadable, "models": models}
    click.echo(json.dumps({**content, "gate": verdict.as_json()} if verdict else content))


def _trust(model: "Model") -> dict[str, float | None]:
    """How well the model's own confidence tells right from wrong: None for both where it is not known."""
    from ..evals.numbers.calibration import answered_at, calibration

    confidences, correct = [row.confidence for row in model.rows], [row.correct for row in model.rows]
    measured = calibration(confidences, correct)
    return {
        "auc": measured.auroc if measured else None,
        "answered_at_90": answered_at(confidences, correct) if measured else None,
    }


def print_scores(
    asked: "Questions", scored: Sequence["Model"], verdict: "Verdict | None", *, with_answers: bool
) -> None:
    """Print a table of the models, then what could not be asked or scored, and the gate's verdict.

    `with_answers`: every answer comes first, and what so few questions can show comes after the table.
    """
    from ..evals.gate import render

    if with_answers:
        _answers(scored)
    _table(scored)
    failed = max(_score(model).extra["gold_failed"] for model in scored)
    if failed:
        click.echo(f"The reference query itself failed for {_many(failed)}: every answer counts as wrong", err=True)
    if asked.missing:
        names = sorted(asked.missing)
        more = f", and {len(names) - SHOWN} more: see --json" if len(names) > SHOWN else ""
        count = f"{_many(sum(asked.missing.values()))} whose databases are missing"
        click.echo(f"Not asked: {count} ({', '.join(names[:SHOWN])}{more})", err=True)
    _unreadable(scored[0].unreadable)
    if with_answers:
        click.echo(_can_show(scored))
    if verdict:
        click.echo(render(verdict))


def _score(model: "Model") -> "Score":
    assert model.score is not None  # `evaluate_models` gives it
    return model.score


def _unreadable(databases: Mapping[str, Mapping[str, Any]]) -> None:
    """Databases that cannot be read, each with its questions and the reason."""
    if databases:
        count = sum(database["questions"] for database in databases.values())
        click.echo(f"Not scored: {_many(count)}, since their databases cannot be read", err=True)
    for name in sorted(databases)[:SHOWN]:
        click.echo(f"  {name}: {_many(databases[name]['questions'])}, {databases[name]['reason']}", err=True)
    if len(databases) > SHOWN:
        click.echo(f"  and {len(databases) - SHOWN} more: see --json", err=True)


def _many(questions: int) -> str:
    return "1 question" if questions == 1 else f"{questions} questions"


def _answers(scored: Sequence["Model"]) -> None:
    """Every question of a sample with each model's answer."""
    width = max(len(REFERENCE), *(len(model.name) for model in scored))
    for place, first in enumerate(scored[0].rows):
        click.echo(f"{place + 1}. {first.question}  ({first.database})")
        if first.evidence:
            click.echo(f"   {'evidence':{width}}    {first.evidence}")
        click.echo(f"   {REFERENCE:{width}}    {' '.join(first.gold.split())}")
        for model in scored:
            answer = model.rows[place]
            verdict = "right" if answer.correct else answer.cause
            text = " ".join((answer.sql or answer.raw or "-").split())[:300]
            click.echo(f"   {model.name:{width}}    {text}  [{verdict}]")


def _can_show(scored: Sequence["Model"]) -> str:
    """What so few questions can show and what they cannot."""
    from ..evals.numbers.statistics import detectable, mcnemar

    first = scored[0]
    n = len(first.rows)
    low, high = _score(first).extra["interval"]
    text = f"With {n} questions the true accuracy of {first.name} is between {low:.0%} and {high:.0%}."
    if len(scored) > 1:
        base, tuned = ([answer.correct for answer in model.rows] for model in scored[:2])
        paired = mcnemar(base, tuned)
        gain = detectable(n, sum(base) / n, paired.discordant)
        text += (
            f" {scored[1].name} answers {paired.only_second} more and {paired.only_first} fewer: p = {paired.p:.2g}."
        )
        if gain is None:
            text += f" {n} questions can hardly show any gain."
        else:
            text += f" {n} questions mostly do not show a gain below {100 * gain:.0f} points."
    return text + " Other questions, of other databases, may give other numbers."


def _table(scored: Sequence["Model"]) -> None:
    from rich.console import Console
    from rich.table import Table

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
    Console().print(table)
