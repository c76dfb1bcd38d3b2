"""Rewrite SQL in the project's one plain style, the one that the model learns and answers in.

Style: keywords and functions upper case, names lower case, strings in single quotes, every column qualified by its
table, no aliases but where a table stands twice in one FROM. What the style was worth is in docs/design.md.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..core.errors import DataError
from ..core.records import Schema
from .names import RESERVED, columns_of, fold, is_plain
from .normalise_simple import normalise_simple
from .qualify import qualify

if TYPE_CHECKING:
    from sqlglot import exp

# `NOT a IN (` is written `a NOT IN (`; a text is matched as a whole, so that nothing in it is rewritten
NOT = re.compile(r"'(?:[^']|'')*'|\bNOT ([\w.\"]+) (IN \(|LIKE |BETWEEN )")

# `+a` is another value than `a` to SQLite, which compares it as no column's; the parser loses the sign
SIGNED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|((?:[(,=<>*/%|&~+-]|\b(?:SELECT|DISTINCT|WHERE|ON|AND|OR|NOT|BETWEEN|IN|IS|LIKE|"""
    r"""CASE|WHEN|THEN|ELSE|BY|HAVING|LIMIT))\s*\+\s*(?!\d))""",
    re.IGNORECASE,
)

ROW_IDS = frozenset(("rowid", "oid", "_rowid_"))


def normalise(sql: str, schema: Schema, dialect: str = "sqlite") -> str:
    """Return the query in plain style, on one line but for its texts, which keep every blank. Drops comments.

    Raises DataError when it cannot be parsed, or when the parser would read it otherwise than SQLite.

    >>> from ..core.records import Column, Table
    >>> pets = Schema((Table("Pets", (Column("Name", "text"), Column("Age", "int"))),))
    >>> normalise('select T1.name from pets as T1 where age > 3 and Name != "Rex"', pets)
    "SELECT pets.name FROM pets WHERE pets.age > 3 AND pets.name <> 'Rex'"
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.scope import traverse_scope

    tables = columns_of(schema)
    simple = normalise_simple(sql, tables) if dialect == "sqlite" else None
    if simple is not None:
        return simple
    if "+" in sql and any(match[1] for match in SIGNED.finditer(sql)):
        raise DataError("SQL cannot be parsed: + before a value")
    try:
        tree = sqlglot.parse_one(sql.strip().rstrip(";"), read=dialect)
        scopes = traverse_scope(tree)
    except SqlglotError as error:
        raise DataError(f"SQL cannot be parsed: {str(error).splitlines()[0]}") from None
    _refuse_mixed(tree)
    _keep_casts(tree)
    tree = unknown_names_as_texts(tree, tables)
    qualify(scopes, tables)
    for identifier in tree.find_all(exp.Identifier):
        low = fold(identifier.name)
        identifier.set("this", low)
        identifier.set("quoted", not is_plain(low))
    # without comments sqlglot puts one blank between words. Texts stay as they are: 'Hiram ,  Georgia' is another value
    # with one blank less. The prompt's hints (core/prompt.literal) do squeeze it: there the model has to know better.
    text = tree.sql(dialect=dialect, normalize_functions="upper", comments=False)
    return NOT.sub(lambda match: f"{match[1]} NOT {match[2]}" if match[1] else match[0], text)


def _refuse_mixed(tree: "exp.Expr") -> None:
    """Raise DataError for what the parser reads otherwise than SQLite: `a LIKE b = c`, `a = NOT b`, `a IS -1 AND b`."""
    from sqlglot import exp

    for name in tree.find_all(exp.Identifier):
        if not name.quoted and fold(name.name) in RESERVED:
            raise DataError(f"SQL cannot be parsed: {name.name} is no name")
    ranges = (exp.In, exp.Between, exp.Like, exp.ILike, exp.Glob, exp.Match, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ)
    for node in tree.find_all(exp.Binary, exp.In, exp.Between, exp.Neg, exp.BitwiseNot):
        if not isinstance(node, exp.Connector):
            sides = (node.args.get(side) for side in ("this", "expression", "low", "high"))
            if any(isinstance(side, (exp.Not, *ranges)) for side in sides):
                raise DataError("SQL cannot be parsed: comparisons of comparisons without brackets")


def _keep_casts(tree: "exp.Expr") -> None:
    """Write the types of casts that SQLite knows as numbers of any kind as they are: REAL would be another number."""
    from sqlglot import exp

    for cast in tree.find_all(exp.Cast):
        kind = cast.to.this
        if kind in (exp.DType.DECIMAL, exp.DType.BIGDECIMAL, exp.DType.BOOLEAN) or kind in exp.DataType.TEMPORAL_TYPES:
            name = "NUMERIC" if kind == exp.DType.DECIMAL else kind.value
            cast.set("to", exp.DataType(this=exp.DType.USERDEFINED, kind=name))


def unknown_names_as_texts(tree: "exp.Expr", columns: Mapping[str, Sequence[str]]) -> "exp.Expr":
    """Make texts of double-quoted names that neither a table of the query nor the query itself has, as SQLite does.

    Changes the tree.
    """
    from sqlglot import exp

    asked = {fold(table.name) for table in tree.find_all(exp.Table)}
    known = {fold(name) for table, names in columns.items() if fold(table) in asked for name in names}
    known |= ROW_IDS | _given(tree)
    for column in list(tree.find_all(exp.Column)):
        name = column.this
        if isinstance(name, exp.Identifier) and name.quoted and not column.table and _flat(name.name) not in known:
            column.replace(exp.Literal.string(name.name))
    return tree


def _given(tree: "exp.Expr") -> set[str]:
    """The names that a query itself gives: its aliases, what its sub-queries return, the columns of WITH."""
    from sqlglot import exp

    given = {_flat(alias.alias) for alias in tree.find_all(exp.Alias)}
    given |= {_flat(column.name) for table in tree.find_all(exp.TableAlias) for column in table.columns}
    for select in tree.find_all(exp.Select):
        given |= {_flat(item.sql("sqlite")) for item in select.selects if not isinstance(item, exp.Alias | exp.Column)}
    return given


def _flat(name: str) -> str:
    """A name for comparing: SQLite calls a column without an alias by its text, as it is written."""
    return fold("".join(name.split())) if "(" in name else fold(name)
