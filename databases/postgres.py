"""PostgreSQL, read and nothing else: a read-only transaction, one statement by the extended protocol, a time limit.

A read-only transaction alone is no wall (`COMMIT; DROP TABLE t`, pg_read_file): several statements in one text are
refused by the protocol, functions by sql/guard_servers.py. A superuser's session takes the role pg_read_all_data, which
may read tables and nothing of the server; not where a table has row security, which would hide rows from that role.
"""

import contextlib
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, cast

from ..core.errors import DataError, QueryError, QueryErrorKind
from ..core.records import Hint, ResultSet, Schema
from ..sql.guard_servers import checked
from ..sql.names import quoted
from .catalog import build_schema, read_cells, relations_of, short_names
from .password import password_for, with_password
from .url import DatabaseUrl, masked
from .values import Rows

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
OPTIONS = "-c default_transaction_read_only=on -c standard_conforming_strings=on -c lock_timeout=5s -c jit=off"
RELATIONS = """
SELECT n.nspname, c.relname, c.relkind IN ('v', 'm'), a.attname, format_type(a.atttypid, a.atttypmod),
       coalesce(a.attnum = ANY(i.indkey), false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.oid, a.attnum"""
REFERENCES = """
SELECT n.nspname, c.relname, a.attname, fn.nspname, f.relname, fa.attname
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(own, other, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.own
JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = u.other
WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.oid, u.place"""
KINDS: dict[str, QueryErrorKind] = {
    "57014": "timeout",
    "55P03": "locked",
    "25006": "refused",
    "42501": "refused",
    "42P01": "missing_table",
    "42703": "missing_column",
    "53200": "memory",
    "42601": "syntax",
}
"""By SQLSTATE, see https://www.postgresql.org/docs/current/errcodes-appendix.html."""


class PostgresDatabase:
    """An open PostgreSQL database, see `Database` in database.py. Raises DataError when there is no connection."""

    dialect = "postgres"
    text_type = "text"

    def __init__(self, url: DatabaseUrl) -> None:
        self.url = url.text
        self._shown = url.shown
        self._connection = connect(url)
        self.names: dict[str, tuple[str, str]] = {}

    def quote(self, name: str) -> str:
        """Return a name in double quotes."""
        return quoted(name)

    def schema(self, name: str = "") -> Schema:
        """Read tables, columns, keys and a few sample cells. Raises DataError."""
        try:
            found = self.rows(RELATIONS, 30)
            references = self.rows(REFERENCES, 30)
            (first,) = self.rows("SELECT current_schemas(false)", 5)
        except QueryError as error:
            raise DataError(f"{self._shown}: its tables cannot be listed ({error.message})") from None
        relations = relations_of(found)
        self.names = short_names(relations, list(first[0] or ()))
        return build_schema(self, relations, [tuple(row) for row in references], self.names, name)

    def text_cells(self, schema: Schema) -> Iterator[Hint]:
        """Read short texts of its first rows, each once a column."""
        yield from read_cells(self, schema, self.names)

    def rows(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Run a query of ours. Raises QueryError."""
        with self._reading(seconds) as cursor:
            return list(cursor.execute(sql.encode(), prepare=True).fetchall())

    def query(self, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
        """Run one query of anybody's. Raises QueryError."""
        text = checked(sql, self.dialect)
        started = time.perf_counter()
        rows = Rows(max_rows)
        with self._reading(timeout) as cursor:
            # row by row and by the extended protocol: one statement, and no more rows in memory than are wanted
            streamed = cast("Generator[tuple[Any, ...]]", cursor.stream(text.encode()))
            with contextlib.closing(streamed):
                for row in streamed:
                    if not rows.add(row):
                        break
            columns = tuple(item.name for item in cursor.description or ())
        return ResultSet(columns, tuple(rows.rows), rows.truncated, time.perf_counter() - started)

    @contextlib.contextmanager
    def _reading(self, seconds: float) -> "Iterator[psycopg.Cursor[tuple[Any, ...]]]":
        import psycopg

        connection = self._connection
        try:
            with connection.cursor() as cursor:
                cursor.execute(b"BEGIN READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}".encode())
                try:
                    yield cursor
                finally:
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(b"ROLLBACK")
        except psycopg.Error as error:
            raise query_error(error, seconds) from None
        except (ValueError, MemoryError, OverflowError) as error:  # a NUL in the text, a date beyond Python's years
            raise QueryError(f"PostgreSQL's answer cannot be read: {error}") from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connect(url: DatabaseUrl) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return a connection whose every transaction only reads. Raises DataError.

    The password is that of the URL, of libpq's own places (PGPASSWORD, ~/.pgpass, a service), or is asked for.
    """
    import psycopg

    scheme, _, rest = url.text.partition("://")
    text = f"postgresql://{rest}" if scheme else rest
    try:
        connection = _open(text, url)
        connection.execute(b"SET bytea_output = 'hex'")
        closed = connection.execute(
            b"SELECT rolsuper AND NOT EXISTS (SELECT 1 FROM pg_class WHERE relrowsecurity) AND EXISTS "
            b"(SELECT 1 FROM pg_roles WHERE rolname = 'pg_read_all_data') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if closed and closed[0]:
            connection.execute(b"SET ROLE pg_read_all_data")
    except psycopg.Error as error:
        raise connection_error(url, str(error)) from None
    return connection


def _open(text: str, url: DatabaseUrl) -> "psycopg.Connection[tuple[Any, ...]]":
    import psycopg

    def opened(password: str | None) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(
            text,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            options=OPTIONS,
            application_name="sql-llama",
            **({"password": password} if password else {}),  # type: ignore[arg-type]
        )

    return with_password(
        url,
        lambda: opened(password_for(url)),
        opened,
        lambda error: (
            isinstance(error, psycopg.OperationalError)
            and ("no password supplied" in str(error) or "password authentication failed" in str(error))
        ),
    )


def connection_error(url: DatabaseUrl, message: str) -> DataError:
    """Return the error for a server that gives no connection: the reason in one line, without a password."""
    line = masked(" ".join(message.split("\n")[0].split()))
    low = message.lower()
    if "password" in low:
        why, fix = "the password is wrong or missing", "set PGPASSWORD, or write it in ~/.pgpass"
    elif "does not exist" in low:
        why, fix = line.rpartition("FATAL:")[2].strip(), "check the name at the end of the URL"
    elif any(word in low for word in ("refused", "could not translate", "timeout", "no such file", "resolve")):
        why, fix = "no server answers there", "start the server, or check host and port"
    else:
        why, fix = line, "check the URL given with --db"
    return DataError(f"{url.shown}: {why}", fix=fix)


def query_error(error: "psycopg.Error", seconds: float) -> QueryError:
    """Return the error to raise for a query that PostgreSQL did not run."""
    import psycopg

    state = error.sqlstate or ""
    kind = KINDS.get(state, "other")
    message = (error.diag.message_primary or str(error)).split("\n")[0]
    if kind == "timeout":
        message = f"stopped after {seconds:g} s"
    elif state == "25006":
        message = "refused: only queries that read are run"
    elif (not state and isinstance(error, psycopg.OperationalError)) or state.startswith(("57P", "08")):
        kind, message = "unreadable", "the server closed the connection"
    name = message.split('"')[1] if kind in ("missing_table", "missing_column") and message.count('"') >= 2 else ""
    return QueryError(message, kind=kind, name=name)
