"""Whatever tables and columns are called: prompt, training pair, DDL and fuzz copy run on a real SQLite database."""

import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_llama.databases.introspect import introspect
from sql_llama.databases.requote import requote
from sql_llama.databases.sqlite import run
from sql_llama.evals.fuzz.fuzz import fuzz
from sql_llama.prompts.schema_text import render_schema
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.ddl.render import render_ddl
from sql_llama.sql.extract import extract_sql
from sql_llama.sql.names import RESERVED, columns_of, fold, identifier, quoted
from sql_llama.sql.normalise import normalise

WORDS = [
    *sorted(RESERVED),
    *("key", "desc", "end", "left", "rank", "true", "rowid", "t1", "Übungen", "ÖFFNUNG", "İller", "ſ", "K", "2nd"),
    *("a.b", 'say "hi"', "it's", "semi;colon", "tick`s", "[x]", "%", "-- no", "/* no */", "two  blanks", " lead"),
    *("名前", "имя", "e-mail", "a\\b", "{x}", "?", ":a", "@b", "$c", "#", "select *", "|", "<", "a = b", "Größe (cm)"),
]
LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc", "Zl", "Zp"])
NAMES = st.one_of(st.sampled_from(WORDS), st.text(LETTERS, min_size=1, max_size=8))


def distinct(names: list[str]) -> bool:
    return len({fold(name) for name in names}) == len(names) and not any(fold(n).startswith("sqlite_") for n in names)


TABLES = st.lists(NAMES, min_size=2, max_size=2).filter(distinct)
COLUMNS = st.lists(NAMES, min_size=3, max_size=3).filter(distinct)


def made(path: Path, tables: list[str], columns: list[str]) -> tuple[str, str]:
    """Two tables, the second with a key to the first; a gold over both, as people write it."""
    (one, two), (key, text, number) = map(quoted, tables), map(quoted, columns)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {one} ({key} INTEGER PRIMARY KEY, {text} TEXT)")
        connection.execute(f"CREATE TABLE {two} ({key} INTEGER PRIMARY KEY, {number} INT REFERENCES {one}({key}))")
        connection.execute(f"INSERT INTO {one} VALUES (1, 'Oslo'), (2, 'Rom')")
        connection.execute(f"INSERT INTO {two} VALUES (1, 2), (2, 2), (3, 1)")
        connection.commit()
    gold = (
        f"SELECT T1.{text}, count(*) FROM {one} AS T1 JOIN {two} AS T2 ON T1.{key} = T2.{number} "
        f"WHERE T1.{text} != 'Bonn' GROUP BY T1.{text} ORDER BY count(*) DESC"
    )
    return str(path), gold


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, COLUMNS)
def test_names_of_a_prompt_can_be_copied_into_a_query(tables: list[str], columns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, _ = made(Path(folder) / "any.sqlite", tables, columns)
        schema = introspect(url)
        lines = render_schema(schema).split("\n")
        for line in lines[: sum(len(table.columns) for table in schema.tables)]:
            name = extract_sql("SELECT " + re.sub(r" (int|text)( pk)?( \['.*'\])?\Z", "", line)).removeprefix("SELECT ")
            table = next(t for t in schema.tables if name.startswith(f"{identifier(t.name)}."))
            assert run(url, f"SELECT {name} FROM {identifier(table.name)}").rows


@settings(max_examples=60, deadline=None)
@given(TABLES, COLUMNS)
def test_a_normalised_gold_returns_the_gold_s_rows(tables: list[str], columns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, gold = made(Path(folder) / "any.sqlite", tables, columns)
        schema = introspect(url)
        sql = normalise(gold, schema)
        assert run(url, sql).rows == run(url, gold).rows == (("Rom", 2), ("Oslo", 1))
        assert requote(sql, schema) == sql  # what is right already is left alone


@settings(max_examples=60, deadline=None)
@given(TABLES, COLUMNS)
def test_ddl_of_a_schema_makes_it_again(tables: list[str], columns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, gold = made(Path(folder) / "any.sqlite", tables, columns)
        schema = introspect(url)
        ddl = render_ddl(schema)
        again = str(Path(folder) / "again.sqlite")
        with closing(sqlite3.connect(again)) as connection:
            connection.executescript(ddl)
        assert run(again, gold).rows == ()
        assert columns_of(parse_ddl(ddl)) == columns_of(introspect(again)) == columns_of(schema)


@pytest.mark.parametrize("seed", range(6))
def test_fuzz_copies_have_the_same_names(tmp_path: Path, seed: int) -> None:
    names = [WORDS[(seed * 9 + place * 7) % len(WORDS)] for place in range(5)]
    url, gold = made(tmp_path / "any.sqlite", names[:2], names[2:])
    found = fuzz(Path(url), [gold], 2)
    assert found.paths and not found.failed and found.neighbours
    for path in found.paths:
        run(str(path), gold)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([name for name in WORDS if re.fullmatch(r"[^\W\d]\w*", name)]), st.sampled_from(WORDS))
def test_an_answer_without_quotes_gets_them(table: str, column: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, _ = made(Path(folder) / "any.sqlite", [table, "other 1"], ["a key", column, "b number"])
        schema = introspect(url)
        if re.fullmatch(r"\w[\w -]*", column) and column.strip() == column:
            asked = requote(f"SELECT {table}.{column} FROM {table} ORDER BY {table}.{column} LIMIT 1", schema)
            assert run(url, asked).rows == (("Oslo",),), asked
