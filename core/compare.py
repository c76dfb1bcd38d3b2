"""Do two result sets say the same? The one definition for training, evaluation and the REPL.

Strict: the gold's column order, a number equal only to a number, row order only where the gold asks for it. Column
names say nothing.
"""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .records import ResultSet

TOLERANCE = 1e-6  # relative, of floats: sums taken in another order differ in their last digits
TINY = 1e-12  # absolute, for sums that cancel out to zero


def same_result(gold: ResultSet, predicted: ResultSet, ordered: bool) -> bool:
    """Whether two queries returned the same rows, as a bag or, when `ordered`, as a list.

    4079 equals 4079.0 but not '4079'; NULL equals NULL only; floats agree within TOLERANCE.
    """
    if len(gold.rows) != len(predicted.rows) or gold.truncated != predicted.truncated:
        return False
    if len(gold.columns) != len(predicted.columns):
        return False
    wanted = [tuple(map(_plain, row)) for row in gold.rows]
    found = [tuple(map(_plain, row)) for row in predicted.rows]
    if ordered:
        return all(map(_close, wanted, found))
    # equal rows cancel out first, so that only the few that differ in a last digit are compared one by one
    left, right = Counter(wanted), Counter(found)
    return _paired(list((left - right).elements()), list((right - left).elements()))


def _plain(value: Any) -> Any:
    """A value that hashes and compares as this module means it: numbers alike, bytes and text apart, one NaN."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ("nan",)
        return int(value) if value.is_integer() else value
    return value if value is None or isinstance(value, str | bytes) else str(value)


def _close(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return all(map(_same_value, left, right))


def _same_value(left: Any, right: Any) -> bool:
    if left == right:
        return True
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    # two whole numbers have no rounding to forgive
    if not numbers or (isinstance(left, int) and isinstance(right, int)):
        return False
    return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TINY)


def _paired(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> bool:
    """Whether each row left has a partner of its own right, none of them being quite equal.

    Rows are looked up by what must be equal, then by their first number give or take the tolerance.
    """
    if len(left) != len(right):
        return False
    right = sorted(right, key=_order)
    keys = [_order(row) for row in right]
    for row in sorted(left, key=_order):
        exact, numbers = _order(row)
        if not numbers or math.isinf(numbers[0]):
            return False
        slack = abs(numbers[0]) * TOLERANCE * 2 + TINY
        at = bisect_left(keys, (exact, (numbers[0] - slack,)))
        while at < len(keys) and keys[at][0] == exact and keys[at][1][0] <= numbers[0] + slack:
            if _close(row, right[at]):
                break
            at += 1
        else:
            return False
        del keys[at], right[at]
    return True


def _order(row: tuple[Any, ...]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    exact = tuple("" if isinstance(value, int | float) else repr(value) for value in row)
    return exact, tuple(value for value in row if isinstance(value, int | float))


def orders(sql: str, dialect: str = "sqlite") -> bool:
    """Whether a query sorts its result: an ORDER BY at the top level, not one in a sub-query.

    >>> orders("SELECT a FROM t ORDER BY a"), orders("SELECT a FROM (SELECT a FROM t ORDER BY a)")
    (True, False)
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except (SqlglotError, RecursionError):
        return bool(re.search(r"\border\s+by\b[^()]*\Z", sql, re.IGNORECASE))
    while isinstance(tree, exp.Subquery) and tree.args.get("order") is None:
        tree = tree.this
    return tree.args.get("order") is not None


TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\w+(?:\.\d+)?|<>|[<>!=]=|\|\||.""",
    re.DOTALL,
)


def exact_match(gold_sql: str, predicted_sql: str) -> bool:
    """Whether two queries are the same text but for case, blanks, comments, kinds of quotes and a last `;`.

    >>> exact_match('SELECT Name FROM pets WHERE kind = "dog"', "select name from pets where kind='dog';")
    True
    """
    gold, predicted = _tokens(gold_sql), _tokens(predicted_sql)
    return len(gold) == len(predicted) and all(map(_same_token, gold, predicted))


def _tokens(sql: str) -> list[tuple[str, str]]:
    """Pairs of a quote, empty for bare words and signs, and the text within."""
    out = []
    for token in TOKEN.findall(sql):
        if token.isspace() or token.startswith(("--", "/*")):
            continue
        if token[0] in "'\"`[" and len(token) > 1:
            out.append((token[0], token[1:-1].replace(token[0] * 2, token[0])))
        else:
            out.append(("", {"<>": "!=", "==": "="}.get(token, token.lower())))
    while out and out[-1] == ("", ";"):
        out.pop()
    return out


def _same_token(left: tuple[str, str], right: tuple[str, str]) -> bool:
    """Double quotes hold names in standard SQL and texts in much of what people write: they may match either."""
    quotes = {left[0], right[0]}
    if "'" in quotes or quotes == {'"'}:
        return quotes <= {"'", '"'} and left[1] == right[1]
    return left[1].lower() == right[1].lower()
