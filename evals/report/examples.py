"""The telling examples of a report, as texts that a page can hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..numbers.metrics import Row
from .notable import Shown, telling, with_tables
from .wording import cut

ROWS, COLUMNS, CELL, ANSWER, ERROR = 5, 6, 60, 1200, 200  # rows and columns of a table; characters of the others


def examples(models: Sequence[tuple[str, Sequence[Row]]], databases: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The most telling questions of one model, or of base and tuned, with queries and the heads of their results."""
    out = []
    for one in with_tables(telling(*(rows for _, rows in models)), databases):
        rows = [found[one.place] for _, found in models]
        tables = [one.base_table, one.table][-len(models) :]
        out.append(
            {
                "kind": one.kind,
                "question": cut(one.question, ANSWER),
                "evidence": cut(rows[0].get("evidence", ""), ANSWER),
                "database": cut(one.database, CELL),
                "hardness": one.hardness,
                "gold": cut(one.gold, ANSWER),
                "gold_error": cut(rows[0].get("gold_error", ""), ERROR),
                "result": _result(one.gold_table),
                "answers": [
                    {
                        "model": name,
                        "sql": cut(row["sql"], ANSWER),
                        "correct": bool(row["correct"]),
                        "cause": row.get("cause", ""),
                        "error": cut(row.get("error", ""), ERROR),
                        "result": _result(table),
                    }
                    for (name, _), row, table in zip(models, rows, tables, strict=True)
                ],
            }
        )
    return out


def _result(shown: Shown | None) -> dict[str, Any] | None:
    """The head of a result, cells as text; None where there is none."""
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
