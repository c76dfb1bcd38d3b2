"""Schemas from DDL text, and DDL text from schemas."""

from collections.abc import Sequence

from .errors import DataError
from .prompt import identifier
from .records import Column, ForeignKey, Schema, Table
from .schema import complete_keys, simple_type


def parse_ddl(ddl: str, dialect: str = "sqlite", name: str = "") -> Schema:
    """The schema that CREATE TABLE statements describe; other statements are passed over.

    Raises DataError when the text cannot be parsed or creates no table.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = sqlglot.parse(ddl, read=dialect)
    except SqlglotError as error:
        raise DataError(
            f"the schema cannot be parsed: {str(error).splitlines()[0]}", fix="give CREATE TABLE statements"
        ) from None
    tables: list[Table] = []
    keys: list[ForeignKey] = []
    for statement in statements:
        if not isinstance(statement, exp.Create) or not isinstance(statement.this, exp.Schema):
            continue
        table = statement.this.this.name
        primary = {
            item.name.lower()
            for constraint in statement.this.find_all(exp.PrimaryKey)
            for item in constraint.expressions
        }
        columns = []
        for definition in statement.this.expressions:
            if not isinstance(definition, exp.ColumnDef):
                continue
            declared = definition.args["kind"].sql() if definition.args.get("kind") else ""
            is_key = definition.name.lower() in primary or definition.find(exp.PrimaryKeyColumnConstraint) is not None
            columns.append(Column(definition.name, simple_type(declared), is_key))
            reference = definition.find(exp.Reference)
            if reference is not None:
                keys += _reference(table, [definition.name], reference)
        for foreign in statement.this.find_all(exp.ForeignKey):
            reference = foreign.args.get("reference")
            if reference is not None:
                keys += _reference(table, [item.name for item in foreign.expressions], reference)
        tables.append(Table(table, tuple(columns)))
    if not tables:
        raise DataError("the schema creates no table", fix="give CREATE TABLE statements")
    return Schema(tuple(tables), tuple(complete_keys(keys, tables)), name)


DECLARED = {"int": "INTEGER", "real": "REAL", "text": "TEXT", "date": "DATE", "bool": "BOOLEAN"}


def render_ddl(schema: Schema) -> str:
    """CREATE TABLE statements for a schema, as a person would paste them.

    >>> print(render_ddl(parse_ddl("create table Pets (id int primary key, name text)")))
    CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT);
    """
    statements = []
    for table in schema.tables:
        single = sum(column.primary_key for column in table.columns) == 1
        parts = [
            f"{identifier(column.name)} {DECLARED[column.type]}" + " PRIMARY KEY" * (single and column.primary_key)
            for column in table.columns
        ]
        if not single and any(column.primary_key for column in table.columns):
            names = ", ".join(identifier(column.name) for column in table.columns if column.primary_key)
            parts.append(f"PRIMARY KEY ({names})")
        parts += [
            f"FOREIGN KEY ({identifier(key.column)}) "
            f"REFERENCES {identifier(key.ref_table)}({identifier(key.ref_column)})"
            for key in schema.foreign_keys
            if key.table.lower() == table.name.lower()
        ]
        statements.append(f"CREATE TABLE {identifier(table.name)} ({', '.join(parts)});")
    return "\n".join(statements)


def _reference(table: str, columns: Sequence[str], reference: object) -> list[ForeignKey]:
    from sqlglot import exp

    assert isinstance(reference, exp.Reference)
    target = reference.this
    if isinstance(target, exp.Schema):
        return [
            ForeignKey(table, column, target.this.name, other.name)
            for column, other in zip(columns, target.expressions, strict=False)
        ]
    return [ForeignKey(table, column, target.name, "") for column in columns]
