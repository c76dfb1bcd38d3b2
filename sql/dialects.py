"""From the SQL that the models write, SQLite's, to that of the engine on which it runs.

sqlglot translates functions and types. What SQLite takes and others do not is put right from the schema: names in
quotes and with their schema, text compared with numbers, LIKE without regard to case, groups that name too few columns.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core.records import Schema
from .names import fold

if TYPE_CHECKING:
    from sqlglot import exp


def to_dialect(sql: str, schema: Schema, dialect: str, full: Mapping[str, tuple[str, str]]) -> str:
    """Return a query of SQLite's for another engine; one that cannot be parsed as it is.

    `full` has schema and table by the name that the query uses.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        root = sqlglot.parse_one(sql, read="sqlite")
        names = _Names(schema, full)
        for select in list(root.find_all(exp.Select)):
            _complete_group(select, dialect)
        root = root.transform(_compared, names, dialect)
        _name_tables(root, names, dialect)
        return str(root.sql(dialect=dialect, comments=False))
    except (SqlglotError, RecursionError, ValueError):
        return sql


class _Names:
    """Names of a schema by their folded form."""

    def __init__(self, schema: Schema, full: Mapping[str, tuple[str, str]]) -> None:
        self.full = {fold(name): value for name, value in full.items()}
        self.columns = {
            fold(table.name): {fold(column.name): column for column in table.columns} for table in schema.tables
        }
        self.types: dict[str, set[str]] = {}
        for columns in self.columns.values():
            for name, column in columns.items():
                self.types.setdefault(name, set()).add(column.type)

    def spelled(self, column: str, table: str = "") -> str:
        """Return a column as its table spells it, else as it is written."""
        for columns in [self.columns[table]] if table in self.columns else self.columns.values():
            if column in columns:
                return columns[column].name
        return column

    def type_of(self, node: "exp.Expr | None") -> str:
        """Return the type of a column; '' for anything else, or where tables differ."""
        from sqlglot import exp

        if not isinstance(node, exp.Column):
            return ""
        own = self.columns.get(fold(node.table), {}).get(fold(node.name))
        types = {own.type} if own else self.types.get(fold(node.name), set())
        return next(iter(types)) if len(types) == 1 else ""


def _name_tables(root: "exp.Expr", names: _Names, dialect: str) -> None:
    from sqlglot import exp

    made = {fold(cte.alias) for cte in root.find_all(exp.CTE)}
    aliases = {fold(t.alias): fold(t.name) for t in root.find_all(exp.Table) if t.alias}
    for column in root.find_all(exp.Column):
        table = fold(column.table)
        of = aliases.get(table, table)
        if not isinstance(column.this, exp.Star) and fold(column.name) in names.types:
            column.set("this", exp.to_identifier(names.spelled(fold(column.name), of), quoted=True))
        if table in names.full and table not in aliases and table not in made:
            column.set("table", exp.to_identifier(_shown(table, names), quoted=True))
    for node in root.find_all(exp.Table):
        low = fold(node.name)
        if low not in names.full or low in made or node.db:
            continue
        schema, name = names.full[low]
        alias = str(node.alias)
        node.set("this", exp.to_identifier(name, quoted=True))
        if dialect != "mysql" and schema not in ("", "main", "public"):
            node.set("db", exp.to_identifier(schema, quoted=True))
        if not alias and _shown(low, names) != name:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(_shown(low, names), quoted=True)))


def _shown(table: str, names: _Names) -> str:
    """The name by which a query refers to a table: its own, or the short one where that differs."""
    own = names.full[table][1]
    return own if fold(own) == table else table


def _compared(node: "exp.Expr", names: _Names, dialect: str) -> "exp.Expr":
    """Comparisons that SQLite takes between types, and functions that sqlglot leaves."""
    from sqlglot import exp

    if isinstance(node, exp.Like) and dialect in ("postgres", "duckdb"):
        left = node.this
        if dialect == "postgres" and names.type_of(left) not in ("text", ""):
            left = exp.cast(left, "text")
        return exp.ILike(this=left, expression=node.expression)
    if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) and dialect != "mysql":
        left, right = node.this, node.expression
        types = names.type_of(left), names.type_of(right)
        number = isinstance(right, exp.Literal) and not right.is_string
        if types[0] == "text" and number:
            node.set("expression", exp.Literal.string(right.name))
        elif types[0] == "bool" and number and dialect == "postgres" and right.name in ("0", "1"):
            node.set("expression", exp.Boolean(this=right.name == "1"))
        elif "text" in types and types[0] and types[1] and types[0] != types[1]:
            node.set("this", exp.cast(left, "text"))
            node.set("expression", exp.cast(right, "text"))
        elif types[0] in ("int", "real") and isinstance(right, exp.Literal) and _number(right.name):
            node.set("expression", exp.Literal.number(right.name.strip()))
    if isinstance(node, exp.Anonymous) and fold(str(node.this)) == "total":
        return exp.Coalesce(this=exp.Sum(this=node.expressions[0]), expressions=[exp.Literal.number("0")])
    if isinstance(node, exp.Anonymous) and fold(str(node.this)) == "julianday" and len(node.expressions) == 1:
        return _days(node.expressions[0], dialect)
    if isinstance(node, exp.Date | exp.Anonymous) and dialect != "sqlite":
        return _relative_date(node)
    return node


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _days(value: "exp.Expr", dialect: str) -> "exp.Expr":
    """Days since an epoch, so that differences are those of julianday."""
    import sqlglot
    from sqlglot import exp

    now = value.is_string and value.name.lower() == "now"
    moment: exp.Expr = exp.CurrentTimestamp() if now else exp.cast(value, "timestamp")
    text = moment.sql(dialect=dialect)
    seconds = {
        "mysql": f"TIMESTAMPDIFF(SECOND, '1970-01-01', {moment.sql(dialect='mysql')})",
        "duckdb": f"EPOCH({text})",
        "postgres": f"EXTRACT(EPOCH FROM {text})",
    }[dialect]
    return sqlglot.parse_one(f"({seconds} / 86400.0)", read=dialect)


def _relative_date(node: "exp.Expr") -> "exp.Expr":
    """`date('now', '-7 days')` of SQLite as a sum with an interval."""
    from sqlglot import exp

    name = fold(str(node.this)) if isinstance(node, exp.Anonymous) else "date"
    named = isinstance(node, exp.Anonymous)
    given = node.expressions if named else [node.this, node.args.get("zone"), *node.expressions]
    given = [item for item in given if item is not None]
    if name not in ("date", "datetime") or not given or not all(isinstance(item, exp.Literal) for item in given[1:]):
        return node
    now = given[0].is_string and given[0].name.lower() == "now"
    if not now and len(given) == 1:
        return node
    value: exp.Expr = exp.CurrentDate() if now else exp.cast(given[0], "date")
    for item in given[1:]:
        words = item.name.lower().split()
        if words in (["localtime"], ["utc"]):
            continue
        if words == ["start", "of", "month"] or words == ["start", "of", "year"]:
            value = exp.cast(exp.TimestampTrunc(this=value, unit=exp.var(words[2].upper())), "date")
            continue
        if len(words) != 2 or not _number(words[0]):
            return node
        amount, unit = int(float(words[0])), words[1].removesuffix("s").upper()
        if unit not in ("DAY", "MONTH", "YEAR"):
            return node
        step = exp.Interval(this=exp.Literal.string(str(abs(amount))), unit=exp.var(unit))
        value = exp.Sub(this=value, expression=step) if amount < 0 else exp.Add(this=value, expression=step)
    return exp.cast(value, "date")


def _complete_group(select: "exp.Select", dialect: str) -> None:
    """Group by each bare column that is shown or sorted by, which SQLite does not ask for."""
    from sqlglot import exp

    group = select.args.get("group")
    if group is None or dialect == "mysql":
        return
    there = {expression.sql().lower() for expression in group.expressions}
    if any(isinstance(expression, exp.Literal) for expression in group.expressions):
        return
    order = select.args.get("order")
    aliases = {fold(item.alias) for item in select.expressions if item.alias}
    for part in [*select.expressions, *(order.expressions if order else ())]:
        for column in part.find_all(exp.Column):
            inner = column.find_ancestor(exp.AggFunc, exp.Subquery, exp.Select)
            shown = column.sql().lower()
            if inner is not select or isinstance(column.this, exp.Star) or shown in there:
                continue
            if not column.table and fold(column.name) in aliases:
                continue
            there.add(shown)
            group.append("expressions", column.copy())
