"""DDL text from a schema."""

from ...core.records import ForeignKey, Schema
from ..names import fold, identifier, quoted

DECLARED = {"int": "INTEGER", "real": "REAL", "text": "TEXT", "date": "DATE", "bool": "BOOLEAN"}


def render_ddl(schema: Schema) -> str:
    """Write CREATE TABLE statements for a schema, as a person would paste them.

    >>> from .parse import parse_ddl
    >>> print(render_ddl(parse_ddl("create table Pets (id int primary key, name text)")))
    CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT);
    """
    made = []
    keys: dict[str, list[ForeignKey]] = {}
    for key in schema.foreign_keys:
        keys.setdefault(fold(key.table), []).append(key)
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
            for key in keys.get(fold(table.name), ())
        ]
        # a plain name everywhere but after CREATE TABLE
        name = quoted("if") if fold(table.name) == "if" else identifier(table.name)
        made.append(f"CREATE TABLE {name} ({', '.join(parts)});")
    return "\n".join(made)
