"""From what a catalog lists to the schema that a model is shown; for every engine but SQLite, which has no catalog.

Tables of several schemas get short names: `orders` where no other table is called so, else `archive_orders`. A query is
written with these and gets the full names before it runs (sql/dialects.py).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..core.errors import QueryError
from ..core.records import Column, ForeignKey, Hint, Schema, Table
from ..sql.names import fold
from ..sql.types import simple_type
from .forgotten_keys import forgotten_keys

SAMPLES, SAMPLE_LENGTH = 2, 20  # cells that a text column shows, and their length in characters
SCANNED = 20_000  # rows that samples are taken from
CELL_ROWS, CELLS = 200_000, 20_000  # rows of a table that cells are looked for in, and cells of one column
TABLE_TIME, SCHEMA_TIME = 1.0, 30.0  # seconds for what one query reads of a table, and for all of them
KEY_TIME = 5.0  # seconds of the search for keys that were not declared


@dataclass(frozen=True)
class Relation:
    """A table or view as the catalog lists it; `columns` are (name, declared type, whether in the primary key)."""

    schema: str
    name: str
    view: bool
    columns: tuple[tuple[str, str, bool], ...]


Reference = tuple[str, str, str, str, str, str]
"""A column that refers to another: schema, table, column, then the same of what it refers to."""
Names = Mapping[str, tuple[str, str]]
"""Schema and table by the name that the model is shown."""


class Reader(Protocol):
    """An open database that runs our own queries."""

    text_type: str

    def quote(self, name: str) -> str:
        """Return a name in the engine's quotation marks."""
        ...

    def rows(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Run a query of ours. Raises QueryError."""
        ...


def relations_of(rows: Iterable[Sequence[Any]]) -> list[Relation]:
    """Return relations from rows of schema, table, whether a view, column, declared type, whether in the key."""
    columns: dict[tuple[str, str, bool], list[tuple[str, str, bool]]] = {}
    for schema, table, view, column, declared, key in rows:
        columns.setdefault((schema, table, bool(view)), []).append((column, declared, bool(key)))
    return [Relation(*whole, tuple(listed)) for whole, listed in columns.items()]


def short_names(relations: Sequence[Relation], first: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return names for the relations; those of the schemas in `first` go before others.

    >>> tables = [Relation(schema, "orders", False, ()) for schema in ("archive", "public")]
    >>> short_names(tables, ["public"])
    {'orders': ('public', 'orders'), 'archive_orders': ('archive', 'orders')}
    """
    home = {schema: place for place, schema in enumerate(first)}
    ordered = sorted(relations, key=lambda relation: home.get(relation.schema, len(home)))
    taken: dict[str, str] = {}
    out: dict[str, tuple[str, str]] = {}
    for relation in ordered:
        tried = (relation.name, f"{relation.schema}_{relation.name}", f"{relation.schema}.{relation.name}")
        name = next((name for name in tried if fold(name) not in taken), "")
        if name:
            taken[fold(name)] = name
            out[name] = (relation.schema, relation.name)
    return out


def build_schema(
    reader: Reader, relations: Sequence[Relation], references: Iterable[Reference], names: Names, name: str
) -> Schema:
    """Return the schema with sample cells and, where keys are missing, those that the rows suggest."""
    short = {full: shown for shown, full in names.items()}
    until = time.monotonic() + SCHEMA_TIME
    tables = []
    for relation in relations:
        shown = short.get((relation.schema, relation.name))
        if shown is not None and relation.columns:
            columns = tuple(_columns(reader, relation, until))
            tables.append(Table(shown, columns))
    order = {shown: place for place, shown in enumerate(names)}
    tables.sort(key=lambda table: order[table.name])
    keys = tuple(
        ForeignKey(short[schema, table], column, short[ref_schema, ref_table], ref_column)
        for schema, table, column, ref_schema, ref_table, ref_column in dict.fromkeys(references)
        if (schema, table) in short and (ref_schema, ref_table) in short
    )
    views = {short.get((relation.schema, relation.name)) for relation in relations if relation.view}
    sources = [table for table in tables if table.name not in views]
    more = forgotten_keys(sources, tables, keys, _contains(reader, names))
    return Schema(tuple(tables), (*keys, *more), name)


def _columns(reader: Reader, relation: Relation, until: float) -> Iterator[Column]:
    dead = False
    for column, declared, key in relation.columns:
        simple = simple_type(declared)
        samples: tuple[str, ...] = ()
        if simple in ("text", "bool", "date") and not dead and not _is_large(declared):
            began = time.monotonic()
            samples = _samples(reader, relation, column, simple, min(TABLE_TIME, until - began))
            dead = not samples and time.monotonic() - began > TABLE_TIME / 2  # a slow view is asked once
        yield Column(column, simple, key, samples)


def _is_large(declared: str) -> bool:
    """Whether a type holds what no one reads as a sample: bytes, documents, lists."""
    kind = declared.lower()
    return any(word in kind for word in ("bytea", "blob", "binary", "json", "xml", "[]", "struct", "map(", "vector"))


def full_name(reader: Reader, schema: str, table: str) -> str:
    """Return a table's name with its schema, quoted."""
    return f"{reader.quote(schema)}.{reader.quote(table)}" if schema else reader.quote(table)


def _samples(reader: Reader, relation: Relation, column: str, simple: str, seconds: float) -> tuple[str, ...]:
    if seconds <= 0:
        return ()
    value = f"CAST({reader.quote(column)} AS {reader.text_type})"
    try:
        rows = reader.rows(
            f"SELECT v FROM (SELECT {value} AS v FROM {full_name(reader, relation.schema, relation.name)} "
            f"LIMIT {SCANNED}) AS s WHERE v <> '' AND length(v) <= {SAMPLE_LENGTH} "
            f"GROUP BY v ORDER BY count(*) DESC, v LIMIT {1 if simple == 'date' else SAMPLES}",
            seconds,
        )
    except QueryError:
        return ()
    return tuple(" ".join(str(row[0]).split()) for row in rows if str(row[0]).strip())


def _contains(reader: Reader, names: Names) -> Callable[[str, str, str, str], bool]:
    until = time.monotonic() + KEY_TIME

    def contains(table: str, column: str, other: str, key: str) -> bool:
        seconds = min(TABLE_TIME, until - time.monotonic())
        if seconds <= 0:
            return False
        own, theirs = (full_name(reader, *names[shown]) for shown in (table, other))
        c, k = reader.quote(column), reader.quote(key)
        missing = f"SELECT 1 FROM {theirs} AS o WHERE o.{k} = s.{c}"
        inner = f"SELECT {c} FROM {own} WHERE {c} IS NOT NULL LIMIT {SCANNED}"
        try:
            (found,) = reader.rows(
                f"SELECT count(*), sum(CASE WHEN EXISTS ({missing}) THEN 0 ELSE 1 END) FROM ({inner}) AS s", seconds
            )
        except QueryError:  # too slow, or columns of types that cannot be compared
            return False
        return bool(found[0]) and not found[1]

    return contains


def read_cells(reader: Reader, schema: Schema, names: Names) -> Iterator[Hint]:
    """Read the texts of 2 to 60 characters in the first rows of each table, each once a column."""
    until = time.monotonic() + SCHEMA_TIME
    for table in schema.tables:
        for column in table.columns:
            seconds = min(TABLE_TIME, until - time.monotonic())
            if column.type != "text" or seconds <= 0 or table.name not in names:
                continue
            value = f"CAST({reader.quote(column.name)} AS {reader.text_type})"
            source = full_name(reader, *names[table.name])
            try:
                rows = reader.rows(
                    f"SELECT DISTINCT v FROM (SELECT {value} AS v FROM {source} LIMIT {CELL_ROWS}) AS s "
                    f"WHERE length(v) BETWEEN 2 AND 60 LIMIT {CELLS}",
                    seconds,
                )
            except QueryError:
                continue
            for row in rows:
                yield Hint(table.name, column.name, str(row[0]))


def guessed_keys(counts: Mapping[str, tuple[int, int]], table: str) -> str:
    """Return the column that looks like the key of a table without one; '' where none does.

    `counts` has rows and distinct values by column. `id` goes before `order_id`, that before others.

    >>> guessed_keys({"name": (3, 3), "order_id": (3, 3)}, "orders")
    'order_id'
    """
    from ..sql.name_words import singular, words

    own = [singular(word) for word in words(table)]
    ends = {("id",), *((*own, end) for end in ("id", "code", "no", "number", "key")), ("".join(own), "id")}
    unique = [column for column, (rows, distinct) in counts.items() if rows and rows == distinct]
    fitting = [column for column in unique if tuple(singular(word) for word in words(column)) in ends]
    return min(fitting, key=lambda column: len(words(column)), default="")
