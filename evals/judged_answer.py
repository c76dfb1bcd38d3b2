"""What is known of one answer: as it is kept in a line of JSON, and with the grades that are computed from it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..core.errors import DataError
from .judge.verdict import Verdict

LINE_VERSION = 1
"""Of the lines of <out>/<name>.jsonl. Raise it when a line cannot be read any more as `from_line` reads it."""


@dataclass(frozen=True, kw_only=True)
class JudgedAnswer:
    """One model's answer to one question, with the judge's verdict.

    `gold` is the reference query, `raw` the model's text (None where it was not asked, since the database could not be
    read), `sql` the query in it. `seconds` of the model, `wall` seconds until the verdict was there. `confidence` is
    the probability that the model gave this very text, None where it is not known.
    """

    question: str
    gold: str
    database: str
    sql: str
    verdict: Verdict
    raw: str | None = None
    evidence: str = ""
    tokens: int = 0
    seconds: float = 0.0
    confidence: float | None = None
    wall: float = 0.0

    @property
    def correct(self) -> bool:
        """Return whether it returns what the reference query returns."""
        return self.verdict.correct


@dataclass(frozen=True, kw_only=True)
class GradedAnswer(JudgedAnswer):
    """An answer whose database could be read, with all that the two queries' texts say (docs/evaluation.md).

    These fields are computed anew each time kept answers are read. `components` is None where one of the queries cannot
    be parsed, `cause` is "" for a right answer, `embedding` None unless it was asked for.
    """

    normalised: bool = False
    components: bool | None = None
    tree: float = 0.0
    hardness: str = "unknown"
    features: tuple[str, ...] = ()
    cause: str = ""
    embedding: float | None = None


VERDICT = frozenset(field.name for field in fields(Verdict))
ANSWER = frozenset(field.name for field in fields(JudgedAnswer)) - {"verdict"}


def to_line(answer: JudgedAnswer) -> dict[str, Any]:
    """Return what is written of an answer, as one JSON object; grades are written for people's scripts."""
    verdict = answer.verdict
    head = {"question": answer.question, "gold": answer.gold, "raw": answer.raw, "sql": answer.sql}
    cost = {"confidence": answer.confidence, "seconds": answer.seconds, "tokens": answer.tokens}
    if not isinstance(answer, GradedAnswer):
        line = {**head, "database": answer.database, "unreadable": verdict.unreadable, **cost}
        return {**line, **_evidence(answer), "wall": answer.wall, "version": LINE_VERSION}
    return {
        **head,
        "valid": verdict.valid,
        "correct": verdict.correct,
        "database": answer.database,
        "lenient": verdict.lenient,
        "suite": verdict.suite,
        "exact": verdict.exact,
        "normalised": answer.normalised,
        "components": answer.components,
        "tree": answer.tree,
        "overlap": verdict.overlap,
        "columns_overlap": verdict.columns_overlap,
        "hardness": answer.hardness,
        "features": list(answer.features),
        "cause": answer.cause,
        "error": verdict.error,
        "gold_error": verdict.gold_error,
        **_evidence(answer),
        **cost,
        "sql_seconds": verdict.sql_seconds,
        "gold_seconds": verdict.gold_seconds,
        "wall": answer.wall,
        "returned": verdict.returned,
        "error_kind": verdict.error_kind,
        "error_name": verdict.error_name,
        "version": LINE_VERSION,
    }


def _evidence(answer: JudgedAnswer) -> dict[str, str]:
    return {"evidence": answer.evidence} if answer.evidence else {}


def from_line(line: Mapping[str, Any]) -> JudgedAnswer:
    """Read an answer and its verdict from what `to_line` wrote; grades are passed over.

    A line without a version, of before there were versions, is read as well: its verdict lacks the kind of an error.
    Raises DataError for a line of a later version, KeyError or TypeError for one that is no answer.
    """
    if not isinstance(line, Mapping):
        raise TypeError("not an object")
    version = line.get("version", 0)
    if not isinstance(version, int) or version > LINE_VERSION:
        raise DataError(
            f"an answer of version {version}, written by a later sql-llama", fix="choose another folder with --out"
        )
    for key in ("question", "gold", "database", "sql"):
        if not isinstance(line[key], str):
            raise TypeError(f"{key} is not a text")
    known: dict[str, Any] = {"valid": False, "correct": False, "exact": False}
    known |= {key: value for key, value in line.items() if key in VERDICT}
    if "unreadable" not in line and not all(isinstance(line[key], bool) for key in ("valid", "correct", "exact")):
        raise TypeError("valid, correct or exact is not true or false")
    rest = {key: value for key, value in line.items() if key in ANSWER}
    return JudgedAnswer(**{"wall": line["wall"], **rest}, verdict=Verdict(**known))
