"""Pairs that are made rather than read: over the databases of a source, over the user's own, over made-up ones."""

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ...core.progress import progress
from ...core.recipe import Data
from ...core.records import Example
from ...core.settings import settings
from ...databases.introspect import introspect
from ..own.own_data import OWN, own_data
from ..own.synthesise_own import own_names
from ..sources.database import Database, open_database
from ..sources.open_source import OpenSource
from .checked import kept_pair
from .store import keep_pair, note, noted

OURS = "Apache-2.0"
"""Licence of pairs that the project's own templates make."""


def made_sources(data: Data) -> list[tuple[str, str]]:
    """Return the names and licences of the sources that are made, in the order in which they follow those read."""
    wanted = [
        ("spider-synthetic", "CC BY-SA 4.0", bool(data.spider and data.spider_synthetic)),
        ("own-synthetic", "yours", bool(data.db and data.db_synthetic)),
        ("synthetic", OURS, bool(data.synthetic)),
    ]
    return [(name, license) for name, license, there in wanted if there]


def made_pairs(store: sqlite3.Connection, data: Data, sources: Sequence[OpenSource], rng: random.Random) -> None:
    """Put the synthesised pairs of a recipe into the store; those that are there already are not made again."""
    for place, (name, _) in enumerate(made_sources(data), len(sources)):
        if noted(store, f"made {name}"):
            rng.setstate(_state(noted(store, f"made {name}")))
            continue
        if name == "spider-synthetic":
            databases, count = _of_sources(store), data.spider_synthetic
        elif name == "own-synthetic":
            _own_pairs(store, data, place, _wanted(store, data, sources), rng)
            note(store, f"made {name}", rng.getstate())
            store.commit()
            continue
        else:
            databases, count = _worlds(data), data.synthetic
        for example in synthesised(databases, count, rng, name):
            keep_pair(store, None, place, kept_pair(example))
        note(store, f"made {name}", rng.getstate())
        store.commit()


def _wanted(store: sqlite3.Connection, data: Data, sources: Sequence[OpenSource]) -> int:
    """How many pairs are synthesised over the user's database: those that own pairs leave to be made."""
    own = [place for place, source in enumerate(sources) if source.name == OWN]
    marks = ", ".join("?" * len(own))
    (count,) = store.execute(f"SELECT count(*) FROM pair WHERE source IN ({marks})", own).fetchone()
    return max(data.db_synthetic - int(count * data.pairs_weight), data.db_synthetic // 4, 1)


def _own_pairs(store: sqlite3.Connection, data: Data, place: int, count: int, rng: random.Random) -> None:
    """Pairs over the user's own database, of the kinds of questions that are not kept for the test."""
    from ..synthesis.synthesise import synthesise

    own = own_data(data)
    assert own is not None
    schema, names = introspect(str(own.db), own.db.stem), own_names(data.db_names)
    with progress("synthesising pairs over your database", count, "pairs") as advance:
        made = synthesise(str(own.db), schema, count, rng, name=str(own.db), names=names, held_out=False)
        for example in made:
            keep_pair(store, None, place, kept_pair(example))
            advance()


def _state(noted_state: Sequence[object]) -> tuple[object, ...]:
    version, numbers, following = noted_state
    return version, tuple(numbers), following  # type: ignore[arg-type]


def _of_sources(store: sqlite3.Connection) -> list[Database]:
    """The databases of sources with files, in the order in which their questions came."""
    found = store.execute(
        "SELECT db FROM row JOIN pair ON pair.id = row.id WHERE db != '' GROUP BY db ORDER BY min(row.id)"
    ).fetchall()
    return [open_database(Path(path), Path(path).stem) for (path,) in found]


def _worlds(data: Data) -> list[Database]:
    from ..synthesis.worlds.worlds import build_worlds

    worlds = build_worlds(settings().cache / "worlds", data.seed)
    return [open_database(world.path, world.name) for world in worlds]


def synthesised(databases: Sequence[Database], count: int, rng: random.Random, source: str) -> list[Example]:
    """Make `count` pairs, spread evenly over the databases; one that cannot give its share leaves it to the others."""
    from ..synthesis.synthesise import synthesise

    examples: list[Example] = []
    waiting = rng.sample(databases, len(databases))
    with progress("synthesising pairs", count, "pairs") as advance:
        while waiting and len(examples) < count:
            share = -(-(count - len(examples)) // len(waiting))
            database = waiting.pop()
            made = list(synthesise(str(database.path), database.schema, share, rng, name=database.name, source=source))
            examples += made
            advance(len(made))
    return examples[:count]
