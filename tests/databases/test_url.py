"""What --db names, and that no password of it is shown."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.databases.url import masked, parse_url


def test_a_path_is_told_by_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.db").write_bytes(b"SQLite format 3\0")
    assert parse_url(str(tmp_path)).files == (tmp_path / "a.csv",)
    assert parse_url(str(tmp_path / "a.csv")).engine == "duckdb"
    assert parse_url(f"sqlite:///{tmp_path}/c.db").path == tmp_path / "c.db"
    assert parse_url(str(tmp_path / "c.db")).engine == "sqlite"


@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("postgresql+psycopg://me@host/shop", "postgresql"),
        ("postgres://host/shop", "postgresql"),
        ("mysql+pymysql://me:pw@host:3306/shop", "mysql"),
        ("mariadb://host/shop", "mysql"),
    ],
)
def test_servers(url: str, engine: str) -> None:
    parsed = parse_url(url)
    assert (parsed.engine, parsed.name, parsed.is_server) == (engine, "shop", True)
    assert "pw" not in parsed.shown + repr(parsed)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("oracle://host/x", "not supported"),
        ("postgresql://host:12x/shop", "port is not a number"),
        ("postgresql://me:pw@host", "names no database"),
        ("sqlite://shop.db", "three slashes"),
        ("/nowhere/x.csv", "no such database"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(url: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        parse_url(url)
    assert "pw" not in str(caught.value)


def test_masked_hides_passwords_with_signs_in_them() -> None:
    assert masked("mysql://me:p@ss/w:rd@host/x?password=abc&a=1") == "mysql://me:***@host/x?password=***&a=1"
