"""Any database: every pair runs, nothing is written, and without values not one cell is in a pair."""

import random
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.data.own.synthesise_own import synthesise_own
from sql_llama.data.synthesis.synthesise import synthesise
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run

NAMES = (
    "order", "group", "from", "select", "my table", 'say "hi"', "it's", "größe", "表", "x", "ID", "Created At", "a.b",
    "100%", "[odd]", "`tick`", "-- no", "name", "status", "price", "joined", "is_open", "year", "_", "?", "café;",
)  # fmt: skip
TYPES = ("TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "VARCHAR(20)", "DATE", "")
MARK = "zqx"
"""Stands in every text cell, and in no name."""
NUMBERS = range(918_273_000, 918_274_000)
"""Every number of a cell that is not a key; no such number is made otherwise."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def cell(kind: str, rng: random.Random) -> object:
    """A cell, now and then NULL; a number, text, date or bytes, whatever the column was declared as."""
    if rng.random() < 0.2:
        return None
    if kind == "number":
        return rng.choice(NUMBERS) + rng.choice([0, 0, 0.5])
    if kind == "date":
        return f"20{rng.randint(10, 23)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}" + rng.choice(["", " 10:30"])
    if kind == "bytes":
        return rng.randbytes(5)
    if kind == "huge":
        return MARK * rng.choice([1, 30_000])
    return f"{MARK}{rng.randint(1, 6)}" + rng.choice(["", " it's", ' "q"', "\n", " 100%", "é", "_x", "."])


def build(path: Path, seed: int) -> None:
    """Write a database of four tables and a view: any names, kinds of keys and of cells."""
    rng = random.Random(seed)
    names = rng.sample(NAMES, 4)
    with closing(sqlite3.connect(path)) as connection:
        for number, table in enumerate(names):
            columns = rng.sample(NAMES, rng.randint(1, 6))
            kinds = [rng.choice(["text", "text", "number", "number", "date", "bytes", "huge"]) for _ in columns]
            parts = [f"{quoted(column)} {rng.choice(TYPES)}" for column in columns]
            key = rng.choice(["none", "single", "composite", "rowid"])
            if key in ("single", "rowid"):
                parts.insert(0, f"key{number} INTEGER PRIMARY KEY")
                if number and rng.random() < 0.7:
                    parts.append(f"up INTEGER REFERENCES {quoted(rng.choice(names[: number + 1]))}")
            if key == "composite":
                parts = ["k1 INTEGER", "k2 INTEGER", *parts, "PRIMARY KEY (k1, k2)"]
            if key != "composite" and rng.random() < 0.4:
                parts.append(f"made TEXT GENERATED ALWAYS AS (upper({quoted(columns[0])})) STORED")
            without = " WITHOUT ROWID" if key == "rowid" else ""
            connection.execute(f"CREATE TABLE {quoted(table)} ({', '.join(parts)}){without}")
            filled = [quoted(column) for column in columns]
            for row in range(rng.choice([0, 1, 25])):
                cells = [cell(kind, rng) for kind in kinds]
                keys = {"single": [f"key{number}"], "rowid": [f"key{number}"], "composite": ["k1", "k2"]}.get(key, [])
                marks = ", ".join("?" * (len(keys) + len(cells)))
                sql = f"INSERT INTO {quoted(table)} ({', '.join([*keys, *filled])}) VALUES ({marks})"
                connection.execute(sql, [*[row] * len(keys), *cells])
            if any(part.startswith("up ") for part in parts):
                connection.execute(f"UPDATE {quoted(table)} SET up = key{number} % 9")
        connection.execute(f"CREATE VIEW {quoted('the view')} AS SELECT * FROM {quoted(names[0])}")
        connection.commit()


@settings(max_examples=18)
@given(seed=st.integers(0, 2**32))
def test_every_pair_runs_and_the_database_stays_as_it_is(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "any.sqlite"
    build(path, seed)
    before = path.read_bytes()
    pairs = list(synthesise(str(path), introspect(str(path)), 25, random.Random(seed)))
    for pair in pairs:
        assert re.match(r"SELECT ", pair.sql) and pair.question.strip() and "\n" not in pair.question
        run(str(path), pair.sql)
    again = list(synthesise(str(path), introspect(str(path)), 25, random.Random(seed)))
    assert [(p.question, p.sql) for p in pairs] == [(p.question, p.sql) for p in again]
    assert path.read_bytes() == before and [file.name for file in path.parent.iterdir()] == ["any.sqlite"]


@settings(max_examples=18)
@given(seed=st.integers(0, 2**32))
def test_without_values_no_cell_is_written_anywhere(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    tmp_path = tmp_path_factory.mktemp("any")
    path, out = tmp_path / "any.sqlite", tmp_path / "out.jsonl"
    build(path, seed)
    before = path.read_bytes()
    with suppress(DataError):  # all tables are empty
        synthesise_own(str(path), 25, out, seed, values=False)
    text = "".join(file.read_text(encoding="utf-8") for file in tmp_path.glob("out.*"))
    assert MARK not in text.lower() and "918273" not in text and not re.search(r"20[12]\d|January|March", text)
    assert path.read_bytes() == before


def test_the_random_databases_ask_something(tmp_path: Path) -> None:
    """The tests above are of use only if most databases give pairs."""
    made = []
    for seed in range(10):
        path = tmp_path / f"{seed}.sqlite"
        build(path, seed)
        made.append(len(list(synthesise(str(path), introspect(str(path)), 25, random.Random(1)))))
    assert sum(count == 25 for count in made) >= 7, made
