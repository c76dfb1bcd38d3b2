"""An answer's query mended without a model: made understood and joined by keys (sql/repair.py), and NULL put right."""

from ..core.records import Schema
from ..sql.nulls import mend_nulls
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
    for improve in (rejoin, mend_nulls):
        improved = improve(sql, schema)
        if improved is not None and understood(improved.sql, schema):
            sql, changes = improved.sql, (*changes, *improved.changes)
    return Repaired(sql, changes) if changes else None
