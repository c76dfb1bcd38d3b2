"""One chunk of rows of one database or schema, checked in a worker process: the work that `workers.py` hands out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ...core.errors import DataError, QueryError
from ...core.records import Example, Schema
from ...databases.cells import flat
from ...databases.sqlite import run
from ...sql.names import columns_of
from ...sql.query_class import query_class
from ...sql.skeleton import skeleton
from ..clean.ddl_rows import has_inserts
from ..clean.gold import gold
from ..clean.learnable_sql import learnable_sql, quiet_parser
from ..clean.left_out import LeftOut
from ..clean.opaque_names import speaking_name
from ..clean.trial_database import trial_database
from ..pairs import schema_from, schema_json
from ..sources.database import Database, open_database
from ..sources.named_cells import MOST_HINTS, known_cells, named_cells
from ..sources.pair_rows import PairRow
from ..sources.pair_schemas import PairSchemas, SchemaRow
from ..sources.shape import shape
from .audit import audit
from .store import KeptPair

AUDIT_SECONDS = 2.0  # that a query of the audit may take
LOST = "takes too long or ends the process"


Parsed = tuple[int, str | None, str | None, str | None]
"""Of a DDL text: its id, the shape of its schema, the schema as JSON, or the reason why it cannot be used."""


@dataclass(frozen=True)
class Chunk:
    """Rows that ask one database: `rows` are id, number, question, sql, name of the database and DDL text or ''.

    `ddls` are all DDL texts that rows of this schema have, in the order of the source, with their schemas as JSON;
    empty where `db` is a file.
    """

    source: str
    key: str
    rows: tuple[tuple[int, int, str, str, str], ...]
    ddls: tuple[tuple[str, str], ...] = ()
    db: str = ""


@dataclass
class Checked:
    """What became of a chunk: pairs with the ids of their rows, and the ids of rows that are left out with reasons."""

    pairs: list[tuple[int, KeptPair]] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)


def check_chunk(chunk: Chunk, at: Callable[[int], None], lost: frozenset[int]) -> Checked:
    """Check the rows of a chunk by running them; rows whose places are in `lost` are given up."""
    checked = Checked([], [(chunk.rows[place][0], LOST) for place in sorted(lost)])
    with quiet_parser():
        if chunk.db:
            _over_database(chunk, at, lost, checked)
        else:
            _over_schema(chunk, at, lost, checked)
    return checked


def parse_texts(texts: Sequence[tuple[int, str]], at: Callable[[int], None], lost: frozenset[int]) -> list[Parsed]:
    """Parse DDL texts: for each id the shape of its schema and the schema, or the reason why it cannot be used."""
    parsed: list[Parsed] = []
    with quiet_parser():
        for place, (number, text) in enumerate(texts):
            if place in lost:
                parsed.append((number, None, None, LOST))
                continue
            at(place)
            schema = PairSchemas("").parse(text)
            if isinstance(schema, str):
                parsed.append((number, "", None, schema))
                continue
            names = json.dumps(sorted((t, *sorted(c)) for t, c in shape(schema)))
            parsed.append((number, names, _schema_text(schema), None))
    return parsed


def _schema_text(schema: Schema) -> str:
    derived = [table.name for table in schema.tables if table.derived]
    return json.dumps({**schema_json(schema), "derived": derived}, ensure_ascii=False)


def _schema(text: str) -> Schema:
    """Read what `_schema_text` wrote."""
    item = json.loads(text)
    schema = schema_from(item)
    if not item["derived"]:
        return schema
    tables = (replace(table, derived=table.name in item["derived"]) for table in schema.tables)
    return replace(schema, tables=tuple(tables))


def _over_schema(chunk: Chunk, at: Callable[[int], None], lost: frozenset[int], checked: Checked) -> None:
    """Rows with DDL: the tables are made in memory, with the rows of the DDL and a few more."""
    learnt: dict[int, tuple[SchemaRow, str, tuple[str, ...]]] = {}
    for (schema, ddl), places in _places_by_schema(chunk, lost, checked).items():
        try:
            with trial_database(schema, ddl) as trial:
                for place in places:
                    at(place)
                    id_of_row, number, question, sql, own_ddl = chunk.rows[place]
                    try:
                        plain = learnable_sql(sql, trial, own_ddl)
                    except LeftOut as reason:
                        checked.left_out.append((id_of_row, str(reason)))
                        continue
                    pair = PairRow(number, question, own_ddl, sql)
                    learnt[place] = (
                        SchemaRow(pair, schema, chunk.key),
                        plain,
                        audit(question, plain, schema, trial.given_rows),
                    )
        except DataError:
            gone = [place for place in places if place not in learnt]
            checked.left_out += [(chunk.rows[place][0], "the schema cannot be made in SQLite") for place in gone]
    cells = known_cells([(row, sql) for row, sql, _ in learnt.values()])
    for place in sorted(learnt):
        schema_row, sql, marks = learnt[place]
        hints = named_cells(schema_row, cells)[:MOST_HINTS]
        pair = schema_row.pair
        example = speaking_name(Example(pair.question, sql, schema_row.schema, hints, chunk.key, chunk.source))
        _keep(checked, chunk.rows[place][0], example, marks)


def _places_by_schema(chunk: Chunk, lost: frozenset[int], checked: Checked) -> dict[tuple[Schema, str], list[int]]:
    """The places of rows whose tables and inserted rows are the same, so that one database in memory serves them."""
    schemas = PairSchemas(chunk.source)
    for ddl, text in chunk.ddls:
        schemas.parsed[ddl] = _schema(text)
        schemas.read(PairRow(0, "-", ddl, "", chunk.key), key=chunk.key)
    places: dict[tuple[Schema, str], list[int]] = {}
    for place, (number, _, _, _, ddl) in enumerate(chunk.rows):
        if place in lost:
            continue
        try:
            whole = schemas.whole(schemas.read(PairRow(0, "-", ddl, "", chunk.key), key=chunk.key))
        except LeftOut as reason:
            checked.left_out.append((number, str(reason)))
            continue
        places.setdefault((whole.schema, ddl if has_inserts(ddl) else ""), []).append(place)
    return places


def _over_database(chunk: Chunk, at: Callable[[int], None], lost: frozenset[int], checked: Checked) -> None:
    """Rows that ask a file: the file itself is the judge, read-only."""
    try:
        database = _database(chunk.db, chunk.rows[0][4])
    except DataError:
        reason = "database cannot be read" if Path(chunk.db).exists() else "database missing"
        checked.left_out += [(row[0], reason) for place, row in enumerate(chunk.rows) if place not in lost]
        return
    for place, (number, _, question, query, name) in enumerate(chunk.rows):
        if place in lost:
            continue
        at(place)
        try:
            sql = gold(query, database.path, database.schema)
        except LeftOut as reason:
            checked.left_out.append((number, str(reason)))
            continue
        question = " ".join(question.split())
        marks = audit(question, sql, database.schema, lambda text: _ran(chunk.db, text))
        example = Example(question, sql, database.schema, database.hints(question), name, chunk.source)
        _keep(checked, number, example, marks)


@lru_cache(maxsize=2)
def _database(path: str, name: str) -> Database:
    return open_database(Path(path), name)


def _ran(path: str, sql: str) -> list[tuple[object, ...]] | None:
    """The first rows that a query returns; None where it fails."""
    try:
        return list(run(path, sql, timeout=AUDIT_SECONDS, max_rows=200).rows)
    except (QueryError, DataError):
        return None


def _keep(checked: Checked, number: int, example: Example, marks: Sequence[str]) -> None:
    checked.pairs.append((number, kept_pair(example, marks)))


def kept_pair(example: Example, marks: Sequence[str] = ()) -> KeptPair:
    """Make of a pair what the store keeps of it."""
    shape = skeleton(example.sql)
    schema, tables = _written(example.schema)
    return KeptPair(
        example.question,
        example.sql,
        schema,
        json.dumps([[hint.table, hint.column, hint.value] for hint in example.hints], ensure_ascii=False),
        example.database,
        " ".join(marks),
        flat(example.question),
        shape,
        " ".join(query_class(example.sql, shape)),
        tables,
    )


@lru_cache(maxsize=16)
def _written(schema: Schema) -> tuple[str, str]:
    return json.dumps(schema_json(schema), ensure_ascii=False), tables_of(schema)


def tables_of(schema: Schema) -> str:
    """Return a hash of each table, by its name and those of its columns, in order; views are passed over."""
    base = Schema(tuple(table for table in schema.tables if not table.derived))
    named = (f"{table}({','.join(sorted(columns))})" for table, columns in columns_of(base).items())
    return " ".join(sorted(hashlib.sha256(name.encode()).hexdigest()[:16] for name in named))
