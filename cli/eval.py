"""`sql-llama eval`: how often a model's SQL is right, and whether it got better."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import RecipeError

if TYPE_CHECKING:
    from ..evals.gate import Verdict
    from ..evals.questions.questions import Questions
    from ..evals.report.report import Model

PATH = click.Path(readable=False, path_type=Path)  # a file that cannot be read is reported where it is read


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
@click.option(
    "--policy",
    type=click.Choice(["plain", "fast", "best"]),
    default="plain",
    show_default=True,
    help="plain: the models alone. fast and best: with the helps of `sql-llama ask`.",
)
@click.option(
    "--candidates",
    "--beams",
    type=click.IntRange(1, 32),
    help="Answers of the model to each question; the first that runs and returns rows is taken.",
)
@click.option("--variants", type=click.IntRange(0, 20), default=0, show_default=True, help="Databases with other rows.")
@click.option("--embeddings", metavar="MODEL", default="", help="Sentence model, to compare queries by too.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N questions.")
@click.option("--sample", type=click.IntRange(min=1), help="Only N random questions, their answers shown.")
@click.option("--seed", type=int, default=1, show_default=True, help="Random seed of --sample and --variants.")
@click.option(
    "--gate",
    is_flag=True,
    help="Exit with 1 if the second model is not better than the first. A third is the tuned one in F16.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    databases: Path | None,
    models: tuple[str, ...],
    predictions: tuple[Path, ...],
    out: Path | None,
    policy: str,
    candidates: int | None,
    variants: int,
    embeddings: str,
    limit: int | None,
    sample: int | None,
    seed: int,
    gate: bool,
    as_json: bool,
) -> None:
    """Score models on questions with known answers: the base first, then the tuned one.

    Execution accuracy is strict: an answer must return the rows of the reference query, in its column order, and in its
    row order where it sorts. Every query is run read-only, with a time limit. With several candidates, the first that
    runs and returns rows is taken.
    """
    from ..evals.evaluate_models import Options, evaluate_models
    from ..evals.questions.predictions import read_predictions
    from ..evals.questions.questions import questions
    from .eval_output import print_json, print_scores

    _check_usage(models, predictions, limit, sample, gate)
    beams = candidates or (8 if policy == "best" else 1)
    _check_models(models, predictions, out, beams)
    asked = questions(file, databases, limit or 0, sample=sample or 0, seed=seed)
    given = [(path, read_predictions(path, asked, exact=limit is None)) for path in predictions]
    options = Options(out, beams, variants, seed, embeddings, repair=policy != "plain")
    scored = evaluate_models(asked, models, given, options, warn=lambda line: click.echo(line, err=True))
    verdict = _gated(scored) if gate else None
    if out:
        _write_report(asked, file, scored, verdict, out)
    if as_json:
        print_json(asked, file, scored, verdict)
    else:
        print_scores(asked, scored, verdict, with_answers=bool(sample))
        if out:
            click.echo(f"{out / 'report.html'}")
    ctx.exit(1 if verdict is not None and not verdict.passed else 0)


def _check_usage(
    models: Sequence[str], predictions: Sequence[Path], limit: int | None, sample: int | None, gate: bool
) -> None:
    if not models and not predictions:
        raise click.UsageError("give --model FILE.gguf or --predictions FILE.jsonl")
    if limit and sample:
        raise click.UsageError("give either --limit or --sample")
    if gate and not 2 <= len(models) + len(predictions) <= 3:
        raise click.UsageError("--gate needs two models, base and tuned; a third is the tuned one in F16")


def _check_models(models: Sequence[str], predictions: Sequence[Path], out: Path | None, candidates: int) -> None:
    """Find faults before the first model works for minutes."""
    from ..engines.load import parts
    from ..models.gguf_header import check_gguf

    alone = [name for name in models if name.startswith("ollama:")] + list(map(str, predictions))
    if candidates > 1 and alone:
        raise RecipeError(
            f"{alone[0]}: gives one answer only", fix="leave --candidates out, or give a GGUF file or a folder"
        )
    if out and out.exists() and not out.is_dir():
        raise RecipeError(f"--out {out}: not a folder", fix="choose another folder with --out")
    for name in models:
        for path in map(Path, parts(name)):
            if path.suffix == ".gguf":
                check_gguf(path)


def _gated(scored: Sequence["Model"]) -> "Verdict":
    from ..evals.gate import gate

    base, tuned, *whole = (model.rows for model in scored)
    return gate(base, tuned, whole_rows=whole[0] if whole else None)


def _write_report(
    asked: "Questions", file: Path, scored: Sequence["Model"], verdict: "Verdict | None", out: Path
) -> None:
    import datetime
    from dataclasses import replace

    from ..evals.evaluate_models import report_facts
    from ..evals.report.report import write_report

    facts = replace(
        report_facts(asked, file, scored),
        machine=_machine(),
        gate=verdict,
        date=datetime.date.today().isoformat(),
        command=shlex.join(["sql-llama", *sys.argv[1:]]) if sys.argv[0].endswith("sql-llama") else "",
    )
    write_report(facts, out)


def _machine() -> dict[str, Any]:
    import os
    import platform

    import psutil

    from .checkup import check_cpu

    memory = psutil.virtual_memory().total
    return {"system": platform.platform(), "cpu": check_cpu().found, "cores": os.cpu_count(), "memory": memory}
