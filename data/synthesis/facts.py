"""What the query families ask about a database: roles of columns, cells worth naming, how tables hang together."""

import random
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from ...core.records import ForeignKey, Schema, Table
from ...databases.sqlite import connect
from ...sql.name_words import words
from ...sql.names import identifier
from .language.naming import column_nouns, is_person, moment_nouns, one, plural, speakable, table_nouns

Role = Literal["key", "code", "number", "year", "date", "flag", "name", "group", "text", "prose"]
"""key: identifies or refers; code: digits that nobody adds up; name: what people call the row by; group: few texts,
many rows; text: many texts; prose: long texts, to be read only."""

READ = 1_500  # rows of a table that are looked at
FLAGS = ({"0", "1"}, {"y", "n"}, {"yes", "no"}, {"t", "f"}, {"true", "false"})
CODES = re.compile(
    r"(?:^|_)(code|zip|zipcode|postcode|phone|fax|ssn|isbn|mobile|latitude|longitude|lat|lng|lon|api|number|num|no|nr|pin|room)$"
)
COUNTED = re.compile(r"number_of|num_of|_count|^(?:num|no|number)_\w*s$")


@dataclass(frozen=True)
class Field:
    """One column: `sql` in our style, `nouns` what people call it, `cells` up to 200 values fit for a condition."""

    table: str
    name: str
    sql: str
    role: Role
    nouns: tuple[str, ...]
    cells: tuple[str | int | float, ...]
    frequent: tuple[str | int | float, ...]
    distinct: int
    nulls: bool

    @property
    def whole(self) -> bool:
        """Whether its numbers are integers."""
        return all(isinstance(cell, int) for cell in self.cells)


@dataclass(frozen=True)
class Entity:
    """One table: `nouns` in the singular; `title` the columns that a row is known by, none when there are none."""

    name: str
    sql: str
    nouns: tuple[str, ...]
    person: bool
    fields: tuple[Field, ...]
    rows: int
    key: Field | None
    title: tuple[Field, ...]
    spoken: bool
    """Whether a sentence can speak of its rows; link tables are only passed through."""


@dataclass(frozen=True)
class Edge:
    """`child.column` refers to `parent.column`; `nouns` what the parent is to the child (`home team`)."""

    child: Entity
    child_field: Field
    parent: Entity
    parent_field: Field
    nouns: tuple[str, ...]
    twin: bool
    """Another edge joins the same two tables, so that `the child's parent` would not say which."""


@dataclass(frozen=True)
class Facts:
    """All of a database that the families use."""

    entities: tuple[Entity, ...]
    edges: tuple[Edge, ...]
    words: frozenset[str]
    """Every word of every column's noun: a synonym that is also a column's name would say the wrong thing."""


def read_facts(url: str, schema: Schema) -> Facts:
    """Look at every table's first rows and give each column its role.

    Tables without rows are left out: no query over them could be checked.
    """
    refers = {(key.table.lower(), key.column.lower()) for key in schema.foreign_keys}
    referred = {(key.ref_table.lower(), key.ref_column.lower()) for key in schema.foreign_keys}
    prefixes = _common_prefixes(schema)
    entities = []
    connection = connect(url)
    try:
        for table in schema.tables:
            try:
                entity = _entity(connection, table, refers, referred, prefixes)
            except sqlite3.DatabaseError:  # a view whose tables are gone
                continue
            if entity.rows:
                entities.append(entity)
    finally:
        connection.close()
    by_name = {entity.name.lower(): entity for entity in entities}
    edges = [_edge(key, by_name, schema.foreign_keys) for key in schema.foreign_keys]
    said = frozenset(word for e in entities for f in e.fields for noun in f.nouns for word in noun.lower().split())
    return Facts(tuple(entities), tuple(edge for edge in edges if edge), said)


def _common_prefixes(schema: Schema) -> frozenset[str]:
    """Words that most tables start with (`shop_orders`, `shop_items`)."""
    if len(schema.tables) < 3:
        return frozenset()
    starts = Counter(found[0] for table in schema.tables if len(found := words(table.name)) > 1)
    return frozenset(word for word, count in starts.items() if count >= 0.8 * len(schema.tables))


def _entity(
    connection: sqlite3.Connection,
    table: Table,
    refers: set[tuple[str, str]],
    referred: set[tuple[str, str]],
    prefixes: frozenset[str],
) -> Entity:
    quoted = '"' + table.name.replace('"', '""') + '"'
    rows = connection.execute(f"SELECT * FROM {quoted} LIMIT {READ}").fetchall()
    fields = []
    keys = [column for column in table.columns if column.primary_key]
    for i, column in enumerate(table.columns):
        place = (table.name.lower(), column.name.lower())
        is_key = (column.primary_key and len(keys) == 1) or place in refers
        cells = [row[i] for row in rows]
        fields.append(_field(table.name, column.name, column.type, is_key, place in refers, place in referred, cells))
    key = next((field for field, column in zip(fields, table.columns, strict=True) if column.primary_key), None)
    title = _title(fields)
    linking = sum((table.name.lower(), field.name.lower()) in refers for field in fields)
    nouns = table_nouns(table.name, prefixes)
    noun_words = {field.nouns[0] for field in fields}
    person = is_person(nouns[0]) or bool(
        {"first name", "last name", "gender", "birth date", "date of birth"} & noun_words
    )
    spoken = speakable(table.name) and not (linking >= 2 and len(fields) - linking <= 2 and not title)
    return Entity(
        table.name,
        identifier(table.name),
        nouns,
        person,
        tuple(fields),
        len(rows),
        key if len(keys) == 1 else None,
        title,
        spoken,
    )


def _field(
    table: str, column: str, declared: str, is_key: bool, refers: bool, referred: bool, cells: list[object]
) -> Field:
    present = [cell for cell in cells if cell is not None and cell != ""]
    numbers = [cell for cell in present if isinstance(cell, int | float)]
    texts = [cell for cell in present if isinstance(cell, str)]
    usable: list[str | int | float]
    if len(numbers) == len(present):
        usable = [cell for cell in numbers if abs(cell) < 1e12 and (isinstance(cell, int) or "e" not in repr(cell))]
    elif len(texts) == len(present):
        usable = [cell for cell in texts if _plain_cell(cell)]
    else:
        usable = []
    counts = Counter(usable)
    role = _role(column, declared, is_key, refers, referred, usable, texts, counts, len(present))
    ordered = sorted(counts, key=lambda cell: (-counts[cell], str(cell)))
    return Field(
        table,
        column,
        f"{identifier(table)}.{identifier(column)}",
        role,
        _nouns(column, table, role, usable),
        tuple(ordered[:200]),
        tuple(cell for cell in ordered[:12] if counts[cell] > 1),
        len(set(map(str, present))),
        len(present) < len(cells),
    )


UNCOUNTED = frozenset(
    """
    sales earnings points kilograms kilometers funds degrees funding gross days status plus has
    """.split()
) - {"days"}


def _nouns(column: str, table: str, role: Role, cells: list[str | int | float]) -> tuple[str, ...]:
    """What the column is called, given what it holds: `platforms` with whole numbers is a number of platforms."""
    nouns = column_nouns(column, table)
    if role in ("date", "year"):
        return tuple(dict.fromkeys(moment_nouns(noun, role) for noun in nouns))
    last = nouns[0].split()[-1]
    plural_noun = (
        last.endswith("s")
        and one(last) != last
        and last not in UNCOUNTED
        and " in " not in nouns[0]
        and " per " not in nouns[0]
    )
    if (
        role == "number"
        and plural_noun
        and "number" not in nouns[0]
        and all(isinstance(cell, int) for cell in cells[:50])
    ):
        limit = re.fullmatch(r"(maximum|minimum|total|average) (.+)", nouns[0])
        return (f"{limit.group(1)} number of {limit.group(2)}" if limit else f"number of {nouns[0]}",)
    tallied = re.fullmatch(r"(\w+s) (sold|for|against|spent|taken|scored|won|lost|played|in stock|with \w+)", nouns[0])
    if role == "number" and (tallied or nouns[0].startswith("years of ")):
        return (f"number of {nouns[0]}",)
    if role == "flag":
        return (f"{nouns[0]} status" if nouns[0].split()[-1] not in ("status", "flag") else nouns[0],)
    return nouns


def _plain_cell(cell: str) -> bool:
    return 1 <= len(cell) <= 40 and cell == " ".join(cell.split()) and cell.isprintable() and '"' not in cell


def _role(
    column: str, declared: str, is_key: bool, refers: bool, referred: bool,
    usable: list[str | int | float], texts: list[str], counts: Counter[str | int | float], present: int,
) -> Role:  # fmt: skip
    spelled = "_".join(words(column)) or column.lower()
    numeric = bool(usable) and not texts
    if re.search(r"(?:^|_)(name|title|fname|lname)$|name$", spelled) and texts and not (refers and not is_key):
        return "name" if not refers else "key"
    if is_key or spelled == "id" or spelled.endswith("_id"):
        return "key"
    if {str(cell).lower() for cell in counts} in FLAGS and not re.search(r"gender|sex", spelled):
        return "flag"
    if texts and usable and all(re.match(r"\d{4}-\d\d-\d\d", str(cell)) for cell in usable):
        return "date"
    years = numeric and all(isinstance(cell, int) and 1000 <= cell <= 2100 for cell in usable)
    if years and re.search(
        r"year|yr|founded|opened|built|since|released|established|season|born|joined|formed|hired|published|ed$",
        spelled,
    ):
        return "year"
    if numeric and (CODES.search(spelled) or re.search(r"(num|nbr)$", spelled)) and not COUNTED.search(spelled):
        return "code"
    if numeric:
        return "number" if not referred else "key"
    if texts and sum(map(len, texts)) > 60 * len(texts):
        return "prose"
    if texts and len(counts) <= max(3, min(40, present * 0.6)):
        return "group"
    return "text"


def _title(fields: list[Field]) -> tuple[Field, ...]:
    """The name column; first and last name together where a person has both."""
    by_noun = {field.nouns[0]: field for field in fields if field.role in ("name", "text", "group")}
    if "first name" in by_noun and "last name" in by_noun:
        return by_noun["first name"], by_noun["last name"]
    for noun in ("name", "title", "full name"):
        if noun in by_noun:
            return (by_noun[noun],)
    return tuple(field for field in fields if field.role == "name")[:1]


def _edge(key: ForeignKey, by_name: dict[str, Entity], keys: tuple[ForeignKey, ...]) -> Edge | None:
    child, parent = by_name.get(key.table.lower()), by_name.get(key.ref_table.lower())
    if child is None or parent is None:
        return None
    fields = [f for f in child.fields if f.name.lower() == key.column.lower()]
    others = [f for f in parent.fields if f.name.lower() == key.ref_column.lower()]
    if not fields or not others:
        return None
    twin = sum({k.table.lower(), k.ref_table.lower()} == {key.table.lower(), key.ref_table.lower()} for k in keys) > 1
    role = re.sub(r" (id|code|number|key|name|ref|reference)$", "", fields[0].nouns[-1])
    role = " ".join([*role.split()[:-1], one(role.split()[-1])]) if role else parent.nouns[0]
    known = {word for noun in parent.nouns for word in noun.split()}
    own_words = set(role.split())
    if twin or child.name == parent.name:
        nouns: tuple[str, ...] = (role,)
    elif own_words <= known or role == "id" or len(role) < 4:
        nouns = parent.nouns
    else:
        nouns = (*parent.nouns, role) if own_words & known or is_person(role) else parent.nouns
    return Edge(child, fields[0], parent, others[0], nouns, twin)


def many(rng: random.Random, nouns: tuple[str, ...]) -> str:
    """A plural for one of the nouns, mostly the first."""
    return plural(nouns[0] if rng.random() < 0.8 else rng.choice(nouns))
