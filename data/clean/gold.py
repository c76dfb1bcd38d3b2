"""A gold query over a real database: in plain style where that returns the same rows, else as it is."""

from pathlib import Path

from ...core.errors import DataError, QueryError
from ...core.records import Schema
from ...databases.sqlite import run
from ...sql.compare import orders
from ...sql.guard import check
from ...sql.normalise import normalise
from .learnable_sql import one_line
from .left_out import LeftOut, refusal

SECONDS = 5  # that a gold query may take
ROWS = 5000  # of its result that are compared


def gold(query: str, database: Path, schema: Schema) -> str:
    """Return the gold query in plain style. Raises LeftOut."""
    try:
        check(query)
    except QueryError as error:
        raise LeftOut(refusal(error)) from None
    try:
        sql = plain(query, database, schema)
    except (QueryError, LeftOut):
        raise LeftOut("gold SQL fails") from None
    if " ON TRUE" in sql:
        raise LeftOut("join without a condition")
    return sql


def plain(query: str, database: Path, schema: Schema) -> str:
    """Write a gold query in plain style where that gives the same rows, else on one line as it is.

    Raises QueryError when it fails, LeftOut when it cannot be written on one line.
    """
    url = str(database)
    expected = run(url, query, timeout=SECONDS, max_rows=ROWS)
    try:
        sql = normalise(query, schema)
        result = run(url, sql, timeout=SECONDS, max_rows=ROWS)
        ranked = list if orders(query) else sorted
        if ranked(map(repr, result.rows)) == ranked(map(repr, expected.rows)):
            return sql
    except (DataError, QueryError, RecursionError):
        pass
    return one_line(query.strip().rstrip(";"))
