"""The shape of a schema: which schemas are the same but for types, order and case."""

from ...core.records import Schema
from ...sql.names import columns_of

Shape = frozenset[tuple[str, frozenset[str]]]
"""The names of a schema's tables and columns: schemas that differ in nothing else are one for the split."""


def shape(schema: Schema) -> Shape:
    """Collect the names in a schema, whatever their order, case and types."""
    return frozenset((table, frozenset(columns)) for table, columns in columns_of(schema).items())
