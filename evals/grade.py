"""One line of an evaluation: the judge's verdict on an answer, and what the text of both queries says."""

from typing import Any

from ..core.records import Answer, Schema
from .judge.bench import Verdict
from .queries.causes import cause
from .queries.components import component_match, normalised_match
from .queries.hardness import features, hardness
from .queries.similarity import tree_similarity
from .questions.questions import Question


def grade(item: Question, said: Answer, sql: str, verdict: Verdict, schema: Schema) -> dict[str, Any]:
    """Everything that is kept of one answer; docs/evaluation.md defines each metric."""
    match = component_match(item.gold, sql, schema)
    wrong = not verdict.correct
    return {
        "question": item.question,
        "gold": item.gold,
        "raw": said.text,
        "sql": sql,
        "valid": verdict.valid,
        "correct": verdict.correct,
        "database": item.database_name,
        "lenient": verdict.lenient,
        "suite": verdict.suite,
        "exact": verdict.exact,
        "normalised": verdict.exact or normalised_match(item.gold, sql, schema),
        "components": None if match is None else match.overall,
        "tree": round(tree_similarity(item.gold, sql), 4),
        "overlap": verdict.overlap,
        "columns_overlap": verdict.columns_overlap,
        "hardness": hardness(item.gold),
        "features": list(features(item.gold)),
        "cause": _cause(item, sql, verdict, schema) if wrong else "",
        "error": verdict.error,
        "gold_error": verdict.gold_error,
        **({"evidence": item.evidence} if item.evidence else {}),
        "confidence": said.confidence,
        "seconds": round(said.seconds, 3),
        "tokens": said.tokens,
        "sql_seconds": verdict.sql_seconds,
        "gold_seconds": verdict.gold_seconds,
    }


def _cause(item: Question, sql: str, verdict: Verdict, schema: Schema) -> str:
    return cause(
        item.gold,
        sql,
        verdict.error,
        schema,
        lenient=verdict.lenient and not verdict.correct,
        gold_error=verdict.gold_error,
    )
