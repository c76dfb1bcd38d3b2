"""The report of an evaluation: all numbers are computed here, and evals/report/page.py shows them."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._version import __version__
from ...core.errors import DataError
from ...core.files import write_json, write_text
from ...core.records import Score
from ..gate import Verdict
from ..judged_answer import GradedAnswer
from ..numbers.breakdown import breakdown
from ..numbers.calibration import calibration
from ..numbers.metrics import KINDS, difference, hash_questions, metrics, same_questions
from ..numbers.statistics import detectable, error_reduction, mcnemar
from ..queries.causes import CAUSES
from .examples import examples
from .notable import counts
from .page import html, markdown
from .wording import cut, headline, plain

LONGEST = 1000  # characters of a gold query that failed, and of its error

if TYPE_CHECKING:
    from ..evaluate import Evaluated


@dataclass(frozen=True)
class Model:
    """One model's judged answers, what they cost, and facts of its card.

    `seconds` of wall time for all; `memory` in bytes at its peak, None when not known; `facts` such as `bytes`,
    `quantization`, `architecture`.
    """

    name: str
    rows: Sequence[GradedAnswer]
    path: str = ""
    engine: str = ""
    seconds: float = 0.0
    tokens: int = 0
    memory: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    score: Score | None = None

    @property
    def unreadable(self) -> Mapping[str, Mapping[str, Any]]:
        """Return databases that could not be read, by name, each with its `questions` and the `reason`."""
        return self.score.extra["unreadable"] if self.score else {}


@dataclass(frozen=True)
class Facts:
    """What a report is made from.

    `base` and `tuned` name the two models that are compared: by default the first and the second. `databases` leads
    from a row's database to its file, for the tables of the examples. `unreadable`: databases that are there and cannot
    be read, each with `questions` and `reason`. `gate` is the verdict of evals/gate.py, `choices` what evals/pick.py
    measured before the file was made.
    """

    models: tuple[Model, ...]
    questions: str
    questions_hash: str = ""
    base: str = ""
    tuned: str = ""
    missing: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    databases: Mapping[str, Path] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    gate: Verdict | None = None
    choices: tuple[Mapping[str, Any], ...] = ()
    command: str = ""
    date: str = ""
    version: str = __version__


def of_evaluation(name: str, path: str, done: "Evaluated", facts: Mapping[str, Any]) -> Model:
    """Return an evaluated model as a report takes it; `facts` are its engine's."""
    return Model(
        name,
        done.rows,
        path=path,
        engine=str(facts.get("engine", "given answers")),
        seconds=done.score.seconds,
        tokens=done.tokens,
        memory=done.memory,
        facts=facts,
        score=done.score,
    )


def write_report(facts: Facts, out: Path) -> tuple[Path, ...]:
    """Write report.json, report.md and report.html into `out`. Returns their paths.

    Raises DataError when there is no answer to report.
    """
    content = report(facts)
    paths = out / "report.json", out / "report.md", out / "report.html"
    write_json(paths[0], content)
    write_text(paths[1], markdown(content))
    write_text(paths[2], html(content))
    return paths


def report(facts: Facts) -> dict[str, Any]:
    """Return the content of the report, as JSON; shares in 0..1, times in seconds, sizes in bytes."""
    if not facts.models or not all(model.rows for model in facts.models):
        raise DataError(f"{facts.questions}: no answers to report", fix="sql-llama eval --questions FILE --model FILE")
    pair = _pair(facts)
    shown = pair or facts.models[:1]
    rows = facts.models[0].rows
    compared = _comparison(*pair) if pair else None
    page: dict[str, Any] = {
        "sql_llama": facts.version,
        "date": facts.date,
        "command": facts.command,
        "questions": {
            "file": facts.questions,
            "sha256": facts.questions_hash,
            "asked": hash_questions(rows),
            "n": len(rows),
            "databases": len({row.database for row in rows}),
            "missing": dict(sorted(facts.missing.items())),
            "unreadable": {
                name: {**database, "reason": cut(database["reason"], LONGEST)}
                for name, database in sorted(facts.unreadable.items())
            },
            "gold_failed": [
                {
                    "question": cut(row.question, LONGEST),
                    "gold": cut(row.gold, LONGEST),
                    "gold_error": cut(row.verdict.gold_error, LONGEST),
                }
                for row in rows
                if row.verdict.gold_error
            ],
        },
        "base": pair[0].name if pair else None,
        "tuned": pair[1].name if pair else None,
        "models": [_model(model, pair) for model in facts.models],
        "comparison": compared,
        "classes": breakdown([model.rows for model in shown], [model.name for model in shown]),
        "causes": _causes(shown),
        "examples": examples([(model.name, model.rows) for model in shown], facts.databases),
        "gate": facts.gate.as_json() if facts.gate else None,
        "choices": [dict(choice) for choice in facts.choices],
        "machine": dict(facts.machine),
    }
    page = plain(page)
    return {**page, "headline": headline(page)}


def _pair(facts: Facts) -> tuple[Model, Model] | None:
    """Base and tuned model; None with one model, or when they were not asked the same questions."""
    if len(facts.models) < 2:
        return None
    names = {model.name: model for model in facts.models}
    base = names.get(facts.base, facts.models[0])
    tuned = names.get(facts.tuned) or next(model for model in facts.models if model is not base)
    return (base, tuned) if base is not tuned and same_questions(base.rows, tuned.rows) else None


def _model(model: Model, pair: tuple[Model, Model] | None) -> dict[str, Any]:
    role = "" if pair is None else "base" if model is pair[0] else "tuned" if model is pair[1] else ""
    return {
        "name": model.name,
        "path": model.path,
        "engine": model.engine,
        "role": role,
        "n": len(model.rows),
        "metrics": {name: dataclasses.asdict(metric) for name, metric in metrics(model.rows).items()},
        "speed": _speed(model),
        "confidence": _confidence(model.rows),
        "facts": dict(model.facts),
        "asked": hash_questions(model.rows),
        "right": "".join("1" if row.correct else "0" for row in model.rows),
    }


def _speed(model: Model) -> dict[str, Any]:
    """Wall time, and percentiles of the seconds from one answer to the next."""
    each = sorted(row.seconds for row in model.rows)
    return {
        "seconds": model.seconds,
        "questions_per_second": len(each) / model.seconds if model.seconds else None,
        "tokens": model.tokens,
        "tokens_per_second": model.tokens / model.seconds if model.seconds and model.tokens else None,
        "seconds_per_question": model.seconds / len(each) if model.seconds else None,
        "percentiles": {str(part): each[min(len(each) * part // 100, len(each) - 1)] for part in (50, 90, 99)},
        "memory": model.memory,
    }


def _confidence(rows: Sequence[GradedAnswer]) -> dict[str, Any] | None:
    """Accuracy of the most confident answers, and whether confidence means what it says; None when not known."""
    measured = calibration([row.confidence for row in rows], [row.correct for row in rows])
    return dataclasses.asdict(measured) if measured else None


def _causes(models: Sequence[Model]) -> list[dict[str, Any]]:
    """How many answers of each model are wrong for each cause."""
    return [
        {
            "cause": count.cause,
            "says": CAUSES.get(count.cause, ""),
            "models": dict(zip((model.name for model in models), (count.base, count.tuned), strict=False)),
        }
        for count in counts(*(model.rows for model in models)).causes
    ]


def _comparison(base: Model, tuned: Model) -> dict[str, Any]:
    """Base against tuned, question by question."""
    before, after = ([row.correct for row in model.rows] for model in (base, tuned))
    differences = {kind.name: difference(base.rows, tuned.rows, kind) for kind in KINDS}
    paired = mcnemar(before, after)
    return {
        "both": paired.both,
        "only_base": paired.only_first,
        "only_tuned": paired.only_second,
        "neither": paired.neither,
        "differences": {name: dataclasses.asdict(apart) for name, apart in differences.items() if apart is not None},
        "error_reduction": dataclasses.asdict(error_reduction(before, after)),
        "detectable": detectable(paired.n, sum(before) / paired.n, paired.discordant),
    }
