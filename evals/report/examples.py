"""The examples of a report, as texts that a page can hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..judged_answer import GradedAnswer
from .notable import Shown, notable, with_tables
from .wording import cut

ROWS, COLUMNS, CELL, ANSWER, ERROR = 5, 6, 60, 1200, 200  # rows and columns of a table; characters of the others


def examples(
    models: Sequence[tuple[str, Sequence[GradedAnswer]]], databases: Mapping[str, Path]
) -> list[dict[str, Any]]:
    """Choose questions of one model, or of base and tuned, with queries and the first rows of their results."""
    out = []
    for example in with_tables(notable(*(rows for _, rows in models)), databases):
        rows = [answers[example.place] for _, answers in models]
        tables = [example.base_table, example.table][-len(models) :]
        out.append(
            {
                "kind": example.kind,
                "question": cut(example.question, ANSWER),
                "evidence": cut(rows[0].evidence, ANSWER),
                "database": cut(example.database, CELL),
                "hardness": example.hardness,
                "gold": cut(example.gold, ANSWER),
                "gold_error": cut(rows[0].verdict.gold_error, ERROR),
                "result": _result(example.gold_table),
                "answers": [
                    {
                        "model": name,
                        "sql": cut(row.sql, ANSWER),
                        "correct": row.correct,
                        "cause": row.cause,
                        "error": cut(row.verdict.error, ERROR),
                        "result": _result(table),
                    }
                    for (name, _), row, table in zip(models, rows, tables, strict=True)
                ],
            }
        )
    return out


def _result(shown: Shown | None) -> dict[str, Any] | None:
    """The head of a result, cells as text; None where there is nexample."""
    if shown is None or shown.error:
        return None
    return {
        "columns": [cut(name, CELL) for name in shown.columns[:COLUMNS]],
        "rows": [[_cell(value) for value in row[:COLUMNS]] for row in shown.rows[:ROWS]],
        "more_rows": shown.truncated or len(shown.rows) > ROWS,
        "more_columns": max(0, len(shown.columns) - COLUMNS),
    }


def _cell(value: Any) -> str:
    return "NULL" if value is None else cut(str(value), CELL)
