"""Ask a model every question, judge its SQL by running it, and say how often it is right."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..assistant.ask import MAX_TOKENS, chat_for, prepare
from ..core.files import sha256, write_json, write_text
from ..core.progress import progress
from ..core.prompt import extract_sql
from ..core.records import Score
from ..engines.engine import Engine, answer
from ..engines.llamacpp import LlamaCpp
from .judge import judge
from .questions import Question, Questions


def evaluate(
    found: Questions,
    *,
    name: str,
    model: str,
    engine: Engine | None = None,
    predictions: Sequence[str] | None = None,
    out: Path | None = None,
) -> Score:
    """Score an engine's answers, or `predictions`, one per question of `found.items`.

    With `out`, every judged answer is kept in `out/<name>.jsonl` as it comes, and what is there from a run that was
    killed is not asked again, as long as model, questions and prompts are the same.
    """
    started = time.monotonic()
    items = found.items
    kept = _kept(out, name, items, _key(items, model, engine, predictions)) if out else []
    rows = list(kept)
    file = (out / f"{name}.jsonl").open("a", encoding="utf-8") if out else None
    try:
        with judge() as judged, progress(f"evaluating {name}", len(items), "questions") as advance:
            if kept:
                advance(len(kept), "kept from before")
            rest = items[len(kept) :]
            if engine is None:
                raws: Iterator[str] = iter(list(predictions or ())[len(kept) :])
            else:
                raws = _answers(engine, rest)
            last = time.monotonic()
            right = sum(row["correct"] for row in kept)
            for item, raw in zip(rest, raws, strict=True):
                sql = extract_sql(raw) if engine is not None else raw
                said = judged(item.database, item.gold, sql)
                now = time.monotonic()
                row = {
                    "question": item.question,
                    "gold": item.gold,
                    "raw": raw,
                    "sql": sql,
                    "valid": said.valid,
                    "correct": said.correct,
                    "exact": said.exact,
                    "error": said.error,
                    "gold_error": said.gold_error,
                    "seconds": round(now - last, 3),
                }
                last = now
                rows.append(row)
                right += said.correct
                if file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    file.flush()
                advance(1, f"{right / len(rows):.1%} right")
    finally:
        if file:
            file.close()
    spent = time.monotonic() - started + sum(row["seconds"] for row in kept)
    return _score(model, rows, spent, found)


def _answers(engine: Engine, items: Sequence[Question]) -> Iterator[str]:
    """Raw answers in order; '' where the prompt does not fit the context, even without unrelated tables."""
    chats = [chat_for(prepare(str(item.database)), item.question, engine).chat for item in items]
    fits = [engine.fits(chat, max_tokens=1) for chat in chats]
    asked = [chat for chat, good in zip(chats, fits, strict=True) if good]
    if isinstance(engine, LlamaCpp):
        said = engine.answer_many(asked, max_tokens=MAX_TOKENS)
    else:
        said = (answer(engine, chat, max_tokens=MAX_TOKENS) for chat in asked)
    for good in fits:
        yield next(said).text if good else ""


def _key(items: Sequence[Question], model: str, engine: Engine | None, predictions: Sequence[str] | None) -> str:
    """What kept answers depend on: the model's bytes (or the predictions), the questions, and how a prompt is made."""
    parts: list[Any] = [[(item.question, item.gold, str(item.database)) for item in items], list(predictions or ())]
    if isinstance(engine, LlamaCpp):
        parts += [sha256(engine.path), engine.num_ctx]
    else:
        parts.append(model)
    for source in ("prompt.py", "hints.py", "schema.py", "compare.py", "sqlcheck.py", "database.py"):
        parts.append((Path(__file__).parent.parent / "core" / source).read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _kept(out: Path, name: str, items: Sequence[Question], key: str) -> list[dict[str, Any]]:
    """Judged answers of an earlier run with the same key; the file is cut back to them."""
    out.mkdir(parents=True, exist_ok=True)
    lines, state = out / f"{name}.jsonl", out / f"{name}.state.json"
    rows: list[dict[str, Any]] = []
    try:
        if json.loads(state.read_text(encoding="utf-8")).get("key") == key:
            for item, line in zip(items, lines.read_text(encoding="utf-8").splitlines(), strict=False):
                row = json.loads(line)
                if row["question"] != item.question or "seconds" not in row:
                    break
                rows.append(row)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing kept, or a last line that was cut in two
    write_text(lines, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_json(state, {"key": key})
    return rows


def _score(model: str, rows: Sequence[dict[str, Any]], seconds: float, found: Questions) -> Score:
    n = len(rows)
    right = sum(row["correct"] for row in rows)
    return Score(
        model=model,
        n=n,
        execution_accuracy=right / n,
        valid_sql=sum(row["valid"] for row in rows) / n,
        exact_match=sum(row["exact"] for row in rows) / n,
        seconds=round(seconds, 3),
        extra={
            "interval": wilson(right, n),
            "missing": dict(found.missing),
            "gold_failed": sum(bool(row["gold_error"]) for row in rows),
        },
    )


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson (1927): right for few questions and near 0 and 1 too.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    z = 1.959964
    share, base = right / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / base
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / base
    return max(0.0, middle - half), min(1.0, middle + half)
