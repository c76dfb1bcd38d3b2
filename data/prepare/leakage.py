"""How much of an evaluation file stands in the training pairs: by question, by shape of query and by schema."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import DataError
from ...databases.cells import flat
from ...databases.introspect import introspect
from ...sql.ddl.parse import parse_ddl
from ...sql.skeleton import skeleton
from ..sources.file_rows import file_rows
from ..sources.pair_rows import PairRow, pair_rows
from ..sources.question_files import database_file
from ..sources.wikisql import holds_table, is_wikisql, wikisql_rows
from .checked import tables_of
from .store import many

ALIKE = 0.8  # shared words of two questions, of all their words, from which on they are near
WORDS = 4  # words of a question that is compared so; shorter ones are alike by chance
EXAMPLES = 20
WORD = re.compile(r"[^\W_]+")


@dataclass
class Leakage:
    """Counts of evaluation questions: `total`; those that stand in the training part, `exact`; those of which nearly
    all words do, `near`; those whose query has a skeleton that is trained, `skeleton`; those that ask a schema that is
    trained, `schema`, or one that shares half of its tables, `near_schema`. `examples` are pairs of questions."""

    total: int = 0
    exact: int = 0
    near: int = 0
    skeleton: int = 0
    schema: int = 0
    near_schema: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of the questions that stand in the training part, exactly or nearly."""
        return (self.exact + self.near) / self.total if self.total else 0.0


def find_leakage(store: sqlite3.Connection, against: Path, databases: Path | None) -> Leakage:
    """Compare the pairs that are used for training with the questions of a file. Raises DataError for a broken file."""
    rows = [row for row in _questions(against) if row.question]
    if not rows:
        raise DataError(f"{against}: no questions", fix="give a file of evaluation questions")
    folded = [flat(row.question) for row in rows]
    words = [_words(text) for text in folded]
    exact: dict[str, list[int]] = {}
    postings: dict[str, list[int]] = {}
    for place, text in enumerate(folded):
        exact.setdefault(text, []).append(place)
        if len(words[place]) >= WORDS:
            for word in words[place]:
                postings.setdefault(word, []).append(place)
    rare = {word: places for word, places in postings.items() if len(places) <= max(20, len(rows) // 10)}
    found: dict[int, str] = {}
    nearly: dict[int, str] = {}
    query = (
        "SELECT question, folded FROM pair JOIN database ON database.id = pair.database WHERE gone IS NULL AND held = 0"
    )
    for batch in many(store, query):
        for question, text in batch:
            for place in exact.get(text, ()):
                found.setdefault(place, question)
            own = _words(text)
            for place in _candidates(own, rare, words):
                nearly.setdefault(place, question)
    near = {place: question for place, question in nearly.items() if place not in found}
    shapes = [skeleton(row.sql) for row in rows]
    trained = {row[0] for row in store.execute("SELECT DISTINCT skeleton FROM pair WHERE gone IS NULL")}
    schema, near_schema = _schemas(store, rows, databases)
    examples = [(rows[place].question, question) for place, question in sorted({**found, **near}.items())]
    return Leakage(
        len(rows),
        len(found),
        len(near),
        sum(shape in trained for shape in shapes),
        schema,
        near_schema,
        examples[:EXAMPLES],
    )


def check_against(against: Path, databases: Path | None) -> None:
    """Raise DataError where there is no such file of questions, or no such folder of databases."""
    if not against.is_file():
        raise DataError(f"{against}: no such question file", fix="check the path given with --against")
    if databases is not None and not databases.is_dir():
        raise DataError(f"{databases}: no such folder", fix="check the path given with --databases")


def _words(text: str) -> frozenset[str]:
    """The words of a question; one number is like another."""
    return frozenset("#" if word.isdigit() else word for word in WORD.findall(text))


def _candidates(own: frozenset[str], rare: dict[str, list[int]], words: list[frozenset[str]]) -> list[int]:
    """The evaluation questions that share nearly all words with a question."""
    if len(own) < WORDS:
        return []
    shared: Counter[int] = Counter()
    for word in own:
        shared.update(rare.get(word, ()))
    return [place for place in shared if len(own & words[place]) >= ALIKE * len(own | words[place])]


def _questions(path: Path) -> Iterator[PairRow]:
    first = next(file_rows(path, lambda names: "", "give a file of questions"))[1]
    if is_wikisql(first) or holds_table(first):
        return wikisql_rows(path)
    return pair_rows(path, needs_place=False)


def _schemas(store: sqlite3.Connection, rows: list[PairRow], databases: Path | None) -> tuple[int, int]:
    """How many questions ask a schema that is trained, and how many one of which half is."""
    store.execute("CREATE TEMP TABLE IF NOT EXISTS trained_table (hash TEXT PRIMARY KEY) WITHOUT ROWID")
    store.execute("DELETE FROM trained_table")
    whole = (
        "SELECT DISTINCT tables FROM schema WHERE id IN (SELECT schema FROM pair JOIN database "
        "ON database.id = pair.database WHERE gone IS NULL AND held = 0)"
    )
    store.execute("DROP TABLE IF EXISTS trained_schema")
    store.execute(f"CREATE TEMP TABLE trained_schema AS {whole}")
    store.execute("CREATE INDEX temp.trained_tables ON trained_schema (tables)")
    for batch in many(store, "SELECT tables FROM trained_schema"):
        hashes = [(table,) for (tables,) in batch for table in tables.split()]
        store.executemany("INSERT OR IGNORE INTO trained_table VALUES (?)", hashes)
    known: dict[str, str] = {}
    same = near = 0
    for row in rows:
        place = row.schema or row.db
        if place not in known:
            known[place] = _tables(row, databases)
        tables = known[place]
        if not tables:
            continue
        if store.execute("SELECT 1 FROM trained_schema WHERE tables = ?", (tables,)).fetchone():
            same += 1
            continue
        parts = tables.split()
        hits = sum(
            store.execute("SELECT 1 FROM trained_table WHERE hash = ?", (table,)).fetchone() is not None
            for table in parts
        )
        near += 2 * hits >= len(parts)
    return same, near


def _tables(row: PairRow, databases: Path | None) -> str:
    try:
        if row.schema:
            return tables_of(parse_ddl(row.schema))
        if row.db and databases is not None:
            file = databases / row.db
            return tables_of(introspect(str(file if file.is_file() else database_file(databases, row.db))))
    except DataError:
        pass
    return ""
