"""A row that is in a file and cannot be read, and how long a row may be."""

from typing import Any

LONGEST_ROW = 20_000_000  # characters, in tables bytes; a longer row is passed over


class Unread(str):
    """Stands in the place of such a row, and says why in few words."""


TOO_LONG = Unread("longer than 20 million characters, left out")

FileRow = tuple[int, Any]
"""The line of a row (in lists and Parquet its place, from 1), and what stands there; Unread where it cannot be read."""
