"""Plain style for the simplest queries without a parser: one table, AND-ed comparisons of columns with values.

Most pairs of public sets are of this kind. What is not surely one is left to the parser; for the rest both write the
same text, which a test checks.
"""

import re
from collections.abc import Mapping, Sequence

from .names import fold, identifier, is_plain

ROW_IDS = frozenset(("rowid", "oid", "_rowid_"))
NAME = r'(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\\n]|"")*")'
VALUE = r"(?:\d+(?:\.\d+)?|'(?:[^'\\\n]|'')*'|\"(?:[^\"\\\n]|\"\")*\")"
CONDITION = rf"({NAME})\s*(=|<>|!=|<=|>=|<|>)\s*({VALUE})"
QUERY = re.compile(
    rf"\s*SELECT\s+(?:(MAX|MIN|COUNT|SUM|AVG)\s*\(\s*({NAME}|\*)\s*\)|({NAME}(?:\s*,\s*{NAME})*))\s+FROM\s+({NAME})"
    rf"(?:\s+WHERE\s+({CONDITION}(?:\s+AND\s+{CONDITION})*))?\s*;?\s*\Z",
    re.IGNORECASE,
)
ONE = re.compile(CONDITION)
LISTED = re.compile(NAME)


def normalise_simple(sql: str, tables: Mapping[str, Sequence[str]]) -> str | None:
    """Return a simple query in plain style; None for any other. `tables` has the columns of each table, folded."""
    match = QUERY.match(sql)
    if match is None:
        return None
    aggregate, of, listed, named, where = match[1], match[2], match[3], match[4], match[5]
    table = _name(named)
    if table not in tables:
        return None
    columns = tables[table]
    names = [of] if aggregate else LISTED.findall(listed)
    shown = ["*" if name == "*" else _column(name, table, columns) for name in names]
    known = ROW_IDS.union(columns)
    conditions = [_condition(found, table, columns, known) for found in ONE.finditer(where or "")]
    if None in shown or None in conditions or (aggregate and of == "*" and aggregate.upper() != "COUNT"):
        return None
    what = f"{aggregate.upper()}({shown[0]})" if aggregate else ", ".join(map(str, shown))
    written = f"SELECT {what} FROM {identifier(table)}"
    return f"{written} WHERE {' AND '.join(map(str, conditions))}" if where else written


def _name(written: str) -> str:
    """A name, folded; empty for a bare word that is none in SQLite."""
    if written.startswith('"'):
        return fold(written[1:-1].replace('""', '"'))
    low = fold(written)
    return low if is_plain(low) else ""


def _column(written: str, table: str, columns: Sequence[str]) -> str | None:
    name = _name(written)
    return f"{identifier(table)}.{identifier(name)}" if name and name in columns else None


def _condition(found: "re.Match[str]", table: str, columns: Sequence[str], known: frozenset[str]) -> str | None:
    column, sign, value = _column(found[1], table, columns), found[2], found[3]
    if column is None:
        return None
    if value.startswith('"'):
        text = value[1:-1].replace('""', '"')
        if fold(text) in known:  # a name and not a text
            return None
        value = "'" + text.replace("'", "''") + "'"
    return f"{column} {'<>' if sign == '!=' else sign} {value}"
