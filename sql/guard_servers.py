"""One query that only reads, for databases that do not hold the line by themselves as SQLite does.

What cannot be parsed is refused. Each function has to be known (allowed.py). What is run is not the text that came but
the text that the parsed tree is written as: so a comment that the server would execute (`/*! ... */`), or a quotation
that it would end elsewhere, cannot hide a second reading.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..core.errors import QueryError
from .allowed import CATALOG, DUCKDB_REFUSED, DUCKDB_TABLES, MYSQL, POSTGRES, TYPED_REFUSED

if TYPE_CHECKING:
    from sqlglot import exp

LONGEST = 100_000  # characters
READ_ONLY = "refused: only queries that read are run"
SYSTEM_SCHEMAS = frozenset(("pg_catalog", "pg_toast", "mysql", "performance_schema", "sys", "system", "temp"))


@lru_cache(maxsize=64)
def checked(sql: str, dialect: str) -> str:
    """Return the query to run on an engine: postgres, mysql or duckdb, as sqlglot calls them. Raises QueryError."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if len(sql) > LONGEST:
        raise QueryError(f"refused: a query of more than {LONGEST:,} characters", kind="too_large")
    if "\0" in sql or any(sign in sql for sign in "\u2028\u2029\x0b\x0c\x85"):
        raise QueryError("refused: the query holds control characters", kind="refused")
    if dialect == "mysql" and re.search(r"/\*M?!", sql):
        raise QueryError("refused: a comment that the server would run", kind="refused")
    try:
        parsed = [part for part in sqlglot.parse(sql, read=dialect) if part is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        reason = str(error).splitlines()[0].partition(". Line")[0].rstrip(".")
        raise QueryError(f"refused: cannot be read as {NAMES[dialect]} ({reason})", kind="syntax") from None
    statements = [part for part in parsed if not isinstance(part, exp.Semicolon)]
    if not statements:
        raise QueryError("refused: no query", kind="no_query")
    if len(statements) > 1:
        raise QueryError(f"refused: {len(statements)} statements, only one is run", kind="refused")
    root = statements[0]
    if not isinstance(root, exp.Query):
        raise QueryError(f"{READ_ONLY}, not {_name(root)}", kind="refused")
    try:
        for node in root.walk():
            _check_node(node, dialect)
        return str(root.sql(dialect=dialect, comments=False, normalize_functions=False))
    except RecursionError:
        raise QueryError("refused: the query is nested too deeply", kind="refused") from None


NAMES = {"postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB", "sqlite": "SQLite"}


def _check_node(node: "exp.Expr", dialect: str) -> None:
    from sqlglot import exp

    if isinstance(node, exp.DML | exp.DDL) and not isinstance(node, exp.Query):
        raise QueryError(f"{READ_ONLY}, not {_name(node)}", kind="refused")
    commands = exp.Into | exp.Command | exp.Pragma | exp.Attach | exp.Detach | exp.Copy | exp.Set | exp.Use
    if isinstance(node, commands | exp.Summarize):
        raise QueryError(f"{READ_ONLY}, not {_name(node)}", kind="refused")
    if isinstance(node, exp.Lock):
        raise QueryError("refused: the query locks rows", kind="refused")
    if isinstance(node, exp.PropertyEQ) and isinstance(node.this, exp.Parameter):
        raise QueryError("refused: the query sets a variable", kind="refused")
    if isinstance(node, exp.SessionParameter | exp.Parameter | exp.Placeholder):
        raise QueryError("refused: the query reads a variable", kind="refused")
    if isinstance(node, exp.Table):
        _check_table(node, dialect)
    elif isinstance(node, exp.Func):
        _check_function(node, dialect)


def _check_table(node: "exp.Table", dialect: str) -> None:
    name, schema = node.name.lower(), node.db.lower()
    if schema == "information_schema":
        if name not in CATALOG:
            raise QueryError(f"refused: {schema}.{name} is a system table", kind="refused")
    elif schema in SYSTEM_SCHEMAS or schema.startswith("pg_"):
        raise QueryError(f"refused: {schema}.{name} is a system table", kind="refused")
    elif dialect == "postgres" and not schema and name.startswith("pg_"):
        raise QueryError(f"refused: {name} is a system table", kind="refused")
    if dialect == "duckdb" and not schema and (name.startswith(("duckdb_", "pragma_", "pg_")) or "sqlite_" in name):
        raise QueryError(f"refused: {name} is a system table", kind="refused")


def _check_function(node: "exp.Func", dialect: str) -> None:
    from sqlglot import exp

    named = isinstance(node, exp.Anonymous | exp.AnonymousAggFunc | exp.ParameterizedAgg | exp.CombinedAggFunc)
    name = str(node.this if named else node.meta.get("name") or node.sql_name()).lower()
    if isinstance(node.this, exp.Identifier) and named:
        name = node.this.name.lower()
    allowed = name not in TYPED_REFUSED and node.sql_name().lower() not in TYPED_REFUSED
    if dialect == "duckdb":
        allowed = allowed and name not in DUCKDB_REFUSED
        if isinstance(node.parent, exp.Table):
            allowed = allowed and (name in DUCKDB_TABLES or isinstance(node, exp.GenerateSeries | exp.Unnest))
    elif named:
        # a function of somebody's schema may be called as a harmless one is
        schema = node.parent.this.name.lower() if isinstance(node.parent, exp.Dot) else ""
        allowed = name in (POSTGRES if dialect == "postgres" else MYSQL) and schema in ("", "pg_catalog")
    elif isinstance(node.parent, exp.Dot) and node.parent.expression is node:
        allowed = allowed and node.parent.this.name.lower() == "pg_catalog"
    if not allowed:
        raise QueryError(f"refused: the function {name} is not allowed in queries", kind="refused")


def _name(node: "exp.Expr") -> str:
    from sqlglot import exp

    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return "SELECT INTO" if isinstance(node, exp.Into) else type(node).__name__.upper()
