"""Do two result sets say the same? The one definition for training, evaluation and the REPL.

Strict: the gold's column order, a number equal only to a number, row order only where the gold asks for it. Column
names say nothing. Loose: the columns may stand in any order. Overlap: how much of rows and columns is shared.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..core.records import ResultSet

TOLERANCE = 1e-6  # relative, of floats: sums taken in another order differ in their last digits
TINY = 1e-12  # absolute, for sums that cancel out to zero
EXACT = 2.0**39  # below it a whole number is exact however it is stored: rounding errors do not reach the next one
MOST_STEPS = 2_000_000  # rows looked at in search of an order of columns; beyond it two results count as different
MOST_ROWS = 10_000  # rows of a result that its overlap is measured on: the first
MOST_PAIRS = 400  # pairs of columns compared for the overlap of columns


Row = tuple[Any, ...]
Groups = tuple[list[int], list[int]]
"""A number for each row left and right: rows of one number agree in the columns paired so far."""


def same_result(gold: ResultSet, predicted: ResultSet, ordered: bool) -> bool:
    """Return whether two queries returned the same rows, as a bag or, when `ordered`, as a list.

    4079 equals 4079.0 but not '4079'; NULL equals NULL only; floats agree within TOLERANCE, whole numbers below EXACT
    and integers only when they are the same.
    """
    if len(gold.rows) != len(predicted.rows) or gold.truncated != predicted.truncated:
        return False
    if len(gold.columns) != len(predicted.columns):
        return False
    if gold.rows == predicted.rows:  # as most right answers are
        return True
    wanted = [tuple(map(_plain, row)) for row in gold.rows]
    given = [tuple(map(_plain, row)) for row in predicted.rows]
    if ordered:
        return all(map(_close, wanted, given))
    # equal rows cancel out first, so that only the few that differ in a last digit are compared one by one
    return _paired(*_apart(wanted, given))


def all_among(cells: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether each of `cells` is one of `rows`, each used once; values as `same_result` compares them."""
    return _paired(*_apart([tuple(map(_plain, row)) for row in cells], [tuple(map(_plain, row)) for row in rows]))


def _apart(left: Sequence[Row], right: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of both sides that have no equal on the other."""
    left_bag, right_bag = Counter(left), Counter(right)
    return list((left_bag - right_bag).elements()), list((right_bag - left_bag).elements())


def same_loosely(gold: ResultSet, predicted: ResultSet, ordered: bool) -> bool:
    """Return whether `same_result` holds after putting the predicted columns in some order.

    Columns that hold the same values are tried for each other, one after the other, and each try must leave the rows
    so far the same bags; columns that are equal row by row are tried once. After MOST_STEPS rows looked at the answer
    is no: that takes many columns over the same few values.

    >>> one, other = ResultSet(("a", "b"), ((1, "x"), (2, "y"))), ResultSet(("b", "a"), (("y", 2), ("x", 1)))
    >>> same_loosely(one, other, ordered=False), same_loosely(one, other, ordered=True)
    (True, False)
    """
    if same_result(gold, predicted, ordered):
        return True
    width = len(gold.columns)
    if width < 2 or width != len(predicted.columns) or len(gold.rows) != len(predicted.rows) or not gold.rows:
        return False
    if gold.truncated != predicted.truncated:
        return False
    left, right = _columns(gold.rows, predicted.rows)
    partners: dict[Any, list[int]] = {}
    for place, column in enumerate(right):
        partners.setdefault(_bag(column, ordered), []).append(place)
    candidates = [partners.get(_bag(column, ordered), []) for column in left]
    turns = sorted(range(width), key=lambda place: len(candidates[place]))
    steps = MOST_STEPS

    def search(turn: int, taken: dict[int, int], groups: Groups) -> bool:
        """Find a partner for the gold's column `turns[turn]`; `groups` number the rows that agree so far."""
        nonlocal steps
        if turn == width:
            order = [taken[place] for place in range(width)]
            turned = tuple(tuple(row[place] for place in order) for row in predicted.rows)
            return same_result(gold, ResultSet(gold.columns, turned, predicted.truncated), ordered)
        place = turns[turn]
        tried: list[int] = []
        for other in candidates[place]:
            if other in taken.values() or any(right[other] == right[earlier] for earlier in tried):
                continue
            tried.append(other)
            steps -= len(gold.rows)
            if steps < 0:
                return False
            finer = _split(groups, left[place], right[other])
            if finer and search(turn + 1, {**taken, place: other}, finer):
                return True
        return False

    return search(0, {}, ([0] * len(gold.rows), [0] * len(gold.rows)))


def overlap(gold: ResultSet, predicted: ResultSet) -> tuple[float, float]:
    """Return F1 of the rows, as bags, and of the columns, each a bag of values: 1 when the same, 0 with none shared.

    Rows are compared in the columns' order, columns in the best pairs, each used once. Row order does not count. Of a
    long result the first MOST_ROWS rows are looked at; more than MOST_PAIRS pairs of columns are paired by place.

    >>> one, other = ResultSet(("a", "b"), ((1, "x"), (2, "y"))), ResultSet(("a", "b"), ((1, "x"), (2, "z")))
    >>> overlap(one, other)
    (0.5, 0.75)
    """
    wanted, given = gold.rows[:MOST_ROWS], predicted.rows[:MOST_ROWS]
    if not wanted and not given:
        same = float(len(gold.columns) == len(predicted.columns))
        return same, same
    if not wanted or not given:
        return 0.0, 0.0
    left, right = _columns(wanted, given)
    rows = 2 * _shared(Counter(zip(*left, strict=True)), Counter(zip(*right, strict=True)))
    bags, others = [Counter(column) for column in left], [Counter(column) for column in right]
    if len(bags) * len(others) > MOST_PAIRS:
        pairs = [(_shared(bag, other), i, i) for i, (bag, other) in enumerate(zip(bags, others, strict=False))]
    else:
        pairs = [(_shared(bag, other), i, j) for i, bag in enumerate(bags) for j, other in enumerate(others)]
    cells, used, taken = 0, set(), set()
    for shared, i, j in sorted(pairs, reverse=True):
        if i not in used and j not in taken:
            used.add(i)
            taken.add(j)
            cells += 2 * shared
    total = len(wanted) * len(left) + len(given) * len(right)
    return rows / (len(wanted) + len(given)), cells / total


def _shared(left: Counter[Any], right: Counter[Any]) -> int:
    if len(left) > len(right):
        left, right = right, left
    return sum(min(count, right[value]) for value, count in left.items() if value in right)


def _columns(left: Sequence[Any], right: Sequence[Any]) -> tuple[list[list[Any]], list[list[Any]]]:
    """Columns of two results, values that may be equal made equal: what is near a float becomes one value with it.

    Chains of close values become one, which is looser than `_same_value` and never tighter. Integers that no float is
    near stay apart.
    """
    rows = [[tuple(map(_plain, row)) for row in side] for side in (left, right)]
    numbers = sorted({value for side in rows for row in side for value in row if _finite(value)})
    stands: dict[float, float] = {}
    end = 0
    for value in numbers:
        if isinstance(value, float):
            slack = abs(value) * TOLERANCE * 2 + TINY
            first, after = bisect_left(numbers, value - slack), bisect_right(numbers, value + slack)
            stand = stands.get(numbers[first], numbers[first]) if first < end else numbers[first]
            stands.update((near, stand) for near in numbers[max(first, end) : after])
            end = max(end, after)
    if stands:
        rows = [
            [tuple(stands.get(v, v) if isinstance(v, int | float) else v for v in row) for row in side] for side in rows
        ]
    return [list(column) for column in zip(*rows[0], strict=True)], [list(c) for c in zip(*rows[1], strict=True)]


def _bag(column: Sequence[Any], ordered: bool) -> Any:
    return tuple(column) if ordered else frozenset(Counter(column).items())


def _split(
    groups: tuple[list[int], list[int]], left: list[Any], right: list[Any]
) -> tuple[list[int], list[int]] | None:
    """Number the rows anew by old number and value; None when the two sides then differ in how many rows have which."""
    numbers: dict[tuple[int, Any], int] = {}
    made: list[list[int]] = []
    for group, column in zip(groups, (left, right), strict=True):
        made.append([numbers.setdefault(key, len(numbers)) for key in zip(group, column, strict=True)])
    return (made[0], made[1]) if Counter(made[0]) == Counter(made[1]) else None


def _plain(value: Any) -> Any:
    """A value that hashes and compares as this module means it: numbers alike, bytes and text apart, one NaN.

    Integers and whole floats below EXACT become int, other floats stay. A Decimal is an integer when it is whole.
    """
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, Decimal):
        if value.is_finite() and value.adjusted() < 300 and value == value.to_integral_value():
            return int(value)
        value = math.nan if value.is_nan() else float(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ("nan",)
        return int(value) if abs(value) < EXACT and value.is_integer() else value
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
    return _near(left, right)


def _near(left: float, right: float) -> bool:
    try:
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TINY)
    except OverflowError:  # an integer beyond all floats
        return False


def _paired(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Whether each row left has a partner of its own right, none of them being quite equal.

    Rows are looked up by what must be equal, then by their first number give or take the tolerance.
    """
    right = sorted(right, key=_order)
    keys = [_order(row) for row in right]
    for row in sorted(left, key=_order):
        exact, numbers = _order(row)
        if not numbers:
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


def _order(row: Row) -> tuple[tuple[str, ...], tuple[float, ...]]:
    exact = tuple("" if _finite(value) else repr(value) for value in row)
    return exact, tuple(value for value in row if _finite(value))


def _finite(value: Any) -> bool:
    """Whether it is a number that another one can be near to."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def orders(sql: str, dialect: str = "sqlite") -> bool:
    """Return whether a query sorts its result: an ORDER BY at the top level, not one in a sub-query.

    >>> orders("SELECT a FROM t ORDER BY a"), orders("SELECT a FROM (SELECT a FROM t ORDER BY a)")
    (True, False)
    """
    if dialect == "sqlite":
        at_sight = _orders_at_sight(sql)
        if at_sight is not None:
            return at_sight
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


def _orders_at_sight(sql: str) -> bool | None:
    """What `orders` says, read off the words alone; None when only the tree can tell. A hundred times as quick.

    In a query that is not itself in brackets, an ORDER outside of all brackets sorts the whole.
    """
    depth, sorts = 0, False
    for quote, word in _tokens(sql):
        if quote:
            continue
        depth += (word == "(") - (word == ")")
        if depth < 0 or (word == ";" and depth == 0):
            return None
        sorts = sorts or (word == "order" and depth == 0)
    return sorts if depth == 0 and re.match(r"\s*(?:select|with)\b", sql, re.IGNORECASE) else None


TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\w+(?:\.\d+)?|<>|[<>!=]=|\|\||.""",
    re.DOTALL,
)


def exact_match(gold_sql: str, predicted_sql: str) -> bool:
    """Return whether two queries are the same text but for case, blanks, comments, kinds of quotes and a last `;`.

    >>> exact_match('SELECT Name FROM pets WHERE kind = "dog"', "select name from pets where kind='dog';")
    True
    """
    gold, predicted = _tokens(gold_sql), _tokens(predicted_sql)
    return len(gold) == len(predicted) and all(map(_same_token, gold, predicted))


@lru_cache(maxsize=8)
def _tokens(sql: str) -> tuple[tuple[str, str], ...]:
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
    return tuple(out)


def _same_token(left: tuple[str, str], right: tuple[str, str]) -> bool:
    """Double quotes hold names in standard SQL and texts in much of what people write: they may match either."""
    quotes = {left[0], right[0]}
    if "'" in quotes or quotes == {'"'}:
        return quotes <= {"'", '"'} and left[1] == right[1]
    return left[1].lower() == right[1].lower()
