"""Why is an answer wrong? One main cause by rule, from the database's error and the clauses of the two queries.

A wrong answer often differs from the reference query in several ways, and some bring others with them: a wrong table
brings wrong columns, a missing sub-query its missing filter. So the causes have an order, that of CAUSES: first what
kept the query from running, then from the shape of the query inwards (set operation, sub-query, tables, joins) to its
parts (what is selected, filtered, grouped, sorted, cut). The first that applies is the main one; a rule does not know
which of two independent faults is worse. Two ways of writing the same are no cause (evals/queries/clauses.py), so an
answer may differ in nothing that a rule sees: `other`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ...core.errors import QueryError, QueryErrorKind
from ...core.records import Schema
from ...sql.names import columns_of
from .clauses import Clauses, Filter, clauses
from .columns import Item

T = TypeVar("T")
MOST_PAIRS = 2_500  # of things that are compared each with each

CAUSES = {
    "no query": "the answer is empty or only prose",
    "refused": "it writes, or is several statements",
    "syntax error": "the database cannot read it",
    "timeout": "it was stopped because it took too long",
    "too much memory": "it was stopped because it took too much memory",
    "invented table": "it names a table that the schema does not have",
    "invented column": "it names a column that no table has",
    "misplaced column": "it takes a column from a table that does not have it; another table does",
    "other database error": "the database refused it for another reason, as two columns of one name",
    "gold fails": "the reference query itself fails, so no answer can be right",
    "column order": "the right columns in another order",
    "wrong set operation": "UNION, INTERSECT or EXCEPT is missing, not wanted, or another one",
    "missing subquery": "a sub-query is missing",
    "extra subquery": "a sub-query is not wanted",
    "wrong table": "it reads another table",
    "missing join": "it leaves out a table",
    "extra join": "it joins a table that is not wanted",
    "wrong join condition": "the right tables, joined by other columns or another kind of join",
    "wrong column": "it selects another column, or too few or too many",
    "wrong aggregate": "it counts, sums or averages where it should not, or the other way round",
    "missing filter": "a condition is missing",
    "extra filter": "a condition is not wanted",
    "wrong filter column": "a condition on another column",
    "wrong operator": "a condition with another comparison, or OR for AND",
    "wrong filter value": "a condition with another value",
    "missing group": "GROUP BY is missing",
    "wrong group": "it groups by something else, or should not group",
    "missing distinct": "rows come twice that should come once",
    "extra distinct": "rows come once that should come more often",
    "missing order": "ORDER BY is missing",
    "wrong order": "it sorts by something else, or the other way round",
    "wrong limit": "LIMIT is missing, not wanted, or another number",
    "other": "no rule finds the cause",
}
"""Every cause in its order of precedence, with one line for the report."""

STATEMENT = re.compile(
    r"[\s(]*(?:(?:select|values|insert|update|delete|replace|create|drop|alter|truncate|merge|pragma|attach|detach|"
    r"explain|begin|commit|rollback|savepoint|vacuum|analyze|reindex)\b|with\s+(?:recursive\s+)?\S+?\s*(?:\(|as\b))",
    re.IGNORECASE,
)
OF_KIND: dict[QueryErrorKind, str] = {
    "no_query": "no query",
    "refused": "refused",
    "syntax": "syntax error",
    "timeout": "timeout",
    "memory": "too much memory",
    "too_large": "too much memory",
    "missing_table": "invented table",
}
"""The cause that each kind of error means; a missing column is looked at more closely, the rest is another error."""


def cause(
    gold: str,
    predicted: str,
    error: QueryError | None,
    schema: Schema,
    *,
    lenient: bool = False,
    gold_error: str = "",
) -> str:
    """Name the main cause of a wrong answer: one of CAUSES.

    `error` is why `predicted` did not run, None when it ran; `lenient`, whether its rows are the reference query's but
    for the order of columns. Never raises; 1 to 2 ms, and less where the text is too long to be parsed.

    >>> from ...core.records import Column, Table
    >>> pets = Schema((Table("pets", (Column("name", "text"), Column("age", "int"))),))
    >>> cause("SELECT name FROM pets WHERE age > 3", "SELECT name FROM pets WHERE age > 2", None, pets)
    'wrong filter value'
    >>> error = QueryError("no such column: nick", kind="missing_column", name="nick")
    >>> cause("SELECT name FROM pets", "SELECT nick FROM pets", error, pets)
    'invented column'
    """
    return causes(gold, predicted, error, schema, lenient=lenient, gold_error=gold_error)[0]


def causes(
    gold: str,
    predicted: str,
    error: QueryError | None,
    schema: Schema,
    *,
    lenient: bool = False,
    gold_error: str = "",
) -> tuple[str, ...]:
    """Name all causes that apply, in the order of CAUSES; at least one."""
    if not STATEMENT.match(_bare(predicted)):
        return ("no query",)
    names = [_of_error(error, predicted, schema)] if error else ["gold fails"] if gold_error else []
    if lenient:
        names.append("column order")
    wanted, given = clauses(gold, schema), clauses(predicted, schema)
    if wanted is not None and given is not None:
        names += _differences(wanted, given)
        if not names and _counts_otherwise(wanted, given):
            names.append("wrong aggregate")
    return tuple(name for name in CAUSES if name in names) or ("other",)


def _bare(sql: str) -> str:
    """The beginning without comments."""
    return re.sub(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))+", "", sql, flags=re.DOTALL)


def _of_error(error: QueryError, predicted: str, schema: Schema) -> str:
    """The cause that an error means."""
    if error.kind == "missing_column":
        return _missing_column(error.name, predicted, schema)
    return OF_KIND.get(error.kind, "other database error")


def _missing_column(name: str, predicted: str, schema: Schema) -> str:
    """A column that is not there: invented, or a real one whose table is not joined, or not the one that is asked."""
    *table, column = (part.strip("\"'`[] ").lower() for part in name.split("."))
    owners = {its for its, columns in columns_of(schema).items() if column in columns}
    if not owners:
        return "invented column"
    if table and table[-1] in owners:
        owners = {table[-1]}
    given = clauses(predicted, schema)
    return "misplaced column" if given is None or owners & set(given.tables) else "missing join"


def _differences(gold: Clauses, given: Clauses) -> Iterator[str]:
    """Each difference between two queries, in no order."""
    yield from _shape(gold, given)
    shape = (gold.sets, gold.nested, gold.within, gold.without)
    same_shape = shape == (given.sets, given.nested, given.within, given.without)
    tables = list(_tables(gold.tables, given.tables, count=same_shape))
    yield from tables
    same_joins = gold.joins == given.joins if same_shape else set(gold.joins) == set(given.joins)
    if not tables and not (same_joins and gold.sides == given.sides):
        yield "wrong join condition"
    yield from _items(gold.items, given.items)
    if same_shape:
        yield from _items(gold.inner, given.inner)
    yield from _filters(gold.filters, given.filters)
    if gold.ors != given.ors and Counter(gold.filters) == Counter(given.filters):
        yield "wrong operator"
    if gold.groups != given.groups:
        yield "missing group" if len(given.groups) < len(gold.groups) else "wrong group"
    if gold.distinct != given.distinct:
        yield "missing distinct" if given.distinct < gold.distinct else "extra distinct"
    if len(given.orders) < len(gold.orders):
        yield "missing order"
    elif any(theirs[: len(ours)] != ours for ours, theirs in zip(gold.orders, given.orders, strict=False)):
        yield "wrong order"
    if Counter(gold.limits) != Counter(given.limits):
        yield "wrong limit"
    if gold.items != given.items and Counter(gold.items) == Counter(given.items):
        yield "column order"


def _counts_otherwise(gold: Clauses, given: Clauses) -> bool:
    """COUNT(x) leaves out NULLs and COUNT(*) does not: a cause where there is no other."""
    return [item.exact for item in gold.items] != [item.exact for item in given.items]


def _shape(gold: Clauses, given: Clauses) -> Iterator[str]:
    """Set operations and sub-queries; EXCEPT may be NOT IN, INTERSECT may be IN, and IN may be a join."""
    ours, theirs = Counter(gold.sets), Counter(given.sets)
    others = set((ours - theirs) + (theirs - ours))
    if gold.without == given.without:
        others.discard("except")
    if gold.within == given.within:
        others.discard("intersect")
    if others or (ours == theirs and gold.sets != given.sets):
        yield "wrong set operation"
        return
    nested, within, without = (
        gold.nested - given.nested,
        gold.within - given.within,
        gold.without - given.without,
    )
    if without and within == -without:
        yield "wrong operator"  # IN for NOT IN
        within = without = 0
    less = Counter(gold.tables) - Counter(given.tables)
    more = Counter(given.tables) - Counter(gold.tables)
    if nested > 0 or without > 0 or (within > 0 and less):
        yield "missing subquery"
    elif nested < 0 or without < 0 or (within < 0 and more):
        yield "extra subquery"


def _tables(gold: Sequence[str], given: Sequence[str], count: bool) -> Iterator[str]:
    """`count`: whether a table that stands twice must do so in both."""
    ours = Counter(gold) if count else Counter(set(gold))
    theirs = Counter(given) if count else Counter(set(given))
    less, more = ours - theirs, theirs - ours
    if less and more:
        yield "wrong table"
    elif less:
        yield "missing join"
    elif more:
        yield "extra join"


def _items(gold: Iterable[Item], given: Iterable[Item]) -> Iterator[str]:
    for ours, theirs in _pairs(gold, given, _item_likeness):
        if ours is None or theirs is None:
            yield "wrong column"
        else:
            yield from _item(ours, theirs, "wrong column")


def _item(ours: Item, theirs: Item, column: str) -> Iterator[str]:
    """How two items differ; `column` is the cause to name when it is in their columns."""
    if ours.function != theirs.function:
        yield "wrong aggregate"
    elif ours.distinct != theirs.distinct:
        yield "missing distinct" if ours.distinct else "extra distinct"
    elif ours.column != theirs.column:
        yield column


def _item_likeness(ours: Item, theirs: Item) -> int:
    return 2 * (ours.column == theirs.column) + 2 * (ours.function == theirs.function) * bool(ours.function)


def _filters(gold: Iterable[Filter], given: Iterable[Filter]) -> Iterator[str]:
    for ours, theirs in _pairs(gold, given, _filter_likeness):
        if ours is None:
            yield "extra filter"
        elif theirs is None:
            yield "missing filter"
        elif ours.item != theirs.item:
            yield from _item(ours.item, theirs.item, "wrong filter column")
        else:
            if ours.op != theirs.op:
                yield "wrong operator"
            if ours.value != theirs.value and "(query)" not in (ours.value, theirs.value):
                yield "wrong filter value"


def _filter_likeness(ours: Filter, theirs: Filter) -> int:
    same = 4 * (ours.item == theirs.item) + 2 * (ours.value == theirs.value) + (ours.op == theirs.op)
    return same + _item_likeness(ours.item, theirs.item)


def _pairs(
    gold: Iterable[T], given: Iterable[T], likeness: Callable[[T, T], int]
) -> Iterator[tuple[T | None, T | None]]:
    """What is in only one of the two bags, the most alike together; None where one has no partner."""
    ours, theirs = Counter(gold), Counter(given)
    less, more = list((ours - theirs).elements()), list((theirs - ours).elements())
    if len(less) * len(more) < MOST_PAIRS:
        ranked = sorted(
            ((-likeness(lacking, extra), i, j) for i, lacking in enumerate(less) for j, extra in enumerate(more)),
        )
    else:
        ranked = [(0, i, i) for i in range(min(len(less), len(more)))]
    left, right = set(range(len(less))), set(range(len(more)))
    for _, i, j in ranked:
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            yield less[i], more[j]
    yield from ((less[i], None) for i in sorted(left))
    yield from ((None, more[j]) for j in sorted(right))
