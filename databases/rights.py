"""What a login may do on its server beside reading, and the SQL that makes a login that can only read."""

import contextlib
import re
from typing import TYPE_CHECKING

from ..core.errors import DataError
from .database import open_database
from .url import parse_url

if TYPE_CHECKING:
    from .mysql import MysqlDatabase
    from .postgres import PostgresDatabase

HARMLESS = frozenset(("USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"))
POSTGRES_ROLES = "('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data')"
READER = {
    "postgresql": "CREATE ROLE reader LOGIN PASSWORD '...'; GRANT pg_read_all_data TO reader;",
    "mysql": "CREATE USER reader IDENTIFIED BY '...'; GRANT SELECT, SHOW VIEW ON {name}.* TO reader;",
}


def rights_too_many(url: str) -> tuple[str, ...]:
    """Return each right beyond reading that the login of a server's URL has, in words; none for a file.

    Raises DataError when there is no connection.
    """
    from .mysql import MysqlDatabase
    from .postgres import PostgresDatabase

    with contextlib.closing(open_database(url)) as database:
        if isinstance(database, PostgresDatabase):
            return _of_postgres(database)
        if isinstance(database, MysqlDatabase):
            return _of_mysql(database)
    return ()


def reader_sql(url: str) -> str:
    """Return the SQL of a login that can only read. Raises DataError for a database without logins."""
    parsed = parse_url(url)
    if not parsed.is_server:
        raise DataError(f"{parsed.shown}: a file has no logins", fix="its permissions decide who may write to it")
    name = "`" + parsed.name.replace("`", "``") + "`"
    return READER[parsed.engine].format(name=name)


def _of_postgres(database: "PostgresDatabase") -> tuple[str, ...]:
    ((superuser, roles, databases),) = database.rows(
        "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = session_user", 5
    )
    flags = (("SUPERUSER", superuser), ("CREATEROLE", roles), ("CREATEDB", databases))
    found = [name for name, has in flags if has]
    if superuser:
        return tuple(found)  # which includes all others
    member = "pg_has_role(session_user, oid, 'MEMBER')"
    listed = database.rows(f"SELECT rolname FROM pg_roles WHERE rolname IN {POSTGRES_ROLES} AND {member}", 5)
    found += [row[0] for row in listed]
    for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
        ((count,),) = database.rows(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
            "AND n.nspname NOT LIKE 'pg\\_%' "
            f"AND has_table_privilege(session_user, c.oid, '{right}')",
            10,
        )
        if count:
            found.append(f"{right} on {count} table{'' if count == 1 else 's'}")
    return tuple(found)


def _of_mysql(database: "MysqlDatabase") -> tuple[str, ...]:
    found = []
    for (grant,) in database.rows("SHOW GRANTS", 5):
        match = re.match(r"GRANT (.+?) ON (\S+) TO ", str(grant))
        for right in re.sub(r"\([^)]*\)", "", match[1]).split(",") if match else ():
            if match and right.strip() not in HARMLESS:
                found.append(f"{right.strip()} on {match[2]}")
    return tuple(found)
