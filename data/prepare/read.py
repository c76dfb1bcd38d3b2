"""From sources to checked pairs in the store: read, parse schemas, lay out chunks, check them in worker processes."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.progress import progress
from ..sources.open_source import OpenSource
from .checked import Checked, Chunk, Parsed, check_chunk, parse_texts
from .store import keep_pair, many, note, noted
from .workers import work_in_processes

COMMIT = 2000  # rows
TEXTS = 500  # DDL texts that a worker parses at once
SMALL, LARGE = 150, 300  # rows of a chunk: schemas are put together up to SMALL, and cut at LARGE
KEPT = 1.0  # seconds after which what workers gave is committed
LONGEST_QUESTION = 2000  # characters


def read_source(store: sqlite3.Connection, place: int, source: OpenSource) -> None:
    """Put the rows of a source into the store as they are; goes on where it was stopped."""
    step = f"read {place}"
    begun = noted(store, step)
    if begun == "all":
        return
    skip = int(begun or 0)
    done = 0
    with progress(f"reading {source.name}", 0, "rows") as advance:
        for row in source.rows():
            done += 1
            if done <= skip:
                continue
            question = " ".join(f"{row.question} {row.evidence}".split()) if row.evidence else row.question
            fault = row.fault.partition(" (")[0] or ("empty question" if not question.strip() else "")
            fault = fault or ("question too long" if len(question) > LONGEST_QUESTION else "")
            ddl = _ddl(store, row.schema) if not row.db and not fault else None
            store.execute(
                "INSERT INTO row (source, number, question, sql, ddl, db, name, reason) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (place, row.number, question, row.sql, ddl, row.db, row.table_id, fault or None),
            )
            if done % COMMIT == 0:
                note(store, step, done)
                store.commit()
                advance(COMMIT)
    note(store, step, "all")
    store.commit()


def _ddl(store: sqlite3.Connection, text: str) -> int:
    hashed = hashlib.sha256(text.encode()).digest()[:16]
    found = store.execute("SELECT id FROM ddl WHERE hash = ?", (hashed,)).fetchone()
    if found:
        return int(found[0])
    return int(store.execute("INSERT INTO ddl (hash, text) VALUES (?, ?)", (hashed, text)).lastrowid or 0)


def parse_schemas(store: sqlite3.Connection) -> None:
    """Parse each DDL text once: its shape says which rows ask one schema."""
    waiting = "FROM ddl WHERE shape IS NULL AND reason IS NULL"
    (count,) = store.execute(f"SELECT count(*) {waiting}").fetchone()
    if not count:
        return

    def texts() -> Iterator[list[tuple[int, str]]]:
        last = 0
        while rows := store.execute(
            f"SELECT id, text {waiting} AND id > ? ORDER BY id LIMIT {TEXTS}", (last,)
        ).fetchall():
            last = rows[-1][0]
            yield rows

    with progress("reading schemas", count, "schemas") as advance:
        for chunk, parsed, _ in _kept(store, work_in_processes(parse_texts, texts(), few=count < TEXTS)):
            rows: Sequence[Parsed] = parsed
            store.executemany(
                "UPDATE ddl SET shape = ?, schema = ?, reason = ? WHERE id = ?",
                [(names, schema, why, number) for number, names, schema, why in rows],
            )
            advance(len(chunk))


def lay_out(store: sqlite3.Connection, sources: Sequence[OpenSource]) -> None:
    """Give each row the key of its database and its chunk. Rows of one shape, or of one `table_id`, share a key."""
    if noted(store, "chunks"):
        return
    store.execute(
        "UPDATE row SET reason = (SELECT reason FROM ddl WHERE ddl.id = row.ddl) WHERE reason IS NULL AND ddl NOT NULL"
    )
    for place, source in enumerate(sources):
        # PATH has one name here: keys stand in the files of pairs, where they name the schema
        name = Path(source.source.path).name or source.name
        store.execute(
            "UPDATE row SET key = ? || ':' || name WHERE source = ? AND name != '' AND ddl NOT NULL", (name, place)
        )
        store.execute("DROP TABLE IF EXISTS first")
        store.execute(
            "CREATE TEMP TABLE first AS SELECT shape, min(number) AS number FROM row JOIN ddl ON ddl.id = row.ddl "
            "WHERE source = ? AND shape NOT NULL GROUP BY shape",
            (place,),
        )
        store.execute("CREATE INDEX temp.by_shape ON first (shape)")
        store.execute(
            "UPDATE row SET key = ? || ':' || (SELECT first.number FROM first JOIN ddl ON ddl.shape = first.shape "
            "WHERE ddl.id = row.ddl) WHERE source = ? AND name = '' AND ddl NOT NULL AND reason IS NULL",
            (name, place),
        )
        store.execute("UPDATE row SET key = db WHERE source = ? AND db != ''", (place,))
    store.execute("CREATE INDEX IF NOT EXISTS row_key ON row (source, key, id)")
    _number_chunks(store)
    store.execute("CREATE INDEX IF NOT EXISTS row_chunk ON row (chunk)")
    note(store, "chunks")
    store.commit()


def _number_chunks(store: sqlite3.Connection) -> None:
    """Number the chunks: whole keys, put together while they are small, cut where they are large."""
    chunk, size, last = 0, 0, None
    for rows in many(store, "SELECT id, source, key FROM row WHERE reason IS NULL ORDER BY source, key, id"):
        numbered = []
        for number, source, key in rows:
            if (source, key) != last or size >= LARGE:
                chunk, size, last = chunk + 1, 0, (source, key)
            size += 1
            numbered.append((chunk, number))
        store.executemany("UPDATE row SET chunk = ? WHERE id = ?", numbered)


def check_rows(store: sqlite3.Connection, sources: Sequence[OpenSource]) -> None:
    """Check all rows that have no outcome yet, in worker processes; commits what each gives."""
    store.execute("CREATE TABLE IF NOT EXISTS finished (chunk INTEGER PRIMARY KEY)")
    where = "WHERE chunk NOT NULL AND chunk NOT IN (SELECT chunk FROM finished)"
    (count,) = store.execute(f"SELECT count(*) FROM row {where}").fetchone()
    if not count:
        return
    with progress("checking pairs", count, "pairs") as advance:
        for batch, checked, _ in _kept(
            store, work_in_processes(check_batch, _batches(store, sources), few=count < SMALL)
        ):
            for (number, chunk), outcome in zip(batch, checked, strict=True):
                _keep(store, outcome)
                store.execute("INSERT INTO finished VALUES (?)", (number,))
                advance(len(chunk.rows))


def _kept(
    store: sqlite3.Connection, finished: Iterator[tuple[Any, Any, frozenset[int]]]
) -> Iterator[tuple[Any, Any, frozenset[int]]]:
    """What workers gave, committed now and then and at the end: a commit for each batch costs more than it saves."""
    last = time.monotonic()
    for outcome in finished:
        yield outcome
        if time.monotonic() - last > KEPT:
            store.commit()
            last = time.monotonic()
    store.commit()


Batch = list[tuple[int, Chunk]]


def check_batch(batch: Batch, at: object, lost: frozenset[int]) -> list[Checked]:
    """Check several chunks, of which small schemas have many; places count the rows of all of them."""
    outcomes, begin = [], 0
    for _, chunk in batch:
        size, start = len(chunk.rows), begin
        given_up = frozenset(place - start for place in lost if start <= place < start + size)
        outcomes.append(check_chunk(chunk, lambda place, start=start: at(start + place), given_up))  # type: ignore[misc, operator]
        begin += size
    return outcomes


def _batches(store: sqlite3.Connection, sources: Sequence[OpenSource]) -> Iterator[Batch]:
    """The chunks that are not finished, several small ones at once."""
    batch: Batch = []
    size = last = 0
    while True:
        found = store.execute(
            "SELECT DISTINCT chunk FROM row WHERE chunk > ? AND chunk NOT IN (SELECT chunk FROM finished) "
            "ORDER BY chunk LIMIT 200",
            (last,),
        ).fetchall()
        if not found:
            break
        for (number,) in found:
            last = number
            chunk = _chunk(store, number, sources)
            batch.append((number, chunk))
            size += len(chunk.rows)
            if size >= SMALL:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _chunk(store: sqlite3.Connection, number: int, sources: Sequence[OpenSource]) -> Chunk:
    rows = store.execute(
        "SELECT row.id, number, question, sql, coalesce(ddl.text, ''), source, key, db FROM row "
        "LEFT JOIN ddl ON ddl.id = row.ddl WHERE chunk = ? ORDER BY row.id",
        (number,),
    ).fetchall()
    place, key, db = rows[0][5], rows[0][6], rows[0][7]
    ddls: list[tuple[str, str]] = []
    if not db:
        ddls = store.execute(
            "SELECT ddl.text, ddl.schema FROM row JOIN ddl ON ddl.id = row.ddl WHERE source = ? AND key = ? "
            "AND ddl.reason IS NULL GROUP BY ddl.id ORDER BY min(row.id)",
            (place, key),
        ).fetchall()
    name = Path(db).stem  # of a row over a file, its database takes the place of DDL
    asked = tuple((*row[:4], name) if db else tuple(row[:5]) for row in rows)
    return Chunk(sources[place].name, key, asked, tuple(ddls), db)


def _keep(store: sqlite3.Connection, checked: Checked) -> None:
    for number, pair in checked.pairs:
        (place,) = store.execute("SELECT source FROM row WHERE id = ?", (number,)).fetchone()
        keep_pair(store, number, place, pair)
    store.executemany("UPDATE row SET reason = ? WHERE id = ?", [(why, number) for number, why in checked.left_out])


def refuse_empty(store: sqlite3.Connection, sources: Sequence[OpenSource]) -> None:
    """Raise DataError for a source of which no row can be used: how many there are, and the most frequent reasons."""
    from ..sources.loaded import Loaded, nothing_left

    for place, source in enumerate(sources):
        if store.execute("SELECT 1 FROM pair WHERE source = ? LIMIT 1", (place,)).fetchone():
            continue
        loaded = Loaded()
        for reason, count in store.execute(
            "SELECT reason, count(*) FROM row WHERE source = ? GROUP BY reason ORDER BY count(*) DESC", (place,)
        ):
            loaded.left_out[reason or "unknown"] += count
            loaded.rows += count
        if set(loaded.left_out) == {"database missing"}:
            raise DataError(
                f"{source.source.path}: no question has its database there", fix="correct databases of that source"
            )
        raise nothing_left(Path(source.source.path), loaded)
