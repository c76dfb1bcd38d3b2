"""A query that SQLite does not understand over a schema, mended without a model where that makes it understood."""

from ..core.records import Schema
from ..sql.repair import Repaired, repair
from .requote import understood


def mend(sql: str, schema: Schema) -> Repaired | None:
    """Return the mended query; None for one that is understood as it is, or that stays wrong.

    Nothing is run: the query is prepared over empty tables of the schema.
    """
    if not sql or understood(sql, schema):
        return None
    repaired = repair(sql, schema)
    return repaired if repaired is not None and understood(repaired.sql, schema) else None
