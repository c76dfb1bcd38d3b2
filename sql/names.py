"""Names of tables and columns: how they fold, when SQL needs quotes around them, and an answer's names put right.

One rule for prompts, training pairs, DDL, evaluation and the Modelfile: a name is written in lower case, A to Z only,
since SQLite folds no other letter, and in double quotes where SQL would not take it for a name.
"""

import re
import string
from functools import lru_cache

from ..core.records import Schema

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
RESERVED = frozenset(
    "add all alter and as autoincrement between case cast check collate commit constraint create current_date "
    "current_time current_timestamp default deferrable delete distinct drop else escape except exists foreign from "
    "group having in index insert intersect into is isnull join limit not nothing notnull null on or order primary "
    "raise references returning select set table then to transaction union unique update using values when "
    "where".split()
)
"""The keywords that SQLite refuses as a bare name somewhere in a query; its others, such as `key`, are names too."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@lru_cache(maxsize=1 << 14)
def fold(name: str) -> str:
    """Return a name as SQLite compares it: A to Z in lower case, every other letter as it is.

    >>> fold("Stadt_ID"), fold("ÜBUNG")
    ('stadt_id', 'Übung')
    """
    return name.translate(_LOWER)


def identifier(name: str) -> str:
    """Return a name as our SQL writes it: folded, in double quotes where it is a keyword or not a plain word.

    >>> identifier("Name"), identifier("Order"), identifier("Pet Name"), identifier("Größe")
    ('name', '"order"', '"pet name"', '"größe"')
    """
    low = fold(name)
    return low if is_plain(low) else quoted(low)


def is_plain(name: str) -> bool:
    """Return whether a folded name can stand in a query without quotes."""
    return PLAIN_NAME.match(name) is not None and name not in RESERVED


def quoted(name: str) -> str:
    """Return a name exactly as it is, in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(schema: Schema) -> dict[str, list[str]]:
    """Map folded table names to folded column names, as sqlglot's optimizer wants a schema."""
    return {fold(table.name): [fold(column.name) for column in table.columns] for table in schema.tables}
