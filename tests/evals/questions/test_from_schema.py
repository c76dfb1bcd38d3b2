"""Databases with rows from DDL of any dialect; schemas that SQLite does not have are taken out of names."""

import doctest
from pathlib import Path

import pytest
from sql_llama.databases.sqlite import run
from sql_llama.evals.judge.bench import Bench
from sql_llama.evals.judge.verdict import Task
from sql_llama.evals.questions import from_schema as module
from sql_llama.evals.questions.from_schema import Unmade, from_schema, qualified, unqualified

MINE = "CREATE SCHEMA mine; CREATE TABLE mine.seam (id INT PRIMARY KEY, name VARCHAR(50), depth FLOAT);"
MYSQL = """CREATE TABLE `visitor` (
  `id` int unsigned NOT NULL AUTO_INCREMENT, `name` varchar(40) COLLATE utf8_bin COMMENT 'its name', kind ENUM('a','b'),
  PRIMARY KEY (`id`), KEY `by_name` (`name`(10)), UNIQUE KEY `u` (`kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
INSERT INTO `visitor` VALUES (1,'Ann','a'),(2,'Bob','b');"""
POSTGRES = """SET search_path TO public; CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE public.orders (id SERIAL PRIMARY KEY, at TIMESTAMPTZ DEFAULT now(), tags TEXT[], feels mood,
  data JSONB DEFAULT '{}'::jsonb, price NUMERIC(10,2) CHECK (price > 0));
CREATE INDEX ON public.orders USING gin (data);"""
SERVER = """USE [shop]
GO
CREATE TABLE [dbo].[Order Lines] ([Id] INT IDENTITY(1,1) NOT NULL, [Note] NVARCHAR(MAX) NULL,
  [When] DATETIME2 DEFAULT GETDATE(), CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([Id] ASC) ON [PRIMARY]) ON [PRIMARY]
GO"""
TWO = (
    "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.x (id INT, v TEXT); CREATE TABLE b.y (id INT REFERENCES a.x(id))"
)
SAME = "CREATE TABLE sales.orders (id INT, total REAL); CREATE TABLE archive.orders (id INT, closed DATE)"
QUOTED = 'CREATE SCHEMA "My Own"; CREATE TABLE "My Own"."Pit Seam" ("Id" INT, "Depth m" REAL)'
VIEW = "CREATE SCHEMA m AUTHORIZATION joe; CREATE TABLE m.t (id BIGSERIAL); CREATE VIEW m.v AS SELECT id FROM m.t"


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("ddl", "gold", "answer"),
    [
        (MINE, "SELECT name FROM mine.seam WHERE depth > 50;", "SELECT seam.name FROM seam WHERE seam.depth > 50"),
        (MINE, "SELECT mine.seam.name FROM MINE.Seam", 'SELECT s.name FROM "mine".[seam] AS s'),
        (MINE, "SELECT count(*) FROM seam", "SELECT count(*) FROM `mine` . `seam`"),
        (MINE, "SELECT mine.* FROM mine.seam AS mine", "SELECT mine.id, mine.name, mine.depth FROM mine.seam mine"),
        (MYSQL, "SELECT name FROM visitor WHERE id > 1", "SELECT `name` FROM `visitor` WHERE NOT id <= 1"),
        (POSTGRES, "SELECT id FROM public.orders WHERE price > 3", "SELECT o.id FROM orders o WHERE o.price > 3"),
        (SERVER, "SELECT [Note] FROM [shop].[dbo].[Order Lines]", 'SELECT note FROM dbo."order lines"'),
        (TWO, "SELECT a.x.v FROM a.x JOIN b.y ON b.y.id = a.x.id", "SELECT x.v FROM x JOIN y ON y.id = x.id"),
        (SAME, "SELECT orders.closed FROM archive.orders", "SELECT archive.orders.closed FROM archive.orders"),
        (
            SAME,
            "SELECT s.id FROM sales.orders s JOIN archive.orders AS a ON s.id = a.id",
            "SELECT sales.orders.id FROM sales.orders JOIN archive.orders ON sales.orders.id = archive.orders.id",
        ),
        (QUOTED, 'SELECT "Depth m" FROM "My Own"."Pit Seam"', 'SELECT "My Own"."Pit Seam"."Depth m" FROM "pit seam"'),
        (VIEW, "SELECT id FROM m.v", "SELECT v.id FROM v"),
        (
            "CREATE DATABASE shop; USE shop; CREATE TABLE item (n INT) ENGINE=InnoDB",
            "SELECT n FROM shop.item",
            "SELECT n FROM item",
        ),
        ("CREATE TABLE t (a INT)", "SELECT a FROM t", "SELECT main.t.a FROM main.t"),
    ],
)
def test_queries_run_with_the_schema_and_without(ddl: str, gold: str, answer: str) -> None:
    names = qualified(ddl)
    gold = unqualified(gold, names)
    path = from_schema(ddl, [gold], gold)
    assert run(str(path), gold).rows
    made = Bench(60.0)
    verdict = made.verdict(Task(path, gold, unqualified(answer, names)))
    assert verdict.correct, (verdict, gold, unqualified(answer, names))
    for connection in made.connections.values():
        connection.close()


def test_nothing_but_the_names_of_tables_is_changed() -> None:
    names = qualified(MINE)
    for sql in (
        "SELECT 'mine.seam', \"mine.seam\" FROM seam -- mine.seam",
        "SELECT mine.depth FROM seam AS mine",
        "SELECT other.seam.id FROM other.seam",
        "SELECT 1.5 /* mine.seam */",
    ):
        assert unqualified(sql, names) == sql
    assert unqualified("SELECT * FROM mine.seam", qualified("CREATE TABLE seam (id INT)")) == "SELECT * FROM mine.seam"


def test_rows_of_another_dialect_are_taken_where_sqlite_takes_them() -> None:
    path = module._from_ddl(MYSQL)
    assert run(str(path), "SELECT name FROM visitor ORDER BY id").rows == (("Ann",), ("Bob",))


@pytest.mark.parametrize(
    ("ddl", "reason"),
    [
        ("CREATE SCHEMA mine;", "syntax error"),
        ("CREATE TABEL t (a INT)", "syntax error"),
        ("CREATE TABLE mine.t (a INT); ATTACH 'x' AS y", "unknown database"),
        ("CREATE TABLE t (a INT); CREATE TABLE t (b INT)", "already exists"),
        ("", "no table"),
    ],
)
def test_what_cannot_be_made_is_said(ddl: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "ATTACH" in ddl:  # passed over, and never run
        assert run(str(module._from_ddl(ddl)), "SELECT count(*) FROM t").rows == ((0,),)
        assert [path.name for path in tmp_path.iterdir()] == ["home"]
    else:
        with pytest.raises(Unmade, match=reason):
            from_schema(ddl, ["SELECT 1"], "SELECT 1")


DUMP = """PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "boat" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
INSERT INTO boat VALUES(1,'Ada');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('boat',1);
COMMIT;"""
COPY = """CREATE TABLE public.boat (id integer, name text);
COPY public.boat (id, name) FROM stdin;
1\tit's; a
2\tCREATE TABLE x (y
\\.

CREATE TABLE public.crew (boat integer);"""


@pytest.mark.parametrize(
    ("ddl", "gold"),
    [
        (DUMP, "SELECT name FROM boat"),
        (COPY, "SELECT boat FROM crew"),
        ("SAVEPOINT one; CREATE TABLE t (a); RELEASE one; PRAGMA user_version = 3", "SELECT a FROM t"),
        ("CREATE TABLE t (a); CREATE TABLE sqlite_sequence(name,seq);", "SELECT a FROM t"),
        ("CREATE TEMP TABLE t (a INT); CREATE TABLE u (b INT)", "SELECT a FROM t"),
        ("CREATE TABLE t (id INT, c AS (id*2) PERSISTED)", "SELECT c FROM t"),
        ("CREATE VIRTUAL TABLE docs USING fts5(title, body)", "SELECT title FROM docs WHERE docs MATCH 'whale'"),
        (
            "CREATE VIRTUAL TABLE docs USING fts4(body); CREATE TABLE docs_a (id INTEGER PRIMARY KEY, name TEXT)",
            "SELECT name FROM docs JOIN docs_a AS a ON a.id = docs.rowid WHERE body MATCH 'sea'",
        ),
        ("CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1)", "SELECT id FROM box WHERE x0 > 2"),
    ],
)
def test_what_dumps_hold_beside_tables_is_no_obstacle(ddl: str, gold: str) -> None:
    assert run(str(from_schema(ddl, [gold], gold)), gold).rows


def test_a_setting_of_a_schema_is_passed_over(tmp_path: Path) -> None:
    ddl = f"PRAGMA temp_store_directory = '{tmp_path}'; PRAGMA user_version = 7; CREATE TABLE t (a INT)"
    path = module._from_ddl(ddl)
    assert run(str(path), "SELECT count(*) FROM t").rows == ((0,),)
    assert path.read_bytes()[60:64] == bytes(4)  # the user version


def test_a_full_text_table_over_an_endless_view_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DDL_SECONDS", 0.3)
    endless = (
        "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS a FROM n"
    )
    gold = "SELECT a FROM d WHERE d MATCH 'x'"
    with pytest.raises(Unmade, match="no rows"):
        from_schema(f"{endless}; CREATE VIRTUAL TABLE d USING fts5(a, content='v')", [gold], gold)


def test_a_gold_that_finds_nothing_in_a_full_text_table_is_not_asked() -> None:
    gold = "SELECT title FROM docs WHERE docs MATCH 'whale NOT whale'"
    with pytest.raises(Unmade, match="no rows"):
        from_schema("CREATE VIRTUAL TABLE docs USING fts5(title)", [gold], gold)
