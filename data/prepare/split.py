"""Training and validation parts, no database in both. Databases of one schema go together, in whatever source they are.

Those go together of which one has all tables of the other, with the same columns. Views are not looked at.
"""

import random
import sqlite3
from array import array
from itertools import groupby

from .store import many

MOST_COMPARED = 50_000  # schemas of several tables that are compared as parts of each other


def split_by_database(store: sqlite3.Connection, share: float, rng: random.Random) -> None:
    """Mark the databases that are kept for validation: about `share` of them, and never all."""
    roots = _roots(store)
    store.executemany(
        "UPDATE database SET root = ?, held = 0 WHERE id = ?", ((roots[n], n) for n in range(1, len(roots)))
    )
    used = "id IN (SELECT root FROM database WHERE id IN (SELECT database FROM pair WHERE gone IS NULL))"
    (count,) = store.execute(f"SELECT count(*) FROM database WHERE {used}").fetchone()
    kept = min(count - 1, max(1, round(share * count))) if share and count > 1 else 0
    chosen = set(rng.sample(range(count), kept))
    place = 0
    for rows in many(store, f"SELECT id FROM database WHERE {used} ORDER BY name"):
        held = [row for at, row in enumerate(rows, place) if at in chosen]
        store.executemany("UPDATE database SET held = 1 WHERE root = ?", held)
        place += len(rows)
    store.commit()


def _roots(store: sqlite3.Connection) -> "array[int]":
    """For each database the one that it goes with; the place in the array is its id."""
    (last,) = store.execute("SELECT coalesce(max(id), 0) FROM database").fetchone()
    parent = array("q", range(last + 1))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def join(first: int, second: int) -> None:
        first, second = root(first), root(second)
        low, high = (first, second) if names[first] <= names[second] else (second, first)
        parent[high] = low

    names = _Ranks(store)
    store.execute("DROP TABLE IF EXISTS shaped")
    store.execute(
        "CREATE TEMP TABLE shaped AS SELECT DISTINCT tables, database FROM pair JOIN schema ON schema.id = pair.schema "
        "WHERE gone IS NULL"
    )
    store.execute("CREATE INDEX temp.shaped_tables ON shaped (tables)")
    several: dict[str, int] = {}
    for rows in many(store, "SELECT tables, database FROM shaped ORDER BY tables, database", size=5000):
        for tables, group in groupby(rows, key=lambda row: row[0]):
            databases = [row[1] for row in group]
            owner = several.get(tables, databases[0])
            for other in databases:
                join(owner, other)
            if " " in tables and len(several) < MOST_COMPARED:
                several[tables] = owner
    _join_across_batches(store, join)
    for tables, owner in several.items():
        for table in tables.split():
            found = store.execute("SELECT database FROM shaped WHERE tables = ? LIMIT 1", (table,)).fetchone()
            if found:
                join(owner, found[0])
    having: dict[str, list[str]] = {}
    for tables in several:
        for table in tables.split():
            having.setdefault(table, []).append(tables)
    for tables, owner in several.items():
        parts = set(tables.split())
        for other in min((having[table] for table in parts), key=len):
            if parts < set(other.split()):
                join(owner, several[other])
    return array("q", (root(number) for number in range(last + 1)))


def _join_across_batches(store: sqlite3.Connection, join: object) -> None:
    """Databases of one schema that stood in two batches of the loop above."""
    query = "SELECT min(database), max(database) FROM shaped GROUP BY tables HAVING count(*) > 1"
    for rows in many(store, query):
        for first, second in rows:
            join(first, second)  # type: ignore[operator]


class _Ranks:
    """The order of databases by name, which says which of two that go together is named."""

    def __init__(self, store: sqlite3.Connection) -> None:
        (last,) = store.execute("SELECT coalesce(max(id), 0) FROM database").fetchone()
        self.ranks = array("q", bytes(8 * (last + 1)))
        for place, (number,) in enumerate(store.execute("SELECT id FROM database ORDER BY name")):
            self.ranks[number] = place

    def __getitem__(self, number: int) -> int:
        return self.ranks[number]
