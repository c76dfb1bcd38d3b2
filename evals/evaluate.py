"""Ask a model every question, judge its SQL by running it, and say how often it is right."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

from ..assistant.answer import EVALUATION
from ..assistant.prepare import prepare
from ..core.errors import DataError, RecipeError
from ..core.progress import progress, say
from ..core.records import Answer, Score
from ..core.wilson import wilson
from ..databases.unreadable import reason, with_more
from ..engines.engine import Engine, SeveralAnswers
from .answers import answers
from .grade import grade
from .judge.judge import judged
from .judge.verdict import Task, Verdict
from .judged_answer import GradedAnswer, JudgedAnswer
from .kept_answers import Kept, Variants, answers_path, as_text, keys, read_kept, write_kept
from .numbers.metrics import metrics
from .queries.similarity import embedding_similarity
from .questions.from_schema import unqualified
from .questions.predictions import query_of
from .questions.questions import Question, Questions, none_readable


@dataclass(frozen=True)
class Evaluated:
    """The score of one model, and all its judged answers; `tokens` written in all, `memory` in bytes at the peak.

    `aside` is where answers of another model, to other questions or with other settings went, if there were any.
    `unread`: by their place among the questions, those that could not be judged, and why their database cannot be read.
    """

    score: Score
    rows: tuple[GradedAnswer, ...]
    tokens: int
    memory: int | None = None
    aside: Path | None = None
    unread: Mapping[int, str] = field(default_factory=dict)


def evaluate(
    questions: Questions,
    *,
    name: str,
    model: str,
    title: str = "",
    engine: Engine | None = None,
    predictions: Sequence[str] | None = None,
    out: Path | None = None,
    beams: int = 1,
    variants: Variants | None = None,
    embeddings: str = "",
    repair: bool = False,
) -> Evaluated:
    """Score an engine's answers, or `predictions`, one per question of `questions.items`.

    Progress is shown under `title`, by default `name`. With several beams the first that runs and returns rows is the
    answer. With `repair`, a query that the database does not understand is mended without the model. With `out`, every
    judged answer is kept in `out/<name>.jsonl` as it comes, and what is there from a run that was killed is not asked
    again, as long as model, questions and prompts are the same. Other answers of that name are put aside, as
    `out/<name>.<number>.jsonl`.

    `embeddings` names a model by whose sentence embeddings reference query and answer are compared too.
    Questions whose database cannot be read are left out, and counted in the score's `unreadable`.

    Raises RecipeError for several beams of predictions, or of an engine that cannot give them, DataError when no
    database can be read.
    """
    if beams > 1 and not isinstance(engine, SeveralAnswers):
        raise RecipeError(
            f"{model}: gives one answer only", fix="leave --candidates out, or give a GGUF file or a folder"
        )
    started = time.monotonic()
    variants = variants or {}
    kept = Kept()
    if out:
        wanted = keys(questions.items, model, engine, predictions, beams, variants, repair)
        kept = read_kept(out, name, questions.items, wanted)
        kept = replace(kept, answers=_brought_up_to_date(questions.items, kept, variants))
        write_kept(out, name, kept.answers, wanted)
    rest = questions.items[len(kept.answers) :]
    lost: dict[Path, str] = {}
    if engine is None:
        given = _predicted(rest, (predictions or ())[len(kept.answers) :])
    else:
        given = answers(rest, engine, replace(EVALUATION, candidates=beams, repair=repair), lost)
    _forget_peak()
    if not rest:
        say(f"evaluating {title or name}: all {len(kept.answers)} answers are kept from an earlier run")
    with _opened(out, name) as file:
        new = list(_judged_as_they_come(title or name, rest, given, variants, lost, file, kept)) if rest else []
    seconds = time.monotonic() - started + sum(answer.wall for answer in kept.answers)
    memory = _peak() if engine is not None and not kept.answers else None
    both = [*kept.answers, *new]
    unread = {place: answer.verdict.unreadable for place, answer in enumerate(both) if answer.verdict.unreadable}
    rows = [answer for answer in both if isinstance(answer, GradedAnswer)]
    if embeddings:
        rows = _with_embeddings(rows, embeddings)
    tokens = sum(row.tokens for row in rows)
    return Evaluated(_score(model, rows, seconds, questions, unread), tuple(rows), tokens, memory, kept.aside, unread)


def aligned(evaluations: Sequence[Evaluated], questions: Questions) -> list[Evaluated]:
    """Leave out of each evaluation the questions that one of them could not judge, so that answers can be paired.

    Raises DataError when no question is left.
    """
    unread = {place: why for evaluated in evaluations for place, why in evaluated.unread.items()}
    out = []
    for evaluated in evaluations:
        places = [place for place in range(len(questions.items)) if place not in evaluated.unread]
        rows = [row for place, row in zip(places, evaluated.rows, strict=True) if place not in unread]
        score = _score(evaluated.score.model, rows, evaluated.score.seconds, questions, unread)
        out.append(replace(evaluated, score=score, rows=tuple(rows), unread=unread))
    return out


def _predicted(items: Sequence[Question], predictions: Sequence[str]) -> Iterator[tuple[Answer, str]]:
    """Given answers, each with its SQL."""
    for item, text in zip(items, predictions, strict=True):
        yield Answer(text), unqualified(query_of(text), item.schemas)


def _judged_as_they_come(
    model_title: str,
    items: Sequence[Question],
    given: Iterator[tuple[Answer, str]],
    variants: Variants,
    lost: Mapping[Path, str],
    file: TextIO | None,
    kept: Kept,
) -> Iterator[JudgedAnswer]:
    """Judge answers while the next are being made; each is written to `file`, and progress is shown."""
    waiting: list[tuple[Answer, str]] = []

    def tasks() -> Iterator[Task]:
        for item, (answer, sql) in zip(items, given, strict=True):
            waiting.append((answer, sql))
            yield Task(item.database, item.gold, sql, variants.get(item.database, ()))

    title = f"evaluating {model_title}" + (
        f" ({len(kept.answers)} answers kept from an earlier run)" if kept.answers else ""
    )
    graded = [answer for answer in kept.answers if isinstance(answer, GradedAnswer)]
    right, count = sum(answer.correct for answer in graded), len(graded)
    with contextlib.closing(judged(tasks())) as verdicts, progress(title, len(items), "questions") as advance:
        last = time.monotonic()
        for place, verdict in enumerate(verdicts):
            item = items[place]
            answer = _judged(item, *waiting[place], verdict, lost.get(item.database, ""))
            answer = replace(answer, wall=round(time.monotonic() - last, 3))
            last = time.monotonic()
            if file:
                file.write(as_text(answer))
                file.flush()
            if isinstance(answer, GradedAnswer):
                right, count = right + answer.correct, count + 1
            advance(1, f"{right / count:.1%} right" if count else "")
            yield answer


def _judged(item: Question, answer: Answer, sql: str, verdict: Verdict, lost: str) -> JudgedAnswer:
    """What is known of one answer; `raw` is None where the model was not asked, since the database was `lost`."""
    return _graded(
        item,
        JudgedAnswer(
            question=item.question,
            gold=item.gold,
            database=item.database_name,
            sql=sql,
            verdict=replace(verdict, unreadable=lost or verdict.unreadable),
            raw=None if lost else answer.text,
            evidence=item.evidence,
            tokens=answer.tokens,
            seconds=round(answer.seconds, 3),
            confidence=answer.confidence,
        ),
    )


def _graded(item: Question, answer: JudgedAnswer) -> JudgedAnswer:
    """The answer with its grades; without them, and with the reason, where the database cannot be read."""
    if answer.verdict.unreadable:
        return answer
    try:
        return grade(answer, prepare(str(item.database)).schema)
    except (DataError, OSError) as error:
        return replace(answer, verdict=replace(answer.verdict, unreadable=reason(error, item.database)))


def _brought_up_to_date(items: Sequence[Question], kept: Kept, variants: Variants) -> tuple[JudgedAnswer, ...]:
    """Kept answers with their grades, up to the first that was not asked and can be asked now.

    Answers are judged again where the judge's rules changed or their database could not be read.
    """
    old = list(kept.answers)
    for place, (item, answer) in enumerate(zip(items, old, strict=False)):
        if answer.raw is None and _is_readable(item.database):
            old = old[:place]
            break
    again = [
        place
        for place, answer in enumerate(old)
        if answer.raw is not None and (answer.verdict.unreadable or not kept.judged)
    ]
    tasks = [
        Task(items[place].database, items[place].gold, old[place].sql, variants.get(items[place].database, ()))
        for place in again
    ]
    for place, verdict in zip(again, judged(tasks), strict=True):
        old[place] = replace(old[place], gold=items[place].gold, verdict=verdict)
    return tuple(_graded(item, answer) for item, answer in zip(items, old, strict=False))


def _is_readable(database: Path) -> bool:
    try:
        prepare(str(database))
    except (DataError, OSError):
        return False
    return True


@contextlib.contextmanager
def _opened(out: Path | None, name: str) -> Iterator[TextIO | None]:
    """The file that answers are added to; None without a folder."""
    if out is None:
        yield None
        return
    with answers_path(out, name).open("a", encoding="utf-8") as file:
        yield file


def _with_embeddings(rows: Sequence[GradedAnswer], model: str) -> list[GradedAnswer]:
    pairs = [(row.gold, row.sql) for row in rows]
    values = embedding_similarity(pairs, model)
    return [replace(row, embedding=round(value, 4)) for row, value in zip(rows, values, strict=True)]


def _score(
    model: str, rows: Sequence[GradedAnswer], seconds: float, questions: Questions, unread: Mapping[int, str]
) -> Score:
    lost = with_more(
        questions.unreadable, ((questions.items[place].database_name, why) for place, why in unread.items())
    )
    n = len(rows)
    if not n:
        raise none_readable(model, lost)
    right = sum(row.correct for row in rows)
    measured = metrics(rows)
    return Score(
        model=model,
        n=n,
        execution_accuracy=right / n,
        valid_sql=sum(row.verdict.valid for row in rows) / n,
        exact_match=sum(row.verdict.exact for row in rows) / n,
        seconds=round(seconds, 3),
        extra={
            **{name: metric.value for name, metric in measured.items()},
            "interval": wilson(right, n),
            "intervals": {name: (metric.low, metric.high) for name, metric in measured.items()},
            "missing": dict(questions.missing),
            "unreadable": {name: asdict(database) for name, database in lost.items()},
            "gold_failed": sum(bool(row.verdict.gold_error) for row in rows),
        },
    )


def _forget_peak() -> None:
    """Let the kernel count this process's peak memory anew; Linux only."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int | None:
    """Bytes of memory at the peak since `_forget_peak`, None where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
