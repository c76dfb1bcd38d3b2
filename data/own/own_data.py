"""The user's own database and pairs in a recipe: where they are, and which questions are kept for the test.

Of the user's own pairs up to a third is kept, and no query is in both parts. Beside them the model is tested on
synthesised questions of kinds that it was not trained on.
"""

import itertools
import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from ...core.recipe import Data, Source
from ...databases.introspect import introspect
from ..pairs import write_lines
from ..synthesis.synthesise import synthesise
from .sample_shop import SAMPLE, pairs_of, sample_shop
from .synthesise_own import own_names

OWN = "own"
"""Name of the source of the user's own pairs."""
KEPT = "kept for the test"
LEAST, MOST = 5, 100  # pairs that are kept for the test
FEWEST = 15  # pairs of which some are kept
SYNTHETIC = 40  # synthesised questions of the test
HELD_OUT, HELD_OUT_SYNTHETIC = "held_out.jsonl", "held_out_synthetic.jsonl"


@dataclass(frozen=True)
class OwnData:
    """The database, the files of pairs to train, and those of pairs that are the test as a whole."""

    db: Path
    pairs: tuple[Path, ...]
    test: tuple[Path, ...] = ()

    def sources(self, weight: float) -> tuple[Source, ...]:
        """Return the files of pairs as sources of a recipe."""
        return tuple(Source(path=str(file), name=OWN, db=str(self.db), weight=weight) for file in self.pairs)


def own_data(data: Data) -> OwnData | None:
    """Return what a recipe says of the user's own database; None where it names none. Raises DataError."""
    if not data.db:
        if data.pairs:
            raise DataError("data.pairs: no database that these pairs ask", fix="--set data.db=FILE.sqlite")
        return None
    if data.db == SAMPLE:
        shop = sample_shop()
        own = tuple(map(Path, data.pairs))
        return OwnData(shop, own or (pairs_of(shop, "train"),), () if own else (pairs_of(shop, "test"),))
    db = Path(data.db).expanduser().absolute()
    if not db.is_file():
        raise DataError(f"{db}: no such database", fix="correct --db, or data.db in the recipe")
    introspect(str(db))
    return OwnData(db, tuple(Path(name).expanduser().absolute() for name in data.pairs))


def keep_for_test(store: sqlite3.Connection, place: int, rng: random.Random) -> int:
    """Mark a part of the own pairs in the store as kept for the test; returns how many. No query is in both parts."""
    rows = store.execute("SELECT id, sql FROM pair WHERE gone IS NULL AND source = ? ORDER BY id", (place,)).fetchall()
    if len(rows) < FEWEST:
        return 0
    by_query: dict[str, list[int]] = {}
    for number, sql in rows:
        by_query.setdefault(sql, []).append(number)
    queries = sorted(by_query)
    rng.shuffle(queries)
    kept: list[int] = []
    for sql in queries:
        if len(kept) >= min(MOST, max(LEAST, len(rows) // 3)):
            break
        kept += by_query[sql]
    store.executemany("UPDATE pair SET gone = ? WHERE id = ?", [(KEPT, number) for number in kept])
    return len(kept)


def write_kept(store: sqlite3.Connection, own: OwnData, path: Path, test: Sequence[tuple[str, str]]) -> int:
    """Write the questions of the test as lines that `eval` reads: the pairs kept, and those of a test file."""
    rows = store.execute(
        "SELECT row.question, row.sql FROM pair JOIN row ON row.id = pair.id WHERE gone = ? ORDER BY pair.id", (KEPT,)
    ).fetchall()
    listed = [*rows, *test]
    if listed:
        write_lines(path, (json.dumps(_line(question, sql, own), ensure_ascii=False) for question, sql in listed))
    return len(listed)


def write_synthetic(store: sqlite3.Connection, own: OwnData, data: Data, path: Path) -> int:
    """Write synthesised questions of kinds that are not trained; returns how many there are.

    Two kinds may come to one query: none that a pair in the store has is taken.
    """
    trained = {sql for (sql,) in store.execute("SELECT sql FROM pair WHERE gone IS NULL")}
    schema = introspect(str(own.db), own.db.stem)
    names = own_names(data.db_names)
    rng = random.Random(data.seed + 1)
    drawn = synthesise(str(own.db), schema, 2 * SYNTHETIC, rng, names=names, held_out=True)
    made = list(itertools.islice((one for one in drawn if one.sql not in trained), SYNTHETIC))
    if made:
        write_lines(path, (json.dumps(_line(one.question, one.sql, own), ensure_ascii=False) for one in made))
    return len(made)


def _line(question: str, sql: str, own: OwnData) -> dict[str, str]:
    return {"question": question, "sql": sql, "db": own.db.name}
