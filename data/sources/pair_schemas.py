"""The schemas of a file of pairs: each text is read once, and tables of one key get the columns of all its rows."""

from collections import defaultdict
from dataclasses import dataclass

from ...core.errors import DataError
from ...core.records import Column, Schema, Table
from ...sql.ddl.parse import parse_ddl
from ...sql.names import fold
from ..clean.left_out import LeftOut
from .pair_rows import PairRow
from .shape import Shape, shape

REFUSED = {
    "creates no table": "no table in the schema",
    "two tables called": "two tables of one name in the schema",
    "takes columns from": "the schema takes columns from a table that it does not create",
    "which a query makes": "the schema changes a table that a query makes",
    "of columns and of a query": "the schema makes a table of columns and of a query",
}
"""What sql/ddl/parse.py says against a schema, and the reason to count."""


@dataclass(frozen=True)
class SchemaRow:
    """A row whose schema could be read. `key` names its database: rows of one key are of one schema."""

    pair: PairRow
    schema: Schema
    key: str


class PairSchemas:
    """The schemas of a file, while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.parsed: dict[str, Schema | str] = {}
        """By DDL text: its schema, or the reason why it cannot be used."""
        self.keys: dict[Shape, str] = {}
        self.columns: dict[tuple[str, str], dict[str, Column]] = defaultdict(dict)
        self.names: dict[tuple[str, str], str] = {}
        self.made: dict[tuple[str, str], Schema] = {}

    def read(self, row: PairRow, key: str = "") -> SchemaRow:
        """Give a row its schema and key; `key` is one that is known already. Raises LeftOut."""
        if not row.question.strip():
            raise LeftOut("empty question")
        schema = self.parse(row.schema)
        if isinstance(schema, str):
            raise LeftOut(schema)
        key = key or self._key(schema, row)
        self._collect(schema, key)
        return SchemaRow(row, schema, key)

    def _key(self, schema: Schema, row: PairRow) -> str:
        key = self.keys.setdefault(shape(schema), f"{self.file}:{row.number}")
        if row.table_id:
            key = f"{self.file}:{row.table_id}"
        return key

    def _collect(self, schema: Schema, key: str) -> None:
        """Note the tables and columns of a key."""
        for table in schema.tables:
            self.names.setdefault((key, fold(table.name)), table.name)
            columns = self.columns[key, fold(table.name)]
            for column in table.columns:
                known = columns.get(fold(column.name), column)
                kind = column.type if known.type == "text" else known.type
                columns[fold(column.name)] = Column(known.name, kind, known.primary_key or column.primary_key)

    def parse(self, ddl: str) -> Schema | str:
        """Return the schema of a DDL text, or the reason why it cannot be used; each text is parsed once."""
        if ddl not in self.parsed:
            try:
                self.parsed[ddl] = parse_ddl(ddl)
            except DataError as error:
                known = (reason for part, reason in REFUSED.items() if part in error.message)
                self.parsed[ddl] = next(known, "the schema cannot be parsed")
        return self.parsed[ddl]

    def whole(self, row: SchemaRow) -> SchemaRow:
        """Give a row the schema with all columns that the rows of its key have; to be called once all are read."""
        place = row.key, row.pair.schema
        if place not in self.made:
            tables = tuple(
                Table(
                    self.names[row.key, fold(table.name)],
                    tuple(self.columns[row.key, fold(table.name)].values()),
                    table.derived,
                )
                for table in row.schema.tables
            )
            self.made[place] = Schema(tables, row.schema.foreign_keys, row.key)
        return SchemaRow(row.pair, self.made[place], row.key)
