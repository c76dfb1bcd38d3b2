"""Answers for tests of what is computed from them."""

import dataclasses
from typing import Any

from sql_llama.evals.judge.verdict import Verdict
from sql_llama.evals.judged_answer import VERDICT, GradedAnswer


def graded(right: bool, **fields: Any) -> GradedAnswer:
    """An answer of which only what matters is given; `fields` are its own or its verdict's."""
    verdict = {"valid": True, "correct": right, "exact": False} | {k: v for k, v in fields.items() if k in VERDICT}
    own = {"question": "q", "gold": "SELECT 1", "sql": "SELECT 2", "database": "d"}
    own |= {key: value for key, value in fields.items() if key not in VERDICT}
    return GradedAnswer(**own, verdict=Verdict(**verdict))


def changed(answer: GradedAnswer, **fields: Any) -> GradedAnswer:
    """The answer with other fields, its own or its verdict's."""
    verdict = dataclasses.replace(answer.verdict, **{k: v for k, v in fields.items() if k in VERDICT})
    own = {key: value for key, value in fields.items() if key not in VERDICT}
    return dataclasses.replace(answer, **own, verdict=verdict)
