"""Fuzzed copies of a database, on which a query that is right by luck is not right any more.

After the distilled test suites of Zhong et al. (2020). A copy has the schema of the original and other rows: keys
stay keys and references lead somewhere; the rest is drawn anew from each column's values, moved by one, made to tie,
left out; and what the gold queries ask for is planted just within and just outside. Of many such copies those are kept
that tell golds from their neighbours (evals/fuzz/neighbours.py).
"""

import contextlib
import hashlib
import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...core.errors import QueryError
from ...core.files import atomic_folder, sha256
from ...core.records import ResultSet
from ...core.settings import settings
from ...databases.sqlite import LONGEST_VALUE, allow_schema, connect, open_table_functions, query
from ...sql.compare import orders, same_loosely
from .filler import Fill, Filler
from .neighbours import neighbours

VERSION = 1  # raise it when copies come out in another way: part of the folder's name
COUNT = 8
DRAWN = 4  # copies drawn for each one that is kept
SECONDS = 2.0  # of one gold or neighbour; a gold that takes longer counts as failed
MAX_ROWS = 2000  # of a result that is compared here


@dataclass(frozen=True)
class Fuzzed:
    """Copies of one database and what they are good for.

    failed: golds that do not run on the original; empty: golds that return no row anywhere. Of `neighbours` queries,
    `lucky_before` return what their gold returns on the original, and `lucky` on all the copies too; some of these
    mean the same as their gold and can never be told from it.
    """

    paths: tuple[Path, ...]
    failed: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    neighbours: int = 0
    lucky_before: int = 0
    lucky: int = 0


def variants(database: Path, golds: Sequence[str], count: int = COUNT, seed: int = 0) -> tuple[Path, ...]:
    """Return the paths of `fuzz`."""
    return fuzz(database, golds, count, seed).paths


def fuzz(database: Path, golds: Sequence[str], count: int = COUNT, seed: int = 0) -> Fuzzed:
    """Make at most `count` fuzzed copies of a SQLite file, or find those made before in the cache folder.

    `golds` are all the gold queries asked about it. The same file, golds and seed give the same rows. Fewer copies are
    kept where fewer are of use. Raises DataError when the file cannot be read.
    """
    wanted = sorted(set(golds))
    parts = [sha256(database), wanted, count, seed, VERSION]
    name = f"{database.stem}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
    folder = settings().cache / "fuzzed" / name
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            _make(database, wanted, count, f"{seed} {name}", temporary)
    facts = json.loads((folder / "fuzzed.json").read_text(encoding="utf-8"))
    paths = tuple(folder / name for name in facts.pop("paths"))
    return Fuzzed(paths, tuple(facts.pop("failed")), tuple(facts.pop("empty")), **facts)


def _make(database: Path, golds: Sequence[str], count: int, seed: str, folder: Path) -> None:
    with contextlib.closing(connect(str(database))) as original:
        filler, schema = Filler(original, golds), _schema(original)
        suspects, failed, empty, total = _suspects(original, golds, filler.columns())
        lucky_before = sum(len(suspect.lucky) for suspect in suspects)
        copies: list[bytes] = []
        apart: list[set[tuple[int, int]]] = []
        for number in range(count * DRAWN if filler.tables else 0):
            with contextlib.closing(_empty(schema)) as connection:
                filler.fill(connection, Fill.drawn(random.Random(f"{seed} {number}"), number))
                copies.append(connection.serialize())
                apart.append(_distinguished(connection, suspects, empty))
    useful = [number for number in range(len(apart)) if not lucky_before or any(at >= 0 for _, at in apart[number])]
    if not useful:  # over a key alone nothing can be told apart, and rows are still better than none
        useful = [
            number for number in range(len(apart)) if any(not suspects[place].returns for place, _ in apart[number])
        ]
    kept = _chosen(apart, useful, count)
    names = [f"{database.stem}_{place}.sqlite" for place in range(1, len(kept) + 1)]
    for name, number in zip(names, kept, strict=True):
        (folder / name).write_bytes(copies[number])
    lucky = lucky_before - len({pair for number in kept for pair in apart[number] if pair[1] >= 0})
    facts = Fuzzed((), tuple(failed), tuple(sorted(empty)), total, lucky_before, lucky)
    (folder / "fuzzed.json").write_text(json.dumps({**asdict(facts), "paths": names}, indent=2), encoding="utf-8")


@dataclass(frozen=True)
class Suspect:
    """A gold and the neighbours that return the same as it does on the original database; whether that is any row."""

    gold: str
    ordered: bool
    lucky: tuple[str, ...]
    returns: bool = True


def _suspects(
    original: sqlite3.Connection, golds: Sequence[str], columns: dict[str, list[str]]
) -> tuple[list[Suspect], list[str], set[str], int]:
    """Golds with their lucky neighbours, golds that fail, golds that return nothing, and the number of neighbours."""
    suspects: list[Suspect] = []
    failed: list[str] = []
    empty: set[str] = set()
    total = 0
    for gold in golds:
        wanted = _ran(original, gold)
        if wanted is None:
            failed.append(gold)
            continue
        if not wanted.rows:
            empty.add(gold)
        ordered, lucky = orders(gold), []
        for neighbour in neighbours(gold, columns):
            rows = _ran(original, neighbour)
            total += rows is not None
            if rows is not None and same_loosely(wanted, rows, ordered):
                lucky.append(neighbour)
        suspects.append(Suspect(gold, ordered, tuple(lucky), bool(wanted.rows)))
    return suspects, failed, empty, total


def _distinguished(
    connection: sqlite3.Connection, suspects: Sequence[Suspect], empty: set[str]
) -> set[tuple[int, int]]:
    """Which neighbours return other rows than their golds on a copy, by place; -1 for each gold that returns rows.

    Golds that do leave `empty`.
    """
    apart = set()
    for place, suspect in enumerate(suspects):
        wanted = _ran(connection, suspect.gold)
        if wanted is None:
            continue
        if wanted.rows:
            empty.discard(suspect.gold)
            apart.add((place, -1))
        for at, neighbour in enumerate(suspect.lucky):
            rows = _ran(connection, neighbour)
            if rows is None or not same_loosely(wanted, rows, suspect.ordered):
                apart.add((place, at))
    return apart


def _chosen(apart: Sequence[set[tuple[int, int]]], useful: Sequence[int], count: int) -> list[int]:
    """Copies to keep: each time the one that distinguishes most; pairs distinguished before count a quarter."""
    counts: dict[tuple[int, int], int] = {}
    kept: list[int] = []
    while len(kept) < count:
        rest = [number for number in useful if number not in kept and apart[number]]
        if not rest:
            break
        best = max(rest, key=lambda number: sum(_worth(pair, counts.get(pair, 0)) for pair in apart[number]))
        kept.append(best)
        for pair in apart[best]:
            counts[pair] = counts.get(pair, 0) + 1
    return kept


def _worth(pair: tuple[int, int], times: int) -> float:
    """What it is worth to tell a neighbour once more, or, much less, that a gold returns rows once more."""
    return float((1 if pair[1] >= 0 else 0.05) * 0.25**times)


def _ran(connection: sqlite3.Connection, sql: str) -> ResultSet | None:
    try:
        return query(connection, sql, timeout=SECONDS, max_rows=MAX_ROWS)
    except QueryError:
        return None


def _empty(schema: Sequence[str]) -> sqlite3.Connection:
    """A database in memory with these tables, views and indexes, and no rows."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.text_factory = lambda data: data.decode(errors="replace")
    connection.set_authorizer(_only_create)
    for sql in schema:
        with contextlib.suppress(sqlite3.Error):  # what cannot be made again is missed by queries, and they say so
            connection.execute(sql)
    connection.set_authorizer(None)
    open_table_functions(connection)
    return connection


def _schema(original: sqlite3.Connection) -> list[str]:
    """What makes the tables, views and indexes of a database; no triggers, and no tables of other modules."""
    allow_schema(original)
    rows = original.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, rowid"
    ).fetchall()
    return [sql for (sql,) in rows]


CREATES = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_INSERT,  # into the table of tables
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_TRANSACTION,
}


def _only_create(action: int, first: str | None, second: str | None, base: str | None, inner: str | None) -> int:
    return sqlite3.SQLITE_OK if action in CREATES else sqlite3.SQLITE_DENY
