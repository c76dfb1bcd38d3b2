"""Look at a database's first rows: give each column its role and its words, and each table its title."""

import dataclasses
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence

from ...core.records import Column, Schema, Table
from ...databases.sqlite import connect
from ...sql.name_words import singular, words
from ...sql.names import identifier
from .edges import read_edge
from .facts import Entity, Facts, Field, Role
from .language.naming import HAPPENED, column_nouns, is_noun, is_person, moment_nouns, speakable, table_nouns
from .language.nouns import UNCHANGED, singular_noun
from .names import Names

Cell = str | int | float
NO_NAMES = Names()

READ = 1_500  # rows of a table that are looked at
MOST_CELLS = 200
MOST_FREQUENT = 12
LONGEST_CELL = 40  # characters of a text that a question may name
LARGEST_NUMBER = 1e12
PROSE_LENGTH = 60  # characters: texts that are longer on average are prose
GROUP_SHARE = 0.6  # different texts per row: up to here they group the rows
MOST_GROUPS = 40
PREFIX_SHARE = 0.8  # of the tables that start with a word for it to be a prefix
FLAGS = ({"0", "1"}, {"y", "n"}, {"yes", "no"}, {"t", "f"}, {"true", "false"})
CODES = re.compile(
    r"(?:^|_)(code|zip|zipcode|postcode|phone|fax|ssn|isbn|mobile|latitude|longitude|lat|lng|lon|api|number|num|no|nr|pin|room|major|minor)$"
)
COUNTED = re.compile(r"number_of|num_of|_count|^(?:num|no|number)_\w*s$")
YEARS = re.compile(
    r"year|yr|founded|opened|built|since|released|established|season|born|joined|formed|hired|published|launch|date|ed$"
)
NAMES = re.compile(r"(?:^|_)(name|title|fname|lname)$|name$")
TALLIES = re.compile(
    r"(\w+s) (sold|for|against|spent|taken|scored|won|lost|played|available|left|remaining|in stock|with \w+)"
)
UNCOUNTED = frozenset("sales earnings kilograms kilometers funds degrees funding gross status plus has".split())
PAID_OUT = frozenset("budgeted invested donated spent paid earned claimed settled raised funded sold charged".split())
"""Participles that are all of the name of a column of numbers: a budgeted amount."""
NOT_NAMES = frozenset(["address", "comment", "note", "message", "review", "email", "phone number", "password"])
PERSONAL = frozenset(["first name", "last name", "gender", "birth date", "date of birth"])


@dataclasses.dataclass(frozen=True)
class _Keys:
    """Places (table, column; lower case) that refer, and those that are referred to."""

    refers: frozenset[tuple[str, str]]
    referred: frozenset[tuple[str, str]]
    words: Mapping[str, frozenset[str]]
    """By table in lower case, the words of the tables that it refers to."""


def read_facts(url: str, schema: Schema, names: Names = NO_NAMES, *, values: bool = True) -> Facts:
    """Read the facts of a database from every table's first rows; without `values` no cell is in them.

    Tables without rows are skipped: no query over them could be checked.
    """
    keys = _Keys(
        frozenset((key.table.lower(), key.column.lower()) for key in schema.foreign_keys),
        frozenset((key.ref_table.lower(), key.ref_column.lower()) for key in schema.foreign_keys),
        {
            table.name.lower(): frozenset(
                word
                for key in schema.foreign_keys
                if key.table.lower() == table.name.lower()
                for word in table_nouns(key.ref_table)[0].split()
            )
            for table in schema.tables
        },
    )
    prefixes = _common_prefixes(schema)
    entities = []
    connection = connect(url)
    try:
        for table in schema.tables:
            quoted = '"' + table.name.replace('"', '""') + '"'
            try:
                rows = connection.execute(f"SELECT * FROM {quoted} LIMIT {READ}").fetchall()
            except sqlite3.DatabaseError:  # a view whose tables are gone
                continue
            if rows:
                entity = _named(_entity(table, rows, keys, prefixes), names)
                entities.append(entity if values else _without_cells(entity))
    finally:
        connection.close()
    entities = _by_other_words(entities, names)
    by_name = {entity.name.lower(): entity for entity in entities}
    edges = [read_edge(key, by_name, schema.foreign_keys) for key in schema.foreign_keys]
    fields = [field for entity in entities for field in entity.fields]
    column_words = frozenset(word for field in fields for noun in field.nouns for word in noun.lower().split())
    return Facts(tuple(entities), tuple(edge for edge in edges if edge), column_words)


def _named(entity: Entity, names: Names) -> Entity:
    """An entity with the words that the user gave it and its columns; without the columns that no question names."""
    low = entity.name.lower()

    def named(field: Field) -> Field:
        nouns = names.columns.get((low, field.name.lower()))
        return dataclasses.replace(field, nouns=nouns) if nouns else field

    def is_kept(field: Field) -> bool:
        given = names.columns.get((low, field.name.lower()))
        return field.role == "key" or bool(given if given is not None else is_noun(field.nouns[0]))

    nouns = names.tables.get(low)
    return dataclasses.replace(
        entity,
        nouns=nouns or entity.nouns,
        person=is_person(nouns[0]) if nouns else entity.person,
        spoken=nouns != () and (entity.spoken or bool(nouns)),
        fields=tuple(named(field) for field in entity.fields if is_kept(field)),
        key=named(entity.key) if entity.key else None,
        title=tuple(named(field) for field in entity.title if is_kept(field)),
    )


def _by_other_words(entities: Sequence[Entity], names: Names) -> list[Entity]:
    """Tables of the same noun by all words of their names: schools, and school details."""
    times = Counter(entity.nouns[0] for entity in entities)

    def full(entity: Entity) -> Entity:
        if times[entity.nouns[0]] == 1 or entity.name.lower() in names.tables:
            return entity
        *first, last = words(entity.name) or [entity.name]
        return dataclasses.replace(entity, nouns=(" ".join([*first, singular_noun(last)]),))

    return [full(entity) for entity in entities]


def _without_cells(entity: Entity) -> Entity:
    def bare(field: Field) -> Field:
        return dataclasses.replace(field, cells=(), frequent=())

    return dataclasses.replace(
        entity,
        fields=tuple(map(bare, entity.fields)),
        key=bare(entity.key) if entity.key else None,
        title=tuple(map(bare, entity.title)),
    )


def _common_prefixes(schema: Schema) -> frozenset[str]:
    """Words that most tables start with (`shop_orders`, `shop_items`)."""
    if len(schema.tables) < 3:
        return frozenset()
    starts = Counter(parts[0] for table in schema.tables if len(parts := words(table.name)) > 1)
    return frozenset(word for word, count in starts.items() if count >= PREFIX_SHARE * len(schema.tables))


def _entity(table: Table, rows: Sequence[Sequence[object]], keys: _Keys, prefixes: frozenset[str]) -> Entity:
    primary = [column for column in table.columns if column.primary_key]
    columns = [[row[i] for row in rows] for i in range(len(table.columns))]
    fields = [
        _field(table.name, column, cells, keys, single_key=column.primary_key and len(primary) == 1)
        for column, cells in zip(table.columns, columns, strict=True)
    ]
    fields = _told_apart(
        [field for field, cells in zip(fields, columns, strict=True) if _can_be_asked(field, cells)],
        primary[0].name if len(primary) == 1 else "",
    )
    if len(fields) > 1 and not any(field.role == "name" for field in fields):
        fields = [_named_like_table(field, table_nouns(table.name)[0]) for field in fields]
    title = _title(fields)
    if len(title) == 1:
        fields = [dataclasses.replace(field, titles=field == title[0]) for field in fields]
        title = tuple(field for field in fields if field.titles)
    nouns = table_nouns(table.name, prefixes)
    low = table.name.lower()
    linking = sum((table.name.lower(), field.name.lower()) in keys.refers for field in fields)
    link_table = linking >= 2 and not title and (len(fields) - linking <= 2 or set(nouns[0].split()) <= keys.words[low])
    return Entity(
        name=table.name,
        sql=identifier(table.name),
        nouns=nouns,
        person=is_person(nouns[0]) or bool(PERSONAL & {field.nouns[0] for field in fields}),
        fields=tuple(fields),
        rows=len(rows),
        key=next((f for f in fields if f.name == primary[0].name), None) if len(primary) == 1 else None,
        title=title,
        spoken=speakable(table.name) and not link_table,
    )


def _named_like_table(field: Field, noun: str) -> Field:
    """The column `city` of the table `city` is the name of the city."""
    if field.nouns[0] != noun or field.role not in ("text", "group") or noun in NOT_NAMES:
        return field
    return dataclasses.replace(field, role="name", nouns=("name", noun))


def _can_be_asked(field: Field, cells: Sequence[object]) -> bool:
    """Tell whether a column has anything to read: some cell, and not only bytes."""
    return field.role == "key" or any(not isinstance(cell, bytes) and cell not in (None, "") for cell in cells)


def _told_apart(fields: Sequence[Field], key: str) -> list[Field]:
    """Columns of a table by words that no other one has: the full name where the short one would mean two."""
    brief = Counter(field.nouns[0] for field in fields)
    dates = [field for field in fields if field.role in ("date", "year")]
    return [
        dataclasses.replace(
            field,
            nouns=field.nouns[::-1] if brief[field.nouns[0]] > 1 and field.name != key else field.nouns,
            lone=dates == [field],
        )
        for field in fields
    ]


def _field(table: str, column: Column, cells: Sequence[object], keys: _Keys, *, single_key: bool) -> Field:
    place = (table.lower(), column.name.lower())
    present = [cell for cell in cells if cell is not None and cell != ""]
    usable = _usable(present)
    counts = Counter(usable)
    refers = place in keys.refers
    role = _role(
        column.name, usable, present, is_key=single_key or refers, refers=refers, referred=place in keys.referred
    )
    if role == "year":
        counts = Counter(int(cell) for cell in usable)  # 1992, also where it is kept as 1992.0
    ordered = sorted(counts, key=lambda cell: (-counts[cell], str(cell)))
    return Field(
        table=table,
        name=column.name,
        sql=f"{identifier(table)}.{identifier(column.name)}",
        role=role,
        nouns=_nouns(column.name, table, role, usable),
        cells=tuple(ordered[:MOST_CELLS]),
        frequent=tuple(cell for cell in ordered[:MOST_FREQUENT] if counts[cell] > 1),
        distinct=len(set(map(str, present))),
        nulls=len(present) < len(cells),
        table_sql=identifier(table),
        refers=refers,
        timed=role == "date" and any(len(str(cell)) > 10 for cell in counts),
    )


def _usable(present: Sequence[object]) -> list[Cell]:
    """The cells that a question can name, where all are numbers or all are texts."""
    numbers = [cell for cell in present if isinstance(cell, int | float)]
    if len(numbers) == len(present):
        return [n for n in numbers if abs(n) < LARGEST_NUMBER and (isinstance(n, int) or "e" not in repr(n))]
    texts = [cell for cell in present if isinstance(cell, str)]
    return [text for text in texts if _plain(text)] if len(texts) == len(present) else []


def _plain(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_CELL and text == " ".join(text.split()) and text.isprintable() and '"' not in text


def _nouns(column: str, table: str, role: Role, cells: Sequence[Cell]) -> tuple[str, ...]:
    """What the column is called, given what it holds: `platforms` with whole numbers is a number of platforms."""
    nouns = column_nouns(column, table)
    brief = nouns[0]
    if role in ("date", "year"):
        return tuple(dict.fromkeys(moment_nouns(noun, role) for noun in nouns))
    if role in ("text", "group") and brief in HAPPENED and any(re.search(r"\d{4}", str(cell)) for cell in cells):
        return (f"{HAPPENED[brief]} date",)  # a date that is not written as ISO text
    if role == "group" and brief.split()[-1] != "details":
        return tuple(_one(noun) for noun in nouns)
    if role == "flag":
        return (f"{brief} status" if brief.split()[-1] not in ("status", "flag") else brief,)
    if role != "number":
        return nouns
    last = brief.split()[-1]
    is_plural = last.endswith("s") and singular_noun(last) != last and last not in UNCOUNTED
    divided = " in " in brief or " per " in brief or "number" in brief
    if last == "points" and not divided:
        return (f"number of {brief}",)
    if brief in PAID_OUT:
        return (f"{brief} amount",)
    if re.fullmatch(r"[a-z]+ed", brief):
        return (f"number {brief}",)  # killed, injured
    if is_plural and not divided and all(cell == int(cell) for cell in cells[:50] if not isinstance(cell, str)):
        bound = re.fullmatch(r"(maximum|minimum|total|average) (.+)", brief)
        return (f"{bound[1]} number of {bound[2]}" if bound else f"number of {brief}",)
    if TALLIES.fullmatch(brief) or brief.startswith("years of "):
        return (f"number of {brief}",)
    return nouns


def _one(noun: str) -> str:
    """The noun of one group: events are grouped by event, and counties represented by county represented."""
    *first, last = noun.split()
    if first and last.endswith("ed"):
        return f"{_one(' '.join(first))} {last}"
    return " ".join([*first, last if last in UNCHANGED else singular(last)])


def _role(
    column: str, usable: Sequence[Cell], present: Sequence[object], *, is_key: bool, refers: bool, referred: bool
) -> Role:
    """The role of a column, by its name and its cells."""
    spelled = "_".join(words(column)) or column.lower()
    texts = [cell for cell in present if isinstance(cell, str)]
    numeric = bool(usable) and not texts
    if NAMES.search(spelled) and texts:
        return "key" if refers else "name"
    if is_key or spelled == "id" or spelled.endswith("_id"):
        return "key"
    if {str(cell).lower() for cell in usable} in FLAGS and not re.search(r"gender|sex", spelled):
        return "flag"
    if texts and usable and all(re.match(r"\d{4}-\d\d-\d\d", str(cell)) for cell in usable):
        return "date"
    if numeric and YEARS.search(spelled) and all(n == int(n) and 1000 <= n <= 2100 for n in usable):
        return "year"
    if numeric and is_person(words(column)[-1] if words(column) else column):
        return "code"  # an advisor is given by a number
    if numeric and (CODES.search(spelled) or re.search(r"(num|nbr)$", spelled)) and not COUNTED.search(spelled):
        return "code"
    if numeric:
        return "key" if referred else "number"
    if texts and all(text.startswith(("http:", "https:", "www.")) for text in texts):
        return "prose"
    if texts and sum(map(len, texts)) > PROSE_LENGTH * len(texts):
        return "prose"
    if (
        texts
        and not spelled.endswith("details")
        and len(set(usable)) <= max(3, min(MOST_GROUPS, len(present) * GROUP_SHARE))
    ):
        return "group"
    return "text"


def _title(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The name column; first and last name together where a person has both."""
    by_noun = {field.nouns[0]: field for field in fields if field.role in ("name", "text", "group")}
    if "first name" in by_noun and "last name" in by_noun:
        return by_noun["first name"], by_noun["last name"]
    for noun in ("name", "title", "full name"):
        if noun in by_noun:
            return (by_noun[noun],)
    return tuple(field for field in fields if field.role == "name")[:1]
