"""One query that only reads passes; everything else is refused with a reason, before any database sees it."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_llama.core.errors import QueryError
from sql_llama.databases.sqlite import run
from sql_llama.sql import guard as sqlcheck
from sql_llama.sql.guard import check, one_statement

READS = [
    "SELECT 1",
    "SELECT 1;",
    "SELECT * FROM t WHERE a GLOB 'x*' -- comment",
    "select count(*) from a join b on a.id = b.id where a.x > (select avg(x) from a)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n",
    "SELECT a FROM t UNION SELECT b FROM u EXCEPT SELECT c FROM v ORDER BY 1",
    "VALUES (1, 2)",
    "SELECT replace(a, 'x', 'y'), max(b) OVER (PARTITION BY c) FROM t",
    'SELECT "delete", [drop], `update` FROM "insert"',
    "SELECT 'DROP TABLE t; --'",
    "SELECT 1;;",
    "SELECT 1 ; ;\n;",
    "; SELECT 1",
    "SELECT 1; -- done",
    "SELECT 1; /* done; */ ;",
    "SELECT 1; /* never closed",
    "SELECT 1; -- ; DROP TABLE t",
    "SELECT 'a;b', \";;\", [;], `;`;;",
]

WRITES = [
    "DELETE FROM t",
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT * FROM u",
    "UPDATE t SET a = 1",
    "REPLACE INTO t VALUES (1)",
    "DROP TABLE t",
    "CREATE TABLE t (a)",
    "CREATE TABLE t AS SELECT 1",
    "CREATE VIEW v AS SELECT 1",
    "ALTER TABLE t ADD COLUMN a",
    "PRAGMA writable_schema = 1",
    "ATTACH DATABASE 'x' AS x",
    "DETACH DATABASE x",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "WITH x AS (SELECT 1) DELETE FROM t",
    "SELECT load_extension('x')",
    "SELECT a, LOAD_EXTENSION('x') FROM t WHERE 1 IN (SELECT 2)",
    "SELECT writefile('x', 'y')",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "SELECT 1; -- nothing\n DROP TABLE t",
    "SELECT 1;; DROP TABLE t",
    "SELECT 1; /* nothing */ SELECT 2;;",
    "; DROP TABLE t",
    ";;",
    "; -- only a comment",
    "",
    " ; ",
    "-- only a comment",
]

POSTGRES = [
    "WITH gone AS (DELETE FROM t RETURNING 1) SELECT * FROM gone",
    "WITH new AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM new",
    "SELECT * FROM (WITH u AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM u) AS x",
    "SELECT * INTO u FROM t",
    "COPY t TO '/tmp/x'",
    "COPY (SELECT 1) TO PROGRAM 'sh'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_sleep(100)",
    "SELECT a FROM t FOR UPDATE",
    "CALL f()",
    "SET ROLE admin",
    "DO $$ BEGIN END $$",
    "GRANT ALL ON t TO x",
    "TRUNCATE t",
    "EXPLAIN ANALYZE DELETE FROM t",
]


def test_examples() -> None:
    assert doctest.testmod(sqlcheck).failed == 0


@pytest.mark.parametrize(
    "end", ["", ";", ";;", "; ;", ";\n ; \t", "; -- done", ";; /* a;b */ ;", "-- done", "; /* open"]
)
@pytest.mark.parametrize(
    "query", ["SELECT ';' || '--' AS a", 'SELECT 1 AS ";"', "SELECT 1 /* ; */ + 1", "SELECT 'it''s;'"]
)
def test_what_says_nothing_after_a_query_is_no_fault(pets: Path, query: str, end: str) -> None:
    check(query + end)
    assert run(str(pets), query + end).rows == run(str(pets), query).rows


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1; -- x\nSELECT 2;", "SELECT 1;; DELETE FROM pets"])
def test_a_second_statement_is_never_run(pets: Path, sql: str) -> None:
    with pytest.raises(QueryError, match=r"more than one statement|2 statements"):
        run(str(pets), sql)
    assert run(str(pets), "SELECT count(*) FROM pets").rows == ((3,),)


@given(st.text(alphabet="a;-/*'\"`[] \n", max_size=30))
def test_nothing_but_the_ends_is_taken_away(text: str) -> None:
    kept = one_statement(text)
    assert kept in text and one_statement(kept) == kept
    assert kept.replace(";", "").strip() or not one_statement(text + ";").strip(" ;\n")


@pytest.mark.parametrize("sql", READS)
def test_a_query_that_reads_passes(sql: str) -> None:
    check(sql)


@pytest.mark.parametrize("sql", WRITES)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="refused"):
        check(sql)


@pytest.mark.parametrize("sql", POSTGRES)
def test_what_only_other_databases_can_do_is_refused_too(sql: str) -> None:
    with pytest.raises(QueryError, match="refused"):
        check(sql, "postgres")


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT load_file('/etc/passwd')", "mysql"),
        ("SELECT sleep(100)", "mysql"),
        ("SELECT * FROM read_csv('/etc/passwd')", "duckdb"),
        ("SELECT * FROM read_text('/etc/passwd')", "duckdb"),
        ("INSTALL httpfs", "duckdb"),
    ],
)
def test_files_are_out_of_reach_in_every_dialect(sql: str, dialect: str) -> None:
    with pytest.raises(QueryError):
        check(sql, dialect)


def test_text_that_cannot_be_parsed_is_left_to_the_database() -> None:
    check("SELECT FROM WHERE (")


def test_deep_nesting_is_no_crash() -> None:
    check("SELECT " + "(" * 5000 + "1" + ")" * 5000)


def test_nothing_is_printed_of_what_the_parser_only_half_knows() -> None:
    code = "import sql_llama.evals.judge.bench, sqlglot; sqlglot.parse_one('EXPLAIN SELECT 1', read='sqlite')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
