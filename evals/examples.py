"""The telling examples of a report, as texts that a page can hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import category

from .metrics import Row
from .telling import Shown, telling, with_tables

ROWS, COLUMNS, CELL, ANSWER, ERROR = 5, 6, 60, 1200, 200  # rows and columns of a table; characters of the others
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn the direction of what follows


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


def cut(text: str, most: int) -> str:
    """Text as a page can hold it: no lone surrogates or control characters, and a note of what was cut.

    >>> cut("a" * 30, 10), cut("a\\x00b", 10)
    ('aaaaaaaaaa… (20 more characters)', 'a�b')
    """
    more = len(text) - most
    text = text[:most].encode("utf-8", "replace").decode("utf-8")
    odd = {sign for sign in set(text) - {"\n", "\t"} if category(sign) == "Cc"} | TURNS
    text = text.translate({ord(sign): "\ufffd" for sign in odd})
    return f"{text}… ({more:,} more characters)" if more > 0 else text
