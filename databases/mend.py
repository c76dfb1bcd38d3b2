"""An answer's query mended without a model: made understood, and joined by keys (sql/repair.py)."""

from ..core.records import Schema
from ..sql.repair import Repaired, rejoin, repair
from .requote import understood


def mend(sql: str, schema: Schema) -> Repaired | None:
    """Return the mended query; None for one that is left as it is, or that stays wrong.

    Nothing is run: queries are prepared over empty tables of the schema.
    """
    if not sql:
        return None
    changes: tuple[str, ...] = ()
    if not understood(sql, schema):
        repaired = repair(sql, schema)
        if repaired is None or not understood(repaired.sql, schema):
            return None
        sql, changes = repaired.sql, repaired.changes
    joined = rejoin(sql, schema)
    if joined is not None and understood(joined.sql, schema):
        sql, changes = joined.sql, (*changes, *joined.changes)
    return Repaired(sql, changes) if changes else None
