"""What `--db` names: a file, a folder of files, or a server; written so that no password is ever shown.

The URLs are those of SQLAlchemy (https://docs.sqlalchemy.org/en/20/core/engines.html): `sqlite:///FILE`,
`duckdb:///FILE`, `postgresql://USER@HOST:PORT/NAME`, `mysql://...` and `mariadb://...`, each with or without `+driver`.
"""

import contextlib
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from ..core.errors import DataError

Engine = Literal["sqlite", "duckdb", "postgresql", "mysql"]
SCHEMES: dict[str, Engine] = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
TABLE_FILES = (".csv", ".tsv", ".parquet", ".pq", ".json", ".jsonl", ".ndjson")
"""Files that DuckDB reads as tables; CSV and JSON also packed, as .csv.gz."""
PASSWORD = re.compile(r"(?i)\b(password|passwd|pwd|sslpassword)(=|%3D)[^&\s]*")
FIX = "give a file (.sqlite, .duckdb, .csv, .parquet, .json), a folder of such files, or a URL such as postgresql://..."


@dataclass(frozen=True)
class DatabaseUrl:
    """A database by its engine and place. `repr` and `shown` have no password.

    Files: `path` and, for DuckDB over CSV, Parquet or JSON, `files`. Servers: `text` is the URL as given.
    """

    engine: Engine
    text: str = field(repr=False)
    path: Path = Path()
    files: tuple[Path, ...] = ()

    @property
    def is_server(self) -> bool:
        """Return whether this is a database that a server keeps."""
        return self.engine in ("postgresql", "mysql")

    @property
    def shown(self) -> str:
        """Return what may be printed."""
        return masked(self.text)

    @property
    def name(self) -> str:
        """Return what to call the database in one word: its file, or the last part of its URL."""
        if not self.is_server:
            return self.path.name
        return unquote(urlsplit(self.text).path.strip("/")) or self.engine


def masked(text: str) -> str:
    """Return a URL, or a message with one in it, without its password.

    >>> masked("postgresql://me:s3cret@host/shop?sslmode=require")
    'postgresql://me:***@host/shop?sslmode=require'
    >>> masked("shop.sqlite")
    'shop.sqlite'
    """
    hidden = re.sub(r"(\w+://[^:/@?#\s]*):\S*@", r"\1:***@", text)
    return PASSWORD.sub(r"\1\2***", hidden)


def parse_url(text: str) -> DatabaseUrl:
    """Return what a `--db` value names. A path is told by what it is: SQLite, DuckDB, table file, folder of those.

    Raises DataError for what is not there, and for a scheme that is not known.
    """
    scheme, found, rest = text.partition("://")
    if not found:
        return _path_of(text)
    engine = SCHEMES.get(scheme.partition("+")[0].lower())
    if engine is None:
        raise DataError(f"{scheme}: databases of this kind are not supported", fix=FIX)
    if engine == "sqlite" and not rest.startswith("/"):
        raise DataError(f"{text}: a SQLite URL has three slashes before the path", fix=f"write sqlite:///{rest}")
    if engine in ("sqlite", "duckdb"):
        found_path = _path_of(rest.removeprefix("/").partition("?")[0])
        if engine == "sqlite":
            return DatabaseUrl("sqlite", text, found_path.path)
        return found_path
    _check_server(text)
    return DatabaseUrl(engine, text)


def _check_server(text: str) -> None:
    try:
        parts = urlsplit(text)
        port = parts.port  # raises ValueError for one that is no number
    except ValueError as error:
        why = "the port is not a number" if "port" in str(error).lower() else "cannot be read as a URL"
        raise DataError(
            f"{masked(text)}: {why}",
            fix="write ENGINE://USER@HOST:PORT/NAME, a password with %40 for @ and %2F for /",
        ) from None
    named = parts.path.strip("/") or dict(parse_qsl(parts.query)).get("service")
    if not named and port != 0:
        raise DataError(f"{masked(text)}: names no database", fix="write its name after the host: .../NAME")


def _path_of(text: str) -> DatabaseUrl:
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # a ~ that is nobody's home
        path = path.expanduser()
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(text, path)
        if not stat.S_ISREG(mode):
            raise DataError(f"{path}: not a file", fix=FIX)
        with path.open("rb") as file:
            head = file.read(16)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise DataError(f"{text}: no such database", fix="check the path given with --db") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror})", fix="check the path given with --db") from None
    if head[8:12] == b"DUCK":
        return DatabaseUrl("duckdb", text, path)
    if is_table_file(path) and not head.startswith(b"SQLite format 3"):
        return DatabaseUrl("duckdb", text, path, (path,))
    return DatabaseUrl("sqlite", text, path)


def _folder(text: str, path: Path) -> DatabaseUrl:
    files = tuple(sorted(file for file in path.iterdir() if is_table_file(file) and file.is_file()))
    if not files:
        raise DataError(f"{path}: is a folder without CSV, Parquet or JSON files", fix=FIX)
    return DatabaseUrl("duckdb", text, path, files)


def is_table_file(path: Path) -> bool:
    """Tell by its name whether DuckDB reads a file as a table.

    >>> [is_table_file(Path(name)) for name in ("a.csv", "b.PARQUET", "c.csv.gz", "d.txt")]
    [True, True, True, False]
    """
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(TABLE_FILES) and not name.startswith(".")
