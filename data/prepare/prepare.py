"""From a recipe's [data] to the pairs of a run: read, check, choose, split, write; and the data card.

The work file (store.py) holds everything between the steps, so memory does not grow with the number of rows, and a
preparation that was killed goes on where it was. The same recipe and files give the same pairs.
"""

import hashlib
import json
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import DataError, SqlLlamaError
from ...core.files import alone_in, need_space, sha256
from ...core.progress import say
from ...core.recipe import Data, Recipe
from ...core.settings import settings
from ..own.own_data import (
    FEWEST,
    HELD_OUT,
    HELD_OUT_SYNTHETIC,
    OWN,
    keep_for_test,
    own_data,
    write_kept,
    write_synthetic,
)
from ..pairs import pair_line, write_lines
from ..sources.loaded import Loaded, reasons
from ..sources.open_source import OpenSource, open_source, recipe_sources
from ..sources.pair_rows import pair_rows
from .choose import BALANCE, CONTRADICTS, DUPLICATE, NEAR, check_marks, choose_pairs, class_counts
from .leakage import Leakage, check_against, find_leakage
from .lengths import Lengths, measure_lengths
from .made import made_pairs, made_sources
from .memory import Peak
from .read import check_rows, lay_out, parse_schemas, read_source, refuse_empty
from .rewritten import add_rewritten
from .split import split_by_database
from .store import many, open_store

VERSION = 2
"""Raise it when the same recipe and files would give other pairs, so that a work file of before is not used."""
DISK_BYTES = 200 * 2**20
TRAIN, VALID, CARD = "train.jsonl", "valid.jsonl", "card.json"
WRITTEN = (TRAIN, VALID, CARD, "card.md", "balance.svg", HELD_OUT, HELD_OUT_SYNTHETIC)
NOTHING = "the recipe's [data] gives no pairs"


@dataclass(frozen=True)
class SourceFacts:
    """What became of one source: rows read, pairs kept, and how many rows were left out by reason."""

    name: str
    license: str
    rows: int
    kept: int
    left_out: Mapping[str, int]
    layout: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """What a preparation made, with all that the data card says."""

    sources: tuple[SourceFacts, ...]
    train: int
    valid: int
    duplicates: int
    near_duplicates: int
    contradictions: int
    leakage: Leakage
    marks: Mapping[str, int]
    before: Mapping[str, int]
    after: Mapping[str, int]
    lengths: Lengths
    seconds: float
    peak_bytes: int
    files: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return what `sql-llama data prepare --json` prints."""
        return {
            "sources": [
                {"name": s.name, "in": s.rows, "kept": s.kept, "left_out": dict(s.left_out)} for s in self.sources
            ],
            "train": self.train,
            "valid": self.valid,
            "duplicates": self.duplicates,
            "contradictions": self.contradictions,
            "leakage": {"exact": self.leakage.exact, "near": self.leakage.near, "skeleton": self.leakage.skeleton},
            "seconds": round(self.seconds, 2),
            "peak_bytes": self.peak_bytes,
        }


def prepare(recipe: Recipe, out: Path, work: Path, card: Any = None) -> Prepared:
    """Make train.jsonl and valid.jsonl in `out`, with what `card` makes of the facts; `work` holds the work file.

    Raises DataError when a source is missing or broken, when nothing is left, and when more evaluation questions than
    data.max_leakage stand in the training part; in that case everything is written all the same. Raises SqlLlamaError
    when the disk is full, or another process prepares in `out`.
    """
    sources = opened(recipe.data)
    if not sources and not made_sources(recipe.data):
        raise _nothing()
    check_marks(recipe.data)
    if recipe.data.against:
        check_against(*_evaluation(recipe.data))
    _refuse_inside(out, sources)
    need_space(out, DISK_BYTES, "preparing the data")
    with alone_in(out):
        for name in WRITTEN:
            for leftover in out.glob(f".{name}.*"):  # of a process that was killed while it wrote
                leftover.unlink()
        try:
            return _prepare(recipe, sources, out, work, card)
        except sqlite3.OperationalError as error:
            raise SqlLlamaError(
                f"{work}: the work file cannot be written ({error})",
                fix="check the free disk space (df -h) and run the same command again: it goes on where it was",
            ) from None
        except sqlite3.DatabaseError as error:
            raise SqlLlamaError(f"{work}: the work file is damaged ({error})", fix=f"rm -r {work}") from None


def _refuse_inside(out: Path, sources: Sequence[OpenSource]) -> None:
    """Raise DataError where the next preparation would read what this one writes."""
    for source in sources:
        path = Path(source.source.path).expanduser()
        listed = source.layout in ("rows", "messages", "llama2", "sql-files", "query-log") and path.is_dir()
        if listed and out.resolve().is_relative_to(path.resolve()):
            raise DataError(f"{out}: is inside the source {path}", fix="give a folder outside of it with --out")


def _prepare(recipe: Recipe, sources: Sequence[OpenSource], out: Path, work: Path, card: Any) -> Prepared:
    data = recipe.data
    started = time.monotonic()
    with Peak() as peak, closing(open_store(work, stamps(data, sources))) as store:
        for place, source in enumerate(sources):
            read_source(store, place, source)
        parse_schemas(store)
        lay_out(store, sources)
        check_rows(store, sources)
        refuse_empty(store, sources)
        rng = random.Random(data.seed)
        made_pairs(store, data, sources, rng)
        choose_pairs(store, data, sources, random.Random(data.seed))
        _keep_for_test(store, data, sources, out)
        before = class_counts(store, f"gone IS NULL OR gone = '{BALANCE}'")
        add_rewritten(store, data, random.Random(data.seed))
        if not store.execute("SELECT 1 FROM pair WHERE gone IS NULL LIMIT 1").fetchone():
            raise _nothing(_facts(store, data, sources))
        split_by_database(store, data.valid_share, rng)
        names = [source.name for source in sources] + [name for name, _ in made_sources(data)]
        leakage = _leakage(store, data)
        lengths = measure_lengths(store, recipe)
        counts = {part: _write(store, out / part, held, names) for held, part in enumerate((TRAIN, VALID))}
        _warn_of_untrained_sources(store, names)
        facts = _facts(store, data, sources)
        for fact in facts:
            if fact.left_out:
                say(_skipped(fact))
        prepared = Prepared(
            facts, counts[TRAIN], counts[VALID],
            _gone(store, DUPLICATE) + _gone(store, NEAR), _gone(store, NEAR), _gone(store, CONTRADICTS),
            leakage, _marks(store), before, class_counts(store, "gone IS NULL"), lengths,
            time.monotonic() - started, peak.bytes, {part: sha256(out / part) for part in (TRAIN, VALID)},
        )  # fmt: skip
    if card is not None:
        card(prepared, recipe, out)
    shutil.rmtree(work, ignore_errors=True)
    if leakage.share > data.max_leakage:
        raise DataError(
            f"{data.against}: {leakage.exact + leakage.near} of its {leakage.total} questions stand in the training "
            f"pairs ({leakage.exact} exactly, {leakage.near} nearly)",
            fix=f"train without that source, or --set data.max_leakage={min(1, round(leakage.share + 0.005, 2))}",
        )
    return prepared


def _keep_for_test(store: sqlite3.Connection, data: Data, sources: Sequence[OpenSource], out: Path) -> None:
    """Keep questions about the user's own database for the test, and write them."""
    own = own_data(data)
    if own is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    own_places = [place for place, source in enumerate(sources) if source.name == OWN]
    if not own.test:
        for place in own_places:
            keep_for_test(store, place, random.Random(data.seed))
    test = [(row.question, row.sql) for file in own.test for row in pair_rows(file, needs_place=False) if row.sql]
    count = write_kept(store, own, out / HELD_OUT, test)
    if own_places and not count:
        say(f"fewer than {FEWEST} pairs of your own: none is kept for the test")
    write_synthetic(store, own, data, out / HELD_OUT_SYNTHETIC)


def check_sources(data: Data) -> list[OpenSource]:
    """Read every source of a recipe for its layout alone. Raises DataError as `prepare` would."""
    sources = opened(data)
    for source in sources:
        if not source.source.path.startswith("hub:"):
            for _ in source.rows():
                pass
    if not sources and not made_sources(data):
        raise _nothing()
    return sources


def _nothing(facts: Sequence[SourceFacts] = ()) -> DataError:
    why = [f"{fact.name}: {', '.join(f'{why} ({n})' for why, n in fact.left_out.items())}" for fact in facts]
    return DataError(": ".join([NOTHING, *(["; ".join(why)] if why else [])]), fix="--set data.synthetic=1000")


def opened(data: Data) -> list[OpenSource]:
    """Open every source of a recipe. Raises DataError for what is not there."""
    own = own_data(data)
    sources = (*recipe_sources(data), *(own.sources(data.pairs_weight) if own else ()))
    return [open_source(source, settings().cache) for source in sources]


def stamps(data: Data, sources: Sequence[OpenSource]) -> dict[str, str]:
    """Return what prepared pairs are recognised by: the keys of [data], and every file that is read."""
    known = {"data": hashlib.sha256(f"{VERSION} {data.model_dump_json()}".encode()).hexdigest()}
    for source in sources:
        known |= dict(source.files)
    own = own_data(data)
    files = [own.db, *own.test] if own else []
    files += [Path(name).expanduser() for name in (data.db_names, data.against) if name]
    known |= {str(file): sha256(file) for file in files if file.is_file()}
    return known


def _leakage(store: sqlite3.Connection, data: Data) -> Leakage:
    if not data.against:
        return Leakage()
    return find_leakage(store, *_evaluation(data))


def _evaluation(data: Data) -> tuple[Path, Path | None]:
    """The file of evaluation questions, and the folder of its databases."""
    databases = Path(data.against_databases).expanduser() if data.against_databases else None
    return Path(data.against).expanduser(), databases


def _write(store: sqlite3.Connection, path: Path, held: int, names: Sequence[str]) -> int:
    """Write the pairs of one part, each as often as it is trained; returns how many lines."""
    written = 0

    def lines() -> Iterator[str]:
        nonlocal written
        seen: dict[int, int] = {}
        query = (
            "SELECT question, sql, database.name, source, hints, schema, times FROM pair "
            "JOIN database ON database.id = pair.database WHERE gone IS NULL AND held = ? ORDER BY pair.id"
        )
        for rows in many(store, query, (held,)):
            for question, sql, database, source, hints, number, times in rows:
                for _ in range(1 if held else times):
                    new = number not in seen
                    place = seen.setdefault(number, len(seen))
                    schema = json.loads(_schema(store, number)) if new else None
                    yield pair_line(question, sql, database, names[source], json.loads(hints), place, schema)
                    written += 1

    write_lines(path, lines())
    return written


def _schema(store: sqlite3.Connection, number: int) -> str:
    return str(store.execute("SELECT json FROM schema WHERE id = ?", (number,)).fetchone()[0])


def _warn_of_untrained_sources(store: sqlite3.Connection, names: Sequence[str]) -> None:
    """Print a line for each source whose pairs are all kept for validation: a source of one schema is never split."""
    counted = store.execute(
        "SELECT source, count(*), min(held) FROM pair JOIN database ON database.id = pair.database "
        "WHERE gone IS NULL GROUP BY source"
    ).fetchall()
    for place, count, least in counted:
        if least:
            pairs = "the only pair" if count == 1 else f"all {count} pairs"
            say(f"Warning: validation takes {pairs} of {names[place]}, training none. Fix: --set data.valid_share=0")


def _skipped(fact: SourceFacts) -> str:
    loaded = Loaded(rows=fact.rows)
    loaded.left_out.update(fact.left_out)
    name = Path(next(iter(fact.files), fact.name)).name if fact.layout == "rows" else fact.name
    return f"skipped {loaded.left_out.total()} of {fact.rows} rows of {name}: {reasons(loaded)}"


def _facts(store: sqlite3.Connection, data: Data, sources: Sequence[OpenSource]) -> tuple[SourceFacts, ...]:
    """What became of each source."""
    facts = []
    listed = [(s.name, s.license, s.layout, s.files) for s in sources]
    listed += [(name, license, "synthetic", {}) for name, license in made_sources(data)]
    for place, (name, license, layout, files) in enumerate(listed):
        rows = store.execute("SELECT count(*) FROM row WHERE source = ?", (place,)).fetchone()[0]
        kept = store.execute("SELECT count(*) FROM pair WHERE source = ? AND gone IS NULL", (place,)).fetchone()[0]
        left_out = dict(
            store.execute(
                "SELECT why, count(*) FROM (SELECT reason AS why FROM row WHERE source = ? AND reason NOT NULL "
                "UNION ALL SELECT gone FROM pair WHERE source = ? AND gone NOT NULL) "
                "GROUP BY why ORDER BY count(*) DESC, why",
                (place, place),
            ).fetchall()
        )
        made = store.execute(
            "SELECT count(*) FROM pair WHERE source = ? AND marks NOT LIKE 'rewritten%'", (place,)
        ).fetchone()[0]
        facts.append(SourceFacts(name, license, rows or made, kept, left_out, layout, files))
    return tuple(facts)


def _gone(store: sqlite3.Connection, reason: str) -> int:
    return int(store.execute("SELECT count(*) FROM pair WHERE gone = ?", (reason,)).fetchone()[0])


def _marks(store: sqlite3.Connection) -> dict[str, int]:
    """How many checked pairs have each mark of the audit."""
    counts: dict[str, int] = {}
    for marks, count in store.execute("SELECT marks, count(*) FROM pair WHERE marks != '' GROUP BY marks"):
        for mark in marks.split():
            counts[mark] = counts.get(mark, 0) + count
    return counts
