"""Cells of any database as SQLite would return them: the same query then gives the same rows on every engine."""

import datetime
import json
from decimal import Decimal
from typing import Any

from ..core.errors import QueryError

LONGEST_VALUE = 10_000_000  # characters or bytes of a cell that a query returns
LONGEST_RESULT = 64 * 2**20  # of text and blobs of one result


def plain_value(value: Any) -> Any:
    """Return None, a bool, int, float, str or bytes; dates as ISO text with a blank before the time.

    >>> plain_value(Decimal("12")), plain_value(Decimal("0.5")), plain_value(datetime.datetime(2026, 1, 2, 3, 4))
    (12, 0.5, '2026-01-02 03:04:00')
    """
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            return float(value)
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, list | tuple | dict | set):
        return json.dumps(_nested(value), ensure_ascii=False, default=str)
    return str(value)


def _nested(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _nested(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_nested(inner) for inner in value]
    return value.hex() if isinstance(value, bytes) else plain_value(value)


class Rows:
    """The rows of one result as they come: bounded by number, by the size of a cell and by their size together."""

    def __init__(self, max_rows: int) -> None:
        self.max_rows = max_rows
        self.rows: list[tuple[Any, ...]] = []
        self.truncated = False
        self._size = 0

    def add(self, row: Any) -> bool:
        """Take one more row; False when there is no room for it. Raises QueryError for a cell that is too large."""
        if len(self.rows) == self.max_rows or self._size > LONGEST_RESULT:
            self.truncated = True
            return False
        cells = tuple(plain_value(value) for value in row)
        lengths = [len(value) for value in cells if isinstance(value, str | bytes)]
        if lengths and max(lengths) > LONGEST_VALUE:
            raise QueryError(f"a cell of {max(lengths) / 1e6:.0f} MB is too large to be returned", kind="too_large")
        self.rows.append(cells)
        self._size += sum(lengths)
        return True
