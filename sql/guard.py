"""Is this one query that only reads? Said clearly before it is run; the database then refuses whatever slips through.

The whole tree is walked: the root of `WITH gone AS (DELETE FROM t RETURNING 1) SELECT * FROM gone` is a SELECT. Text
that cannot be parsed is passed on, since a database may know more than the parser; databases/sqlite.py holds the line.
"""

import logging
import re
from functools import lru_cache

from ..core.errors import QueryError

# the parser warns of each command that it only half knows: nothing is printed unless somebody asks for its log
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

REFUSED_FUNCTIONS = frozenset(
    (
        "load_extension",
        "readfile",
        "writefile",
        "edit",
        "fts3_tokenizer",
        "zipfile",
        "fsdir",
        "pg_read_file",
        "pg_read_binary_file",
        "pg_ls_dir",
        "pg_stat_file",
        "lo_import",
        "lo_export",
        "lo_unlink",
        "dblink",
        "dblink_exec",
        "pg_terminate_backend",
        "pg_cancel_backend",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_sleep",
        "pg_advisory_lock",
        "pg_switch_wal",
        "pg_promote",
        "pg_file_write",
        "set_config",
        "nextval",
        "setval",
        "query_to_xml",
        "database_to_xml",
        "load_file",
        "sys_exec",
        "sys_eval",
        "sleep",
        "benchmark",
        "get_lock",
        "xp_cmdshell",
        "read_csv",
        "read_csv_auto",
        "read_parquet",
        "read_json",
        "read_json_auto",
        "read_text",
        "read_blob",
        "parquet_scan",
        "csv_scan",
        "glob",
    )
)
"""Functions that reach files, other servers or the server itself, or that only spend time. In any dialect.

`glob` is a table function of DuckDB and a harmless scalar of SQLite: only its use as a table is refused.
"""

QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/""", re.DOTALL)
PIECE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)|\s+|;|[^\s;'"`\[/-]+|.""",
    re.DOTALL,
)
SUSPECT_WORDS = REFUSED_FUNCTIONS | {
    *("insert", "update", "delete", "replace", "merge", "truncate", "into", "create", "alter", "drop", "set", "pragma"),
    *("attach", "detach", "copy", "vacuum", "analyze", "explain", "describe", "values", "for", "lock", "load", "call"),
}
"""A query that is refused holds one of these words."""


def one_statement(sql: str) -> str:
    """Return the text without empty statements, blanks and comments before and after its statement.

    SQLite takes a query and one `;`. A second statement stays where it is, to be refused.

    >>> one_statement("SELECT ';' AS a; ; -- done"), one_statement("SELECT 1; -- now\\n DROP TABLE t")
    ("SELECT ';' AS a", 'SELECT 1; -- now\\n DROP TABLE t')
    """
    if ";" not in sql:
        return sql
    begin = end = at = 0
    for piece in PIECE.findall(sql):
        if piece != ";" and not piece.isspace() and not piece.startswith(("--", "/*")):
            begin = begin if end else at
            end = at + len(piece)
        at += len(piece)
    return sql[begin:end]


def check(sql: str, dialect: str = "sqlite") -> None:
    """Raise QueryError unless the text is one query that only reads. `dialect` is a name that sqlglot knows."""
    if dialect == "sqlite":
        sql = one_statement(sql)
        if _plain(sql):
            return
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not sql.strip().strip(";").strip():
        raise QueryError("refused: no query", kind="no_query")
    try:
        parsed = sqlglot.parse(sql, read=dialect)
    except (SqlglotError, RecursionError):
        return
    statements = [item for item in parsed if item is not None and not isinstance(item, exp.Semicolon)]
    if not statements:
        raise QueryError("refused: no query", kind="no_query")
    if len(statements) > 1:
        raise QueryError(f"refused: {len(statements)} statements, only one is run", kind="refused")
    root = statements[0]
    if not isinstance(root, exp.Query | exp.Values):
        raise QueryError(f"refused: only queries that read are run, not {_name(root)}", kind="refused")
    for node in root.walk():
        if isinstance(node, exp.DML | exp.DDL) and not isinstance(node, exp.Query):
            raise QueryError(f"refused: only queries that read are run, not {_name(node)}", kind="refused")
        if isinstance(node, exp.Into | exp.Command | exp.Pragma | exp.Attach | exp.Detach | exp.Copy | exp.Set):
            raise QueryError(f"refused: only queries that read are run, not {_name(node)}", kind="refused")
        if isinstance(node, exp.Lock):
            raise QueryError("refused: the query locks rows", kind="refused")
        if isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if name in REFUSED_FUNCTIONS and (name != "glob" or isinstance(node.parent, exp.Table)):
                raise QueryError(f"refused: the function {name} is not allowed in queries", kind="refused")


@lru_cache(maxsize=8)  # one query is often run on several databases
def _plain(sql: str) -> bool:
    """Whether this is one SELECT without a suspect word: most queries are, and to parse one takes 50 times as long."""
    bare = QUOTED.sub(" '' ", sql).strip().rstrip(";").lower()
    if ";" in bare or "{" in bare or not re.match(r"(?:select|with)\b", bare):
        return False
    return SUSPECT_WORDS.isdisjoint(re.findall(r"\w+", bare))


def _name(node: object) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return "SELECT INTO" if isinstance(node, exp.Into) else type(node).__name__.upper()
