"""Which of the checked pairs are used: marks, duplicates, contradictions, limits, weights, balance, in this order."""

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ...core.errors import DataError, QueryError
from ...core.recipe import Data
from ...core.records import Schema
from ...databases.sqlite import run
from ...sql.query_class import MAIN, main_class
from ..clean.trial_database import trial_database, trial_rows
from ..pairs import schema_from
from ..sources.open_source import OpenSource
from .audit import MARKS
from .store import many

SECONDS, ROWS = 5.0, 5000  # of a query that is compared with another over a real database
COMPARED = 50  # questions of one query that a question is compared with
DUPLICATE, NEAR, CONTRADICTS = "duplicate", "near duplicate", "contradicts another pair"
LIMIT, WEIGHT, BALANCE = "over the limit", "left out by its weight", "left out for balance"


def choose_pairs(store: sqlite3.Connection, data: Data, sources: Sequence[OpenSource], rng: random.Random) -> None:
    """Say of each pair in the store why it is not used, or how often it is. Always begins anew."""
    store.execute("DELETE FROM pair WHERE marks LIKE 'rewritten%'")
    store.execute("UPDATE pair SET gone = NULL, times = 1")
    for mark in data.drop:
        store.execute(
            "UPDATE pair SET gone = ? WHERE gone IS NULL AND ' ' || marks || ' ' LIKE ?", (mark, f"% {mark} %")
        )
    _leave_out_duplicates(store)
    _leave_out_contradictions(store)
    if data.near_duplicates < 1:
        _leave_out_near_duplicates(store, 100 * data.near_duplicates)
    for place, source in enumerate(sources):
        if source.source.limit:
            _leave_out(store, LIMIT, "source = ?", (place,), source.source.limit, rng)
        if source.source.weight != 1:
            _weigh(store, place, source.source.weight, rng)
    if data.balance < 1:
        _balance(store, data.balance, rng)
    store.commit()


def class_counts(store: sqlite3.Connection, where: str = "1") -> dict[str, int]:
    """Count pairs by the class that each is counted under."""
    counts: Counter[str] = Counter()
    for classes, count in store.execute(f"SELECT class, count(*) FROM pair WHERE {where} GROUP BY class"):
        counts[main_class(classes.split())] += count
    return {name: counts[name] for name in MAIN if counts[name]}


def check_marks(data: Data) -> None:
    """Raise DataError for a mark of `data.drop` that the audit does not give."""
    unknown = next((mark for mark in data.drop if mark not in MARKS), None)
    if unknown is not None:
        raise DataError(f"data.drop: {unknown} is no mark", fix=f"known: {', '.join(MARKS)}")


def _leave_out_duplicates(store: sqlite3.Connection) -> None:
    """Of pairs with one question, schema and query, keep the first."""
    store.execute(
        "UPDATE pair SET gone = ? WHERE gone IS NULL AND id NOT IN (SELECT min(pair.id) FROM pair JOIN schema "
        "ON schema.id = pair.schema WHERE gone IS NULL GROUP BY folded, tables, sql)",
        (DUPLICATE,),
    )


def _leave_out_contradictions(store: sqlite3.Connection) -> None:
    """Leave out all pairs of a question and schema whose queries return other rows; of those that agree, keep one."""
    store.execute("DROP TABLE IF EXISTS doubted")
    store.execute(
        "CREATE TEMP TABLE doubted AS SELECT folded, tables FROM pair JOIN schema ON schema.id = pair.schema "
        "WHERE gone IS NULL GROUP BY folded, tables HAVING count(*) > 1"
    )
    for rows in many(store, "SELECT folded, tables FROM doubted ORDER BY folded, tables", size=100):
        for folded, tables in rows:
            group = store.execute(
                "SELECT pair.id, pair.sql, schema.json, coalesce(row.db, '') FROM pair JOIN schema "
                "ON schema.id = pair.schema LEFT JOIN row ON row.id = pair.id "
                "WHERE gone IS NULL AND folded = ? AND tables = ? ORDER BY pair.id",
                (folded, tables),
            ).fetchall()
            agree = _agree(group)
            gone = [(DUPLICATE, row[0]) for row in group[1:]] if agree else [(CONTRADICTS, row[0]) for row in group]
            store.executemany("UPDATE pair SET gone = ? WHERE id = ?", gone)


def _agree(group: Sequence[tuple[int, str, str, str]]) -> bool:
    """Tell whether queries return the same rows, over their database or over rows that they name."""
    queries = [row[1] for row in group]
    database = group[0][3]
    try:
        if database:
            results = [sorted(map(repr, run(database, sql, timeout=SECONDS, max_rows=ROWS).rows)) for sql in queries]
            return all(result == results[0] for result in results)
        schema: Schema = schema_from(json.loads(group[0][2]))
        with trial_database(schema) as trial:
            together = " ".join(queries)
            tried = trial_rows(queries, trial, together, False)
            return all(not isinstance(rows, QueryError) and rows == tried[0] for rows in tried)
    except (DataError, QueryError):
        return False


def _leave_out_near_duplicates(store: sqlite3.Connection, least: float) -> None:
    """Of pairs with one schema and query, leave out those whose questions are nearly one that is kept."""
    from rapidfuzz import fuzz

    kept: list[str] = []
    last: tuple[str, str] | None = None
    query = (
        "SELECT pair.id, folded, tables, sql FROM pair JOIN schema ON schema.id = pair.schema WHERE gone IS NULL "
        "ORDER BY tables, sql, pair.id"
    )
    for rows in many(store, query):
        gone = []
        for number, folded, tables, sql in rows:
            if (tables, sql) != last:
                kept, last = [], (tables, sql)
            if any(fuzz.ratio(folded, other, score_cutoff=least) for other in kept[-COMPARED:]):
                gone.append((NEAR, number))
            else:
                kept.append(folded)
        store.executemany("UPDATE pair SET gone = ? WHERE id = ?", gone)


def _leave_out(
    store: sqlite3.Connection, reason: str, where: str, values: tuple[object, ...], most: int, rng: random.Random
) -> None:
    """Leave out pairs at random until there are no more than `most`."""
    numbers = [
        row[0] for row in store.execute(f"SELECT id FROM pair WHERE gone IS NULL AND {where} ORDER BY id", values)
    ]
    if len(numbers) > most:
        kept = set(rng.sample(range(len(numbers)), most))
        gone = ((reason, number) for place, number in enumerate(numbers) if place not in kept)
        store.executemany("UPDATE pair SET gone = ? WHERE id = ?", gone)


def _weigh(store: sqlite3.Connection, place: int, weight: float, rng: random.Random) -> None:
    whole, part = divmod(weight, 1)
    numbers = [
        row[0] for row in store.execute("SELECT id FROM pair WHERE gone IS NULL AND source = ? ORDER BY id", (place,))
    ]
    times = [(int(whole) + (rng.random() < part), number) for number in numbers]
    store.executemany("UPDATE pair SET times = ? WHERE id = ?", times)
    store.executemany("UPDATE pair SET gone = ? WHERE id = ?", [(WEIGHT, number) for many, number in times if not many])


def _balance(store: sqlite3.Connection, share: float, rng: random.Random) -> None:
    """Leave out pairs of the classes that are larger than their share."""
    most = cap(class_counts(store, "gone IS NULL"), share)
    for name, count in class_counts(store, "gone IS NULL").items():
        if count > most:
            numbers = list(_of_class(store, name))
            kept = set(rng.sample(range(len(numbers)), most))
            gone = ((BALANCE, number) for place, number in enumerate(numbers) if place not in kept)
            store.executemany("UPDATE pair SET gone = ? WHERE id = ?", gone)


def _of_class(store: sqlite3.Connection, name: str) -> Iterator[int]:
    for rows in many(store, "SELECT id, class FROM pair WHERE gone IS NULL ORDER BY id"):
        yield from (number for number, classes in rows if main_class(classes.split()) == name)


def cap(counts: Mapping[str, int], share: float) -> int:
    """Return how many pairs a class may have so that none has more than its share of what is left.

    Where that cannot be, the smallest class says how many.

    >>> cap({"filter": 900, "join": 100, "group": 100}, 0.5)
    200
    >>> cap({"filter": 900, "join": 100}, 0.2)
    100
    """
    low, high = min(counts.values(), default=0), max(counts.values(), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= share * sum(min(count, middle) for count in counts.values()):
            low = middle
        else:
            high = middle - 1
    return low
