"""`email = 'null'` as what is meant by it: a condition on missing values."""

from ..core.records import Schema
from .names import fold
from .repair import Repaired

TEXTS = frozenset(("null", "'null'"))


def mend_nulls(sql: str, schema: Schema, dialect: str = "sqlite") -> Repaired | None:
    """Return the query with IS NULL where it compares a column with the text null; None where it does not.

    A column that has that text among its sample cells is left alone.

    >>> from ..core.records import Column, Table
    >>> shop = Schema((Table("customer", (Column("email", "text"),)),))
    >>> mend_nulls("SELECT COUNT(*) FROM customer WHERE customer.email = 'null'", shop).sql
    'SELECT COUNT(*) FROM customer WHERE customer.email IS NULL'
    """
    if "null'" not in sql.lower():
        return None
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except (SqlglotError, RecursionError):
        return None
    held = {
        fold(column.name)
        for table in schema.tables
        for column in table.columns
        if any(sample.lower() in TEXTS for sample in column.samples)
    }
    changes: list[str] = []
    for comparison in list(tree.find_all(exp.EQ, exp.NEQ)):
        column, text = comparison.this, comparison.expression
        if not (isinstance(column, exp.Column) and isinstance(text, exp.Literal) and text.is_string):
            continue
        if text.this.lower() not in TEXTS or fold(column.name) in held:
            continue
        missing: exp.Expr = exp.Is(this=column.copy(), expression=exp.Null())
        comparison.replace(exp.Not(this=missing) if isinstance(comparison, exp.NEQ) else missing)
        changes.append(f"{fold(column.name)} is compared with NULL, not with the text 'null'")
    return Repaired(tree.sql(dialect=dialect), tuple(dict.fromkeys(changes))) if changes else None
