"""Grade a judged answer: what the texts of both queries say."""

from ..core.records import Schema
from .judged_answer import GradedAnswer, JudgedAnswer
from .queries.causes import cause
from .queries.components import component_match, normalised_match
from .queries.hardness import features, hardness
from .queries.similarity import tree_similarity


def grade(answer: JudgedAnswer, schema: Schema) -> GradedAnswer:
    """Compute all grades of an answer; docs/evaluation.md defines each. About 2 ms."""
    gold, sql, verdict = answer.gold, answer.sql, answer.verdict
    match = component_match(gold, sql, schema)
    why = ""
    if not verdict.correct:
        why = cause(gold, sql, verdict.failure, schema, lenient=verdict.lenient, gold_error=verdict.gold_error)
    return GradedAnswer(
        question=answer.question,
        gold=gold,
        database=answer.database,
        sql=sql,
        verdict=verdict,
        raw=answer.raw,
        evidence=answer.evidence,
        tokens=answer.tokens,
        seconds=answer.seconds,
        confidence=answer.confidence,
        wall=answer.wall,
        normalised=verdict.exact or normalised_match(gold, sql, schema),
        components=None if match is None else match.overall,
        tree=round(tree_similarity(gold, sql), 4),
        hardness=hardness(gold),
        features=features(gold),
        cause=why,
    )
