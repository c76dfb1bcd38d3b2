"""Why a database cannot be read, in a few words and without its path."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.databases.unreadable import Unreadable, is_fault, unreadable, with_more


def test_a_database_that_can_be_read(pets: Path) -> None:
    assert unreadable(pets) == unreadable(pets, whole=True) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"\x8f" * 4096, "not a SQLite database, or encrypted"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS"),
    ],
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    assert reason in unreadable(path) and str(tmp_path) not in unreadable(path)


def test_no_file(tmp_path: Path) -> None:
    assert unreadable(tmp_path / "x.sqlite") == "no such database"


def test_torn_pages_are_seen_where_every_page_is_read(pets: Path) -> None:
    with pets.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert unreadable(pets) == ""
    assert unreadable(pets, whole=True)


def test_a_locked_database(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sql_llama.databases.sqlite.LOCK_TIME", 0.1)
    other = sqlite3.connect(pets, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert unreadable(pets) == "locked by another program that is writing to it"
    other.close()


def test_which_errors_are_a_databases_fault() -> None:
    assert is_fault("unreadable") and is_fault("locked")
    assert not is_fault("missing_table") and not is_fault(None)


def test_questions_of_unreadable_databases_are_counted() -> None:
    known = {"a": Unreadable(2, "torn")}
    assert with_more(known, iter([("b", "locked"), ("a", "else")])) == {
        "a": Unreadable(3, "torn"),
        "b": Unreadable(1, "locked"),
    }
    assert known == {"a": Unreadable(2, "torn")}
