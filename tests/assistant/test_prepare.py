"""A database is read once, until it changes."""

import sqlite3
from pathlib import Path

from sql_llama.assistant.prepare import prepare


def test_a_database_is_read_again_when_it_has_changed(pets: Path) -> None:
    first = prepare(str(pets))
    assert prepare(str(pets)) is first
    with sqlite3.connect(pets) as connection:
        connection.execute("CREATE TABLE vets (name TEXT, address TEXT, phone TEXT)")
        connection.executemany("INSERT INTO vets VALUES (?, ?, ?)", [("x" * 50, "y", "z")] * 200)
    connection.close()
    assert "vets" in [table.name for table in prepare(str(pets)).schema.tables]
