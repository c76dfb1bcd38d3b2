"""Build the project's own databases: schemas written down in data/domains_*.py, filled with rows that a seed decides.

The notation is one paragraph per database: a line `name | domain | options`, then a line `table rows: column=kind; ...`
per table; `key` and `code` columns are primary keys. Kinds:
`key` (1, 2, ...), `key 1000`, `code AB` (AB01, ...); `>table` a reference to its key, `>table?` often NULL, `>table!`
each at most once; `a|b|c` one of these; `*a|b|c` each at most once; `*a|b/c|d` each combination at most once;
`int 1..9`, `real 1..9`, `money 1..9`, `year 1990..2020`, `date 2019..2023`, `stamp 2019..2023`, `flag`, `yn`;
`first`, `last`, `person`, `city`, `country`, `company`, `street`, `email`, `phone`. A `?` at the end: some are NULL.
Options: `nokeys` declares no key at all, `nofk` no foreign key, `typed` uses VARCHAR(n) and DECIMAL(p, s).
"""

import contextlib
import random
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ....core.files import atomic
from . import domains_business, domains_life, domains_play, domains_public
from .cells import CITIES, COUNTRIES, FIRST, LAST, company, date, person, street

VERSION = 2  # raise it when rows are made in another way: part of the file names, like the schema itself

NULL_SHARE = 0.12
"""Share of NULLs in a column that may have them."""
NO_PARENT_SHARE = 0.15
"""Share of NULLs in a reference that may be missing."""
PARENT_SHARE = 0.85
"""Share of the rows of a table that others refer to: the rest has no children."""
PARENT_SKEW = 1.4
"""Above 1, earlier rows have more children."""
TRUE_SHARE, YES_SHARE = 0.4, 0.6
"""Shares of 1 in a flag, and of Y."""
PEAK = 0.35
"""Where in their range most whole numbers are, from 0 to 1."""

Value = str | int | float | None


@dataclass(frozen=True)
class World:
    """One database of our own."""

    name: str
    domain: str
    path: Path


@dataclass(frozen=True)
class Plan:
    """One table as written down: its column names with their kinds."""

    name: str
    rows: int
    columns: tuple[tuple[str, str], ...]

    def key(self) -> str | None:
        """Return the primary key's column, if there is one."""
        return next((name for name, kind in self.columns if kind.split()[0] in ("key", "code")), None)


@dataclass(frozen=True)
class Blueprint:
    """One database as written down."""

    name: str
    domain: str
    options: tuple[str, ...]
    tables: tuple[Plan, ...]


def build_worlds(folder: Path, seed: int = 1) -> list[World]:
    """Write the databases that are not there yet; the same seed gives the same rows."""
    worlds = []
    for blueprint in blueprints():
        path = folder / f"{blueprint.name}-{seed}-{zlib.crc32(repr((VERSION, blueprint)).encode()):08x}.sqlite"
        if not path.exists():
            with atomic(path) as temporary:
                _fill(temporary, blueprint, random.Random(f"{seed} {blueprint.name}"))
        worlds.append(World(blueprint.name, blueprint.domain, path))
    return worlds


def blueprints() -> Iterator[Blueprint]:
    """Read all schemas from their notation."""
    for module in (domains_business, domains_life, domains_play, domains_public):
        for paragraph in re.split(r"\n\s*\n", module.WORLDS.strip()):
            head, *lines = paragraph.strip().splitlines()
            name, domain, *options = (part.strip() for part in head.split("|"))
            yield Blueprint(name, domain, tuple(options[0].split() if options else ()), tuple(map(_plan, lines)))


def _plan(line: str) -> Plan:
    head, body = line.split(":", 1)
    name, rows = head.rsplit(" ", 1)
    columns = []
    for part in body.split(";"):
        column, kind = part.split("=", 1)
        columns.append((column.strip(), kind.strip()))
    return Plan(name.strip(), int(rows), tuple(columns))


def _fill(path: Path, blueprint: Blueprint, rng: random.Random) -> None:
    keys: dict[str, list[Value]] = {}
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for plan in blueprint.tables:
            connection.execute(_ddl(plan, blueprint))
            rows = _rows(plan, keys, rng)
            key = plan.key()
            if key is not None:
                place = [name for name, _ in plan.columns].index(key)
                keys[plan.name] = [row[place] for row in rows]
            marks = ", ".join("?" * len(plan.columns))
            connection.executemany(f"INSERT INTO {_quoted(plan.name)} VALUES ({marks})", rows)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f'"{name}"'


def _ddl(plan: Plan, blueprint: Blueprint) -> str:
    tables = {table.name: table for table in blueprint.tables}
    parts, references = [], []
    for name, kind in plan.columns:
        target = tables.get(kind.strip(">?!").split()[0]) if kind.startswith(">") else None
        declared = _declared(kind, target, "typed" in blueprint.options)
        primary = " PRIMARY KEY" if kind.split()[0] in ("key", "code") and "nokeys" not in blueprint.options else ""
        parts.append(f"{_quoted(name)} {declared}{primary}")
        if target is not None and not set(blueprint.options) & {"nokeys", "nofk"}:
            references.append(
                f"FOREIGN KEY ({_quoted(name)}) REFERENCES {_quoted(target.name)}({_quoted(target.key() or '')})"
            )
    return f"CREATE TABLE {_quoted(plan.name)} ({', '.join([*parts, *references])})"


def _declared(kind: str, target: Plan | None, typed: bool) -> str:
    first = kind.rstrip("?").split()[0]
    if target is not None:
        text = any(name == target.key() and other.startswith("code") for name, other in target.columns)
        return ("VARCHAR(10)" if typed else "TEXT") if text else "INTEGER"
    if first in ("key", "int", "year", "flag") or first.replace("|", "").isdigit():
        return "INT" if typed and first != "key" else "INTEGER"
    if first in ("money", "real"):
        return ("DECIMAL(10,2)" if first == "money" else "FLOAT") if typed else "REAL"
    if first in ("date", "stamp"):
        return ("DATE" if first == "date" else "DATETIME") if typed else ("DATE" if first == "date" else "TIMESTAMP")
    if first == "yn":
        return "CHAR(1)" if typed else "TEXT"
    return "VARCHAR(60)" if typed else "TEXT"


def _rows(plan: Plan, keys: dict[str, list[Value]], rng: random.Random) -> list[tuple[Value, ...]]:
    """The table's rows; a table of two or more references has no pair of them twice."""
    count = plan.rows
    start = next((int(kind[4:]) for _, kind in plan.columns if kind.startswith("key ")), 1)
    makers = [_maker(kind, keys, count, start, rng) for _, kind in plan.columns]
    for _, kind in plan.columns:
        if kind.startswith("*"):
            count = min(count, len(_combinations(kind)))
        if kind.endswith("!"):
            count = min(count, len(_parents(keys[kind[1:-1]])))
    linking = [i for i, (_, kind) in enumerate(plan.columns) if kind.startswith(">")] if plan.key() is None else []
    rows: list[tuple[Value, ...]] = []
    seen: set[tuple[Value, ...]] = set()
    for number in range(count):
        values = tuple(make(number) for make in makers)
        mark = tuple(values[i] for i in linking)
        if len(linking) > 1 and mark in seen:
            continue
        seen.add(mark)
        rows.append(values)
    return rows


def _parents(keys: list[Value]) -> list[Value]:
    """The keys that have children: some have none, so that `without any` has an answer."""
    return keys if len(keys) < 4 else keys[: max(3, int(len(keys) * PARENT_SHARE))]


def _combinations(kind: str) -> list[str]:
    lists = [part.split("|") for part in kind.lstrip("*").rstrip("?").split("/")]
    made = [""]
    for items in lists:
        made = [f"{start} {item}".strip() for start in made for item in items]
    return made


Maker = Callable[[int], Value]


def _maker(kind: str, keys: dict[str, list[Value]], count: int, start: int, rng: random.Random) -> Maker:
    """A function from a row's number to a cell. Skewed where things are: few values are frequent."""
    if kind.startswith(">"):
        return _reference(kind, keys, start, rng)
    if kind.endswith("?"):
        inner = _maker(kind[:-1], keys, count, start, rng)
        return lambda number: inner(number) if rng.random() > NULL_SHARE else None
    if kind.startswith("*"):
        chosen = rng.sample(_combinations(kind), min(count, len(_combinations(kind))))
        return lambda number: chosen[number]
    if "|" in kind:
        items: list[Value] = [int(item) if item.isdigit() else item for item in _combinations(kind)]
        weights = [1 / (place + 2) for place in range(len(items))]
        rng.shuffle(weights)
        return lambda number: rng.choices(items, weights)[0]
    first, _, rest = kind.partition(" ")
    if first == "key":
        return lambda number: start + number
    if first == "code":
        return lambda number: f"{rest}{number + 1:02d}"
    low, high = (float(part) for part in rest.split("..")) if ".." in rest else (0.0, 0.0)
    if first in ("int", "year"):
        return lambda number: _skewed(rng, int(low), int(high)) if first == "int" else rng.randint(int(low), int(high))
    if first in ("real", "money"):
        return lambda number: round(rng.uniform(low, high), 1 if first == "real" else 2)
    return _worded(first, int(low), int(high), count, rng)


def _skewed(rng: random.Random, low: int, high: int) -> int:
    """Rounded where the range is wide, as people's numbers are."""
    value = int(rng.triangular(low, high + 1, low + (high - low) * PEAK))
    step = 1 if high - low < 300 else 10 if high - low < 5000 else 100 if high - low < 100_000 else 1000
    return min(high, max(low, value // step * step))


def _reference(kind: str, keys: dict[str, list[Value]], start: int, rng: random.Random) -> Maker:
    table = kind.strip(">?!")
    if kind.endswith("!"):
        once = rng.sample(_parents(keys[table]), len(_parents(keys[table])))
        return lambda number: once[number]
    optional = kind.endswith("?")

    def refer(number: int) -> Value:
        if table not in keys:  # a reference to its own table: to an earlier row
            return start + rng.randrange(max(1, number // 3)) if number else None
        if optional and rng.random() < NO_PARENT_SHARE:
            return None
        parents = _parents(keys[table])
        return parents[min(int(rng.random() ** PARENT_SKEW * len(parents)), len(parents) - 1)]

    return refer


def _worded(first: str, low: int, high: int, count: int, rng: random.Random) -> Maker:
    towns, lands = rng.sample(CITIES, 14), rng.sample(COUNTRIES, 9)
    town_weights, land_weights = [1 / (i + 2) for i in range(14)], [1 / (i + 2) for i in range(9)]
    people = rng.sample([f"{a} {b}" for a in FIRST for b in LAST], max(count, 1)) if first == "person" else []
    makers: dict[str, Maker] = {
        "first": lambda number: rng.choice(FIRST),
        "last": lambda number: rng.choice(LAST),
        "person": lambda number: people[number],
        "city": lambda number: rng.choices(towns, town_weights)[0],
        "country": lambda number: rng.choices(lands, land_weights)[0],
        "company": lambda number: company(rng),
        "street": lambda number: street(rng),
        "email": lambda number: person(rng).lower().replace(" ", ".") + rng.choice(["@mail.example", "@post.example"]),
        "phone": lambda number: f"{rng.randint(200, 989)}-555-{rng.randint(100, 9999):04d}",
        "flag": lambda number: int(rng.random() < TRUE_SHARE),
        "yn": lambda number: "Y" if rng.random() < YES_SHARE else "N",
        "date": lambda number: date(rng, low, high),
        "stamp": lambda number: f"{date(rng, low, high)} {rng.randint(6, 22):02d}:{rng.randrange(0, 60, 5):02d}:00",
    }
    return makers[first]
