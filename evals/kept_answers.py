"""Answers of an earlier run: which of them are still those of this model to these questions, and the file they are in.

`<out>/<name>.jsonl` has one line an answer (judged_answer.py), written as it comes; `<out>/<name>.state.json` says what
they belong to, by two keys. Where `answers` differs, the model has to be asked again; where only `verdicts` differs,
the answers are judged again.
"""

import contextlib
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..core.files import write_json, write_text
from ..core.records import Column, Hint, Schema, Table
from ..engines.engine import Engine
from ..prompts.messages import messages
from .judge.verdict import JUDGE_VERSION
from .judged_answer import JudgedAnswer, from_line, to_line
from .questions.questions import Question

ANSWERS_VERSION = 1
"""Raise it when the same model, questions and settings may give another answer or other SQL, so that kept answers are
not used any more: another prompt (hints, tables left out), another way of decoding, of choosing among candidates or of
taking SQL out of a text (sql/extract.py, databases/requote.py, questions/predictions.py). A change in the layout of
prompts alone is seen without it, by the sample below."""

SAMPLE = messages(
    Schema((Table("pet owners", (Column("id", "int", True), Column("name", "text", samples=("Ann",)))),)),
    "How many?",
    hints=(Hint("pet owners", "name", "Ann"),),
)

Variants = Mapping[Path, tuple[Path, ...]]
"""Fuzzed copies of a database, see evals/fuzz/fuzz.py."""


@dataclass(frozen=True)
class Keys:
    """What kept answers and verdicts belong to, as hashes."""

    answers: str
    verdicts: str


def keys(
    items: Sequence[Question],
    model: str,
    engine: Engine | None,
    predictions: Sequence[str] | None,
    beams: int,
    variants: Variants,
    repair: bool = False,
) -> Keys:
    """Hash what answers depend on, and what verdicts depend on besides.

    Answers: what prompts are made from (questions, the files of their databases), the model's bytes or the predictions,
    the settings. Verdicts: the reference queries and the copies with other rows.
    """
    files = []
    for database in sorted({item.database for item in items}):
        with contextlib.suppress(OSError):  # one that is gone is reported where it is read
            status = database.stat()
            files.append((str(database), status.st_size, status.st_mtime_ns))
    prompts = [[(item.question, item.evidence, str(item.database)) for item in items], files, list(map(str, SAMPLE))]
    identity = [getattr(engine, "identity", model), predictions]
    settings = {"num_ctx": getattr(engine, "num_ctx", 0), "beams": beams, **({"repair": True} if repair else {})}
    copies = [(str(database), *map(str, paths)) for database, paths in sorted(variants.items())]
    return Keys(
        answers=_hash([ANSWERS_VERSION, prompts, identity, settings]),
        verdicts=_hash([JUDGE_VERSION, [item.gold for item in items], copies]),
    )


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Kept:
    """Answers to the first questions, from before. `judged`: their verdicts hold too.

    `aside` is where the file of that name was moved when it belonged to something else.
    """

    answers: tuple[JudgedAnswer, ...] = ()
    judged: bool = True
    aside: Path | None = None


def read_kept(out: Path, name: str, items: Sequence[Question], wanted: Keys) -> Kept:
    """Read the answers of an earlier run, up to the first line that is cut or that belongs to another question.

    A file of other answers is moved aside: hours may have gone into it. Raises DataError for a file of a later version.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = answers_path(out, name)
    state = _state(out, name)
    if state.get("key") != wanted.answers:
        if not (path.is_file() and path.stat().st_size):
            return Kept()
        aside = next(moved for n in itertools.count(1) if not (moved := out / f"{name}.{n}.jsonl").exists())
        path.replace(aside)
        return Kept(aside=aside)
    answers: list[JudgedAnswer] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a last line may be cut in two
        for item, line in zip(items, path.read_text(encoding="utf-8").split("\n"), strict=False):
            try:
                answer = from_line(json.loads(line))
            except DataError as error:
                raise DataError(f"{path}: {error.message}", fix=error.fix) from None
            if answer.question != item.question:
                break
            answers.append(answer)
    return Kept(tuple(answers), state.get("verdicts") == wanted.verdicts)


def write_kept(out: Path, name: str, answers: Sequence[JudgedAnswer], belongs_to: Keys) -> None:
    """Write the file of answers anew, then what they belong to."""
    write_text(answers_path(out, name), "".join(map(as_text, answers)))
    write_json(_state_path(out, name), {"key": belongs_to.answers, "verdicts": belongs_to.verdicts})


def as_text(answer: JudgedAnswer) -> str:
    """Return the line of an answer, with its line break."""
    return json.dumps(to_line(answer), ensure_ascii=False) + "\n"


def answers_path(out: Path, name: str) -> Path:
    """Return the file that holds a model's answers."""
    return out / f"{name}.jsonl"


def _state_path(out: Path, name: str) -> Path:
    return out / f"{name}.state.json"


def _state(out: Path, name: str) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        state = json.loads(_state_path(out, name).read_text(encoding="utf-8"))
        return state if isinstance(state, dict) else {}
    return {}
