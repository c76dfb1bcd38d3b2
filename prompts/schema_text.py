"""A schema and a cell as text that a model reads."""

from ..core.control_tokens import masked
from ..core.records import Schema
from ..sql.names import identifier


def render_schema(schema: Schema) -> str:
    """Return a schema as the model reads it: a line `table.column type pk ['sample', ...]` per column, then the keys.

    Names can be copied into a query: lower case, and quoted where SQL needs it (sql/names.py).

    >>> from ..core.records import Column, ForeignKey, Table
    >>> pets = Table("Pets", (Column("ID", "int", True), Column("Pet Name", "text", samples=("Rex",))))
    >>> print(render_schema(Schema((pets,), (ForeignKey("Pets", "ID", "Owners", "Pet"),))))
    pets.id int pk
    pets."pet name" text ['Rex']
    pets.id = owners.pet
    """
    lines = []
    for table in schema.tables:
        for column in table.columns:
            line = f"{identifier(table.name)}.{identifier(column.name)} {column.type}"
            if column.primary_key:
                line += " pk"
            if column.samples:
                line += " [" + ", ".join(literal(sample) for sample in column.samples) + "]"
            lines.append(line)
    for key in schema.foreign_keys:
        target = f"{identifier(key.ref_table)}.{identifier(key.ref_column)}"
        lines.append(f"{identifier(key.table)}.{identifier(key.column)} = {target}")
    return masked("\n".join(lines))


def literal(value: str) -> str:
    """Return a SQL string literal on one line, without the stray blanks that real cells carry at their ends."""
    return "'" + " ".join(value.split()).replace("'", "''") + "'"
