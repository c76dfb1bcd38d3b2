"""Ask a model every question, judge its SQL by running it, and say how often it is right."""

import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..assistant.answer import EVALUATION
from ..assistant.prepare import prepare
from ..core.errors import RecipeError
from ..core.files import write_json, write_text
from ..core.progress import progress
from ..core.records import Answer, Score
from ..databases.unreadable import UNREADABLE, reason, with_more
from ..engines.engine import Engine, SeveralAnswers
from .answers import answers
from .grade import grade
from .judge.bench import Task, Verdict
from .judge.judge import judged
from .numbers.metrics import metrics
from .numbers.statistics import wilson
from .queries.similarity import embedding_similarity
from .questions.from_schema import unqualified
from .questions.predictions import query_of
from .questions.questions import Question, Questions, none_readable

Variants = Mapping[Path, tuple[Path, ...]]
"""Fuzzed copies of a database, see evals/fuzz/fuzz.py."""

SOURCES = (
    "assistant/answer.py",
    "assistant/prepare.py",
    "sql/compare.py",
    "core/control_tokens.py",
    "databases/sqlite.py",
    "databases/cells.py",
    "sql/names.py",
    "prompts/messages.py",
    "databases/requote.py",
    "databases/introspect.py",
    "sql/guard.py",
    "evals/judge/bench.py",
    "evals/answers.py",
    "prompts/budget.py",
    "prompts/hints.py",
    "prompts/schema_text.py",
    "sql/extract.py",
    "evals/questions/from_schema.py",
    "evals/judge/judge.py",
    "evals/questions/predictions.py",
    "evals/judge/ties.py",
)
"""What prompts and verdicts come from: answers of another version are not kept."""


@dataclass(frozen=True)
class Evaluated:
    """The score of one model, and all its judged answers; `tokens` written in all, `memory` in bytes at the peak.

    `aside` is where answers of another model, to other questions or with other settings went, if there were any.
    `unread`: by their place among the questions, those that could not be judged, and why their database cannot be read.
    """

    score: Score
    rows: tuple[dict[str, Any], ...]
    tokens: int
    memory: int | None = None
    aside: Path | None = None
    unread: Mapping[int, str] = field(default_factory=dict)


def evaluate(
    found: Questions,
    *,
    name: str,
    model: str,
    engine: Engine | None = None,
    predictions: Sequence[str] | None = None,
    out: Path | None = None,
    beams: int = 1,
    variants: Variants | None = None,
    embeddings: str = "",
) -> Evaluated:
    """Score an engine's answers, or `predictions`, one per question of `found.items`.

    With several beams the first that runs and returns rows is the answer. With `out`, every judged answer is kept in
    `out/<name>.jsonl` as it comes, and what is there from a run that was killed is not asked again, as long as model,
    questions and prompts are the same. Other answers of that name are put aside, as `out/<name>.<number>.jsonl`.

    `embeddings` names a model by whose sentence embeddings gold and answer are compared too.

    Questions whose database cannot be read are left out, and counted in the score's `unreadable`.

    Raises RecipeError for several beams of predictions, or of an engine that cannot give them, DataError when no
    database can be read.
    """
    if beams > 1 and not isinstance(engine, SeveralAnswers):
        raise RecipeError(f"{model}: gives one answer only", fix="leave --beams out, or give a GGUF file or a folder")
    started = time.monotonic()
    variants = variants or {}
    items = found.items
    kept: list[dict[str, Any]] = []
    aside = None
    if out:
        kept, aside = _kept(out, name, items, _key(items, model, engine, predictions, beams, variants))
        kept = _again(items, kept, variants)
        _write(out / f"{name}.jsonl", kept)
    rest = items[len(kept) :]
    rows = list(kept)
    said: list[tuple[Answer, str]] = []
    lost: dict[Path, str] = {}
    _forget_peak()

    def tasks() -> Iterator[Task]:
        if engine is None:
            given_answers: Iterator[tuple[Answer, str]] = (
                (Answer(text), unqualified(query_of(text), item.schemas))
                for item, text in zip(rest, (predictions or ())[len(kept) :], strict=True)
            )
        else:
            given_answers = answers(rest, engine, replace(EVALUATION, candidates=beams), lost)
        for item, given in zip(rest, given_answers, strict=True):
            said.append(given)
            yield Task(item.database, item.gold, given[1], variants.get(item.database, ()))

    file = (out / f"{name}.jsonl").open("a", encoding="utf-8") if out else None
    try:
        with (
            contextlib.closing(judged(tasks())) as verdicts,
            progress(f"evaluating {name}", len(items), "questions") as on,
        ):
            if kept:
                on(len(kept), "kept from before")
            last = time.monotonic()
            right = [row["correct"] for row in kept if "correct" in row]
            for place, verdict in enumerate(verdicts):
                row = _row(rest[place], said[place], verdict, lost.get(rest[place].database, ""))
                row["wall"] = round(time.monotonic() - last, 3)
                last = time.monotonic()
                rows.append(row)
                right += [row["correct"]] if "correct" in row else []
                if file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    file.flush()
                on(1, f"{sum(right) / len(right):.1%} right" if right else "")
    finally:
        if file:
            file.close()
    spent = time.monotonic() - started + sum(row["wall"] for row in kept)
    memory = _peak() if engine is not None and not kept else None
    unread = {place: str(row["unreadable"]) for place, row in enumerate(rows) if "unreadable" in row}
    rows = [row for row in rows if "unreadable" not in row]
    if embeddings:
        pairs = [(row["gold"], row["sql"]) for row in rows]
        for row, value in zip(rows, embedding_similarity(pairs, embeddings), strict=True):
            row["embedding"] = round(value, 4)
    tokens = sum(row["tokens"] for row in rows)
    return Evaluated(_score(model, rows, spent, found, unread), tuple(rows), tokens, memory, aside, unread)


def aligned(done: Sequence[Evaluated], found: Questions) -> list[Evaluated]:
    """The same evaluations without the questions that one of them could not judge, so that answers can be paired.

    Raises DataError when no question is left.
    """
    unread = {place: why for one in done for place, why in one.unread.items()}
    out = []
    for one in done:
        judged_ = [place for place in range(len(found.items)) if place not in one.unread]
        rows = [row for place, row in zip(judged_, one.rows, strict=True) if place not in unread]
        score = _score(one.score.model, rows, one.score.seconds, found, unread)
        out.append(replace(one, score=score, rows=tuple(rows), unread=unread))
    return out


def _row(item: Question, said: tuple[Answer, str], verdict: Verdict, lost: str) -> dict[str, Any]:
    """What is kept of one answer; `raw` is None where the model was not asked, since the database was `lost`."""
    why = lost or verdict.unreadable
    if not why:
        try:
            return grade(item, *said, verdict, prepare(str(item.database)).schema)
        except UNREADABLE as error:
            why = reason(error, item.database)
    answer, sql = said
    return {
        "question": item.question,
        "gold": item.gold,
        "raw": None if lost else answer.text,
        "sql": sql,
        "database": item.database_name,
        "unreadable": why,
        "tokens": answer.tokens,
        "confidence": answer.confidence,
        "seconds": round(answer.seconds, 3),
    }


def _again(items: Sequence[Question], kept: list[dict[str, Any]], variants: Variants) -> list[dict[str, Any]]:
    """Kept answers, judged again where the database could not be read; up to the first not asked that can be now."""
    for place, (item, row) in enumerate(zip(items, kept, strict=False)):
        if "unreadable" in row and row["raw"] is None:
            with contextlib.suppress(*UNREADABLE):
                prepare(str(item.database))
                kept = kept[:place]
                break
    places = [place for place, row in enumerate(kept) if "unreadable" in row and row["raw"] is not None]
    tasks = [
        Task(items[at].database, items[at].gold, kept[at]["sql"], variants.get(items[at].database, ())) for at in places
    ]
    for at, verdict in zip(places, judged(tasks), strict=True):
        before = kept[at]
        answer = Answer(before["raw"], before["tokens"], before["seconds"], confidence=before["confidence"])
        kept[at] = {**_row(items[at], (answer, before["sql"]), verdict, ""), "wall": before["wall"]}
    return kept


def _key(
    items: Sequence[Question],
    model: str,
    engine: Engine | None,
    predictions: Sequence[str] | None,
    beams: int,
    variants: Variants,
) -> str:
    """What kept answers depend on: the model's bytes (or the predictions), the questions, how prompts are made."""
    parts: list[Any] = [[(item.question, item.evidence, item.gold, str(item.database)) for item in items], predictions]
    for database in sorted({item.database for item in items}):
        with contextlib.suppress(OSError):  # one that is gone is said where it is read
            facts = database.stat()
            parts.append((str(database), facts.st_size, facts.st_mtime_ns))
    parts += [getattr(engine, "identity", model), getattr(engine, "num_ctx", 0), beams]
    parts += [(str(database), *map(str, paths)) for database, paths in sorted(variants.items())]
    parts += [(Path(__file__).parent.parent / source).read_text(encoding="utf-8") for source in SOURCES]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _kept(out: Path, name: str, items: Sequence[Question], key: str) -> tuple[list[dict[str, Any]], Path | None]:
    """Judged answers of an earlier run with the same key; the file is cut back to them.

    With another key the file is moved, and its new path comes too: hours may have gone into it.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines, state = out / f"{name}.jsonl", out / f"{name}.state.json"
    rows: list[dict[str, Any]] = []
    aside = None
    if _key_of(state) == key:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a last line may be cut in two
            for item, line in zip(items, lines.read_text(encoding="utf-8").split("\n"), strict=False):
                row = json.loads(line)
                if row["question"] != item.question or "wall" not in row:
                    break
                rows.append(row)
    elif lines.is_file() and lines.stat().st_size:
        aside = next(path for n in itertools.count(1) if not (path := out / f"{name}.{n}.jsonl").exists())
        lines.replace(aside)
    _write(lines, rows)
    write_json(state, {"key": key})
    return rows, aside


def _write(lines: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_text(lines, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _key_of(state: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(state.read_text(encoding="utf-8"))["key"])
    return ""


def _score(
    model: str, rows: Sequence[dict[str, Any]], seconds: float, found: Questions, unread: Mapping[int, str]
) -> Score:
    lost = with_more(found.unreadable, ((found.items[place].database_name, why) for place, why in unread.items()))
    n = len(rows)
    if not n:
        raise none_readable(model, lost)
    right = sum(row["correct"] for row in rows)
    measured = metrics(rows)
    return Score(
        model=model,
        n=n,
        execution_accuracy=right / n,
        valid_sql=sum(row["valid"] for row in rows) / n,
        exact_match=sum(row["exact"] for row in rows) / n,
        seconds=round(seconds, 3),
        extra={
            **{name: one.value for name, one in measured.items()},
            "interval": wilson(right, n),
            "intervals": {name: (one.low, one.high) for name, one in measured.items()},
            "missing": dict(found.missing),
            "unreadable": {name: asdict(one) for name, one in lost.items()},
            "gold_failed": sum(bool(row["gold_error"]) for row in rows),
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
