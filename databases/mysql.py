"""MySQL and MariaDB, read and nothing else: a read-only transaction, one statement, a time limit.

`INTO OUTFILE` and comments that are executed survive a read-only transaction: sql/guard_servers.py writes the query
anew from its tree, in which neither can be. A login with the privilege FILE could read files by LOAD_FILE, which is not
among the functions that may be called; `sql-llama doctor --db URL` says which privileges are too many.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..core.errors import DataError, QueryError, QueryErrorKind
from ..core.records import Hint, ResultSet, Schema
from ..sql.guard_servers import checked
from .catalog import build_schema, read_cells, relations_of, short_names
from .password import password_for, with_password
from .url import DatabaseUrl, masked
from .values import Rows

if TYPE_CHECKING:
    import pymysql

CONNECT_SECONDS = 10
SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
"""Not ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, so that text ends where the guard thinks; groups may be as in SQLite."""
SYSTEM = "('information_schema', 'mysql', 'performance_schema', 'sys')"
KINDS: dict[int, QueryErrorKind] = {
    **dict.fromkeys((1969, 3024, 1317), "timeout"),
    **dict.fromkeys((1205, 1213), "locked"),
    **dict.fromkeys((1142, 1143, 1044, 1227, 1370, 1792), "refused"),
    **dict.fromkeys((1146,), "missing_table"),
    **dict.fromkeys((1054,), "missing_column"),
    **dict.fromkeys((1038, 1037, 1041), "memory"),
    **dict.fromkeys((1064, 1149), "syntax"),
    **dict.fromkeys((2006, 2013, 2055, 1927, 1053), "unreadable"),
}
"""By error number, see https://mariadb.com/kb/en/mariadb-error-code-reference/."""


class MysqlDatabase:
    """An open MySQL or MariaDB database, see `Database` in database.py. Raises DataError without a connection."""

    dialect = "mysql"
    text_type = "char"

    def __init__(self, url: DatabaseUrl) -> None:
        self.url = url.text
        self._place = url
        self._shown = url.shown
        self._connection = connect(url)
        self._is_mariadb = "mariadb" in str(self._connection.get_server_info()).lower()
        self.names: dict[str, tuple[str, str]] = {}

    def quote(self, name: str) -> str:
        """Return a name in backquotes."""
        return "`" + name.replace("`", "``") + "`"

    def schema(self, name: str = "") -> Schema:
        """Read tables, columns, keys and a few sample cells. Raises DataError."""
        try:
            found = self.rows(
                "SELECT c.table_schema, c.table_name, t.table_type = 'VIEW', c.column_name, c.column_type, "
                "c.column_key = 'PRI' FROM information_schema.columns c JOIN information_schema.tables t "
                "ON t.table_schema = c.table_schema AND t.table_name = c.table_name WHERE c.table_schema = database() "
                "ORDER BY t.create_time, c.table_name, c.ordinal_position",
                30,
            )
            references = self.rows(
                "SELECT table_schema, table_name, column_name, referenced_table_schema, referenced_table_name, "
                "referenced_column_name FROM information_schema.key_column_usage WHERE table_schema = database() "
                "AND referenced_table_name IS NOT NULL ORDER BY table_name, constraint_name, ordinal_position",
                30,
            )
        except QueryError as error:
            raise DataError(f"{self._shown}: its tables cannot be listed ({error.message})") from None
        relations = relations_of((*row[:4], _kind(row[4]), row[5]) for row in found)
        self.names = short_names(relations, [relation.schema for relation in relations[:1]])
        by_low = {(schema.lower(), table.lower()): (schema, table) for schema, table in self.names.values()}
        keys = []
        for schema, table, column, ref_schema, ref_table, ref_column in references:
            own = by_low.get((schema.lower(), table.lower()))
            other = by_low.get((ref_schema.lower(), ref_table.lower()))  # names of files may be in another case
            if own and other:
                keys.append((*own, column, *other, ref_column))
        return build_schema(self, relations, keys, self.names, name)

    def text_cells(self, schema: Schema) -> Iterator[Hint]:
        """Read short texts of its first rows, each once a column."""
        yield from read_cells(self, schema, self.names)

    def rows(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Run a query of ours. Raises QueryError."""
        with self._reading(seconds) as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def query(self, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
        """Run one query of anybody's. Raises QueryError."""
        text = checked(sql, self.dialect)
        started = time.perf_counter()
        rows = Rows(max_rows)
        with self._reading(timeout) as cursor:
            cursor.execute(text)
            columns = tuple(item[0] for item in cursor.description or ())
            for row in cursor:
                if not rows.add(row):
                    break
        return ResultSet(columns, tuple(rows.rows), rows.truncated, time.perf_counter() - started)

    @contextlib.contextmanager
    def _reading(self, seconds: float) -> "Iterator[pymysql.cursors.SSCursor]":
        import pymysql

        if not self._connection.open:
            self._connection = connect(self._place)
        try:
            with self._connection.cursor() as setting:
                setting.execute(
                    f"SET SESSION max_statement_time = {max(seconds, 0.001):.3f}"
                    if self._is_mariadb
                    else f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}"
                )
                setting.execute("START TRANSACTION READ ONLY")
            cursor = self._connection.cursor(pymysql.cursors.SSCursor)
            try:
                yield cursor
            finally:
                self._end(cursor)
        except pymysql.Error as error:
            raise query_error(error, seconds) from None
        except (ValueError, MemoryError, UnicodeError) as error:
            raise QueryError(f"the answer cannot be read: {error}") from None

    def _end(self, cursor: "pymysql.cursors.SSCursor") -> None:
        """End the transaction; where rows are left, by closing the connection, since they would all be read."""
        import pymysql

        result = cursor._result
        if result is not None and result.unbuffered_active:
            self._connection._force_close()
            result.unbuffered_active, result.connection, cursor._result = False, None, None
            return
        with contextlib.suppress(pymysql.Error):
            cursor.close()
            self._connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        if self._connection.open:
            self._connection.close()


def _kind(declared: str) -> str:
    """A declared type; MySQL's bool is tinyint(1)."""
    return "bool" if declared.lower() == "tinyint(1)" else declared.lower().removesuffix(" unsigned")


def connect(url: DatabaseUrl) -> "pymysql.Connection[Any]":
    """Return a connection whose every transaction only reads. Raises DataError.

    The password is that of the URL, of an option file (`?read_default_file=~/.my.cnf`), of MYSQL_PWD, or is asked for.
    """
    import pymysql

    parts = urlsplit(url.text)
    asked = dict(parse_qsl(parts.query))
    known = {"unix_socket", "charset", "ssl_ca", "ssl_cert", "ssl_key", "read_default_file"}
    unknown = sorted(asked.keys() - known)
    if unknown:
        raise DataError(f"{url.shown}: unknown setting {unknown[0]}", fix=f"one of: {', '.join(sorted(known))}")

    def opened(password: str | None) -> "pymysql.Connection[Any]":
        options: dict[str, Any] = {"charset": "utf8mb4", **asked}
        if parts.username:
            options["user"] = unquote(parts.username)
        return pymysql.connect(
            host=parts.hostname or "localhost",
            port=parts.port or 3306,
            password=password or "",
            database=unquote(parts.path.strip("/")),
            connect_timeout=CONNECT_SECONDS,
            local_infile=False,
            autocommit=True,
            sql_mode=SQL_MODE,
            init_command="SET SESSION TRANSACTION READ ONLY",
            **options,
        )

    own = unquote(parts.password) if parts.password else None
    try:
        return with_password(
            url,
            lambda: opened(own or password_for(url) or os.environ.get("MYSQL_PWD")),
            opened,
            lambda error: isinstance(error, pymysql.Error) and error.args[0] in (1045, 1698),
        )
    except (pymysql.Error, OSError, RuntimeError) as error:
        raise _connection_error(url, error) from None


def _connection_error(url: DatabaseUrl, error: Exception) -> DataError:
    code = error.args[0] if error.args else 0
    if code in (1045, 1698):
        return DataError(f"{url.shown}: the password is wrong or missing", fix="set MYSQL_PWD")
    if code == 1049:
        return DataError(f"{url.shown}: has no such database", fix="check the name at the end of the URL")
    if code in (2003, 2002):
        return DataError(f"{url.shown}: no server answers there", fix="start the server, or check host and port")
    why = masked(" ".join(str(error.args[-1]).split()))
    return DataError(f"{url.shown}: {why}", fix="check the URL given with --db")


def query_error(error: "pymysql.Error", seconds: float) -> QueryError:
    """Return the error to raise for a query that the server did not run."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    kind = KINDS.get(code, "unreadable" if code == 0 else "other")
    message = " ".join(str(error.args[-1]).split()) if error.args else "the server closed the connection"
    if kind == "timeout":
        message = f"stopped after {seconds:g} s"
    elif kind == "unreadable":
        message = "the server closed the connection"
    name = message.split("'")[1] if kind in ("missing_table", "missing_column") and message.count("'") >= 2 else ""
    return QueryError(message, kind=kind, name=name)
