"""What dumps say besides plain CREATE TABLE: changes, copies, virtual tables, rows, and clauses of one dialect."""

import json
import sqlite3
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.ddl.tokens import without_rows
from sql_llama.sql.names import columns_of

from ...data.loading import load_pairs

T = "CREATE TABLE t (id INT PRIMARY KEY, name TEXT);"
U = "CREATE TABLE u (t_id INT REFERENCES t (id), v REAL);"


def tables(ddl: str) -> dict[str, list[str]]:
    return columns_of(parse_ddl(ddl))


def keys(ddl: str) -> list[tuple[str, str, str, str]]:
    return [(key.table, key.column, key.ref_table, key.ref_column) for key in parse_ddl(ddl).foreign_keys]


def test_sqlites_own_tables_are_passed_over() -> None:
    dump = "CREATE TABLE sqlite_sequence(name,seq); CREATE TABLE sqlite_stat1(tbl,idx,stat);"
    assert tables(T + dump) == {"t": ["id", "name"]}


@pytest.mark.parametrize("end", ["\\.\n", "\\.\r\n", ""])
def test_rows_that_pg_dump_writes_are_cut_out(end: str) -> None:
    rows = f"COPY public.t (id, name) FROM stdin;\n1\tit's (\n2\t\"x\n{end}"
    after = U if end else ""
    assert list(tables(T + "\n" + rows + after)) == ["t", "u"][: 1 + bool(after)]
    assert "it's" not in without_rows(rows)


@pytest.mark.parametrize(
    "virtual, columns",
    [
        ("fts5(title, body UNINDEXED, tokenize = 'porter ascii', content='t')", ["title", "body"]),
        ('fts4("the title" TEXT, body, tokenize=porter, notindexed=body)', ["the title", "body"]),
        ("fts3(body, tokenize porter)", ["body"]),
        ("fts4", ["content"]),
        ("rtree(id, min_x, max_x, +name TEXT)", ["id", "min_x", "max_x", "name"]),
    ],
)
def test_a_virtual_table_is_a_table_of_its_columns(virtual: str, columns: list[str]) -> None:
    ddl = f"CREATE VIRTUAL TABLE IF NOT EXISTS n USING {virtual};"
    assert tables(ddl) == {"n": columns}


def test_the_tables_beside_a_virtual_table_are_not_shown(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "n.sqlite")
    connection.executescript("CREATE VIRTUAL TABLE n USING fts5(title); CREATE TABLE n_other (a INT);")
    dump = ";\n".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    connection.close()
    assert "n_docsize" in dump
    assert tables(dump) == {"n": ["title"], "n_other": ["a"]}


@pytest.mark.parametrize(
    "change, expected",
    [
        ("ALTER TABLE t RENAME COLUMN name TO label", {"t": ["id", "label"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t RENAME name TO label", {"t": ["id", "label"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t CHANGE COLUMN name label VARCHAR(9)", {"t": ["id", "label"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t RENAME TO w", {"w": ["id", "name"], "u": ["t_id", "v"]}),
        ("RENAME TABLE t TO w, u TO x", {"w": ["id", "name"], "x": ["t_id", "v"]}),
        ("ALTER TABLE t DROP COLUMN IF EXISTS name CASCADE", {"t": ["id"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t DROP name", {"t": ["id"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t DROP (name)", {"t": ["id"], "u": ["t_id", "v"]}),
        ("ALTER TABLE u ADD w INT, DROP COLUMN v", {"t": ["id", "name"], "u": ["t_id", "w"]}),
        ("ALTER TABLE t DROP CONSTRAINT name", {"t": ["id", "name"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t DROP PRIMARY KEY, DROP INDEX name", {"t": ["id", "name"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t ALTER COLUMN name DROP NOT NULL", {"t": ["id", "name"], "u": ["t_id", "v"]}),
        ("ALTER TABLE t RENAME CONSTRAINT name TO label", {"t": ["id", "name"], "u": ["t_id", "v"]}),
        ("DROP TABLE IF EXISTS u, w CASCADE", {"t": ["id", "name"]}),
    ],
)
def test_later_changes_are_applied(change: str, expected: dict[str, list[str]]) -> None:
    assert tables(f"DROP TABLE IF EXISTS t; {T}{U}{change};") == expected


def test_keys_follow_what_is_renamed_and_go_with_what_is_dropped() -> None:
    assert keys(T + U + "ALTER TABLE t RENAME COLUMN id TO key_of; ALTER TABLE t RENAME TO w;") == [
        ("u", "t_id", "w", "key_of")
    ]
    assert keys(T + U + "ALTER TABLE u RENAME t_id TO w_id;") == [("u", "w_id", "t", "id")]
    assert keys(T + U + "ALTER TABLE u DROP COLUMN t_id;") == keys(T + U + "DROP TABLE t;") == []


@pytest.mark.parametrize(
    "more, columns",
    [
        ("CREATE TABLE b (LIKE t INCLUDING ALL, z INT)", ["id", "name", "z"]),
        ("CREATE TABLE b LIKE t", ["id", "name"]),
        ("CREATE TABLE b (z INT) INHERITS (t)", ["id", "name", "z"]),
        ("CREATE TABLE b AS SELECT id, name AS label FROM t", ["id", "label"]),
        ("CREATE TABLE IF NOT EXISTS b AS (SELECT id FROM t) WITH NO DATA", ["id"]),
        ("CREATE TABLE b (SELECT id FROM t)", ["id"]),
    ],
)
def test_a_table_made_from_another_has_its_columns(more: str, columns: list[str]) -> None:
    assert tables(f"{T}{more};") == {"t": ["id", "name"], "b": columns}


def test_a_part_of_a_table_is_no_table_of_its_own() -> None:
    assert tables(T + "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (1) TO (2);") == {"t": ["id", "name"]}


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE b (LIKE gone, z INT)",
        "CREATE TABLE b (z INT) INHERITS (gone)",
        T + "CREATE TABLE b AS SELECT id FROM t; ALTER TABLE b RENAME COLUMN id TO x",
        T + "CREATE TABLE b (z INT) AS SELECT id FROM t",
    ],
)
def test_a_schema_whose_columns_cannot_be_told_is_refused(ddl: str) -> None:
    with pytest.raises(DataError):
        parse_ddl(ddl)


@pytest.mark.parametrize(
    "body, columns",
    [
        ("a INT, SUPPLEMENTAL LOG DATA (ALL) COLUMNS, SUPPLEMENTAL LOG GROUP g (a) ALWAYS", ["a"]),
        ("a INT, INDEX i a TYPE minmax GRANULARITY 4, INDEX j (a * 2) TYPE set(9)", ["a"]),
        ("a INT, PROJECTION p (SELECT a ORDER BY a)", ["a"]),
        ("a INT, index INT, projection VARCHAR(9), supplemental TEXT", ["a", "index", "projection", "supplemental"]),
        ("[a]]b] INT, [c] INT", ["a]b", "c"]),
        ("a INT, #comment, it's\n b INT #more, it's\n", ["a", "b"]),
    ],
)
def test_clauses_and_signs_of_one_dialect(body: str, columns: list[str]) -> None:
    assert tables(f"CREATE TABLE t ({body})") == {"t": columns}


def test_a_temporary_table_of_sql_server_keeps_its_name() -> None:
    assert tables("CREATE TABLE #t (a# INT, b INT)") == {"#t": ["a#", "b"]}


@pytest.mark.parametrize(
    "ddl, sql, reason",
    [
        ("CREATE TABLE a.t (x INT); CREATE TABLE b.t (y INT)", "SELECT x FROM t", "two tables of one name"),
        ("CREATE TABLE b (LIKE gone)", "SELECT x FROM b", "takes columns from a table that it does not create"),
        ("CREATE VIRTUAL TABLE n USING fts5(a)", "SELECT a FROM n WHERE n MATCH 'x'", "full-text search"),
        (T + "DROP TABLE t; " + "CREATE TABLE u (a INT)", "SELECT name FROM t", "no such table"),
    ],
)
def test_such_rows_are_left_out_with_a_reason_of_their_own(tmp_path: Path, ddl: str, sql: str, reason: str) -> None:
    rows = [{"question": "Which?", "schema": ddl, "sql": sql}, {"question": "Which?", "schema": T, "sql": SQL}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = load_pairs(path)
    assert [example.sql for example in loaded.examples] == ["SELECT t.id FROM t"]
    assert [reason in told for told in loaded.left_out] == [True]


SQL = "SELECT id FROM t"


def test_an_answer_over_a_virtual_table_is_learnt(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    ddl = "CREATE VIRTUAL TABLE n USING fts5(title, body)"
    path.write_text(json.dumps({"question": "How many?", "schema": ddl, "sql": "SELECT count(body) FROM n"}) + "\n")
    assert [one.sql for one in load_pairs(path).examples] == ["SELECT COUNT(n.body) FROM n"]
