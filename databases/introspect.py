"""The schema of a live database, with the few sample cells and keys that help a model most."""

import contextlib

from ..core.errors import DataError
from ..core.records import Schema
from .database import open_database
from .url import masked


def introspect(url: str, name: str = "") -> Schema:
    """Read the schema of a database, with samples and with the keys it forgot to declare.

    Raises DataError when the file is missing, no database, or holds no table that can be read.
    """
    with contextlib.closing(open_database(url)) as database:
        schema = database.schema(name)
    if not schema.tables:
        raise no_tables(url)
    return schema


def no_tables(url: str) -> DataError:
    """Return the error for a database without tables."""
    return DataError(
        f"{masked(url)}: has no tables to ask about", fix="give the database that holds your tables with --db"
    )
