"""What may run on PostgreSQL, MySQL and DuckDB; the attacks of tests/databases/attacks are refused there for real."""

import pytest
from sql_llama.core.errors import QueryError
from sql_llama.sql.guard_servers import checked


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT a.x::date, date_trunc('month', a.y) FROM a WHERE a.z ILIKE 'b%' ORDER BY 1 NULLS LAST"),
        ("postgres", "SELECT string_agg(x, ',' ORDER BY x) FILTER (WHERE y > 1) FROM a"),
        ("postgres", "WITH b AS (SELECT 1 AS n) SELECT * FROM b JOIN LATERAL (SELECT n) c ON true"),
        ("mysql", "SELECT DATE_FORMAT(a.x, '%Y-%m'), COUNT(*) FROM a GROUP BY 1 HAVING COUNT(*) > 2"),
        ("mysql", "SELECT `order`.`a` FROM `order` LIMIT 3"),
        ("duckdb", "SELECT list_sort(list(x)), a.* EXCLUDE (y) FROM a GROUP BY ALL"),
        ("duckdb", "SELECT * FROM range(3)"),
        ("postgres", "SELECT table_name FROM information_schema.tables"),
    ],
)
def test_queries_that_read_pass(dialect: str, sql: str) -> None:
    assert checked(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql", "message"),
    [
        ("postgres", "SELECT 1; DROP TABLE a", "2 statements"),
        ("postgres", "WITH d AS (DELETE FROM a RETURNING 1) SELECT * FROM d", "DELETE"),
        ("postgres", "SELECT pg_catalog.pg_read_file('/etc/passwd')", "pg_read_file"),
        ("postgres", 'SELECT "pg_sleep"(9)', "pg_sleep"),
        ("postgres", "SELECT evil.lower('x')", "lower"),
        ("postgres", "SELECT * FROM pg_shadow", "system table"),
        ("postgres", "SELECT * FROM a FOR UPDATE", "locks rows"),
        ("mysql", "SELECT 1 INTO OUTFILE '/tmp/x'", "cannot be read as MySQL"),
        ("mysql", "SELECT @a := 1", "variable"),
        ("mysql", "SELECT LOAD_FILE('/etc/passwd')", "load_file"),
        ("mysql", "SELECT * FROM mysql.user", "system table"),
        ("duckdb", "SELECT * FROM read_csv('x')", "read_csv"),
        ("duckdb", "COPY a TO 'x'", "COPY"),
        ("duckdb", "SELECT * FROM query('DROP TABLE a')", "query"),
        ("postgres", "nonsense (", "refused"),
        ("postgres", " -- nothing", "no query"),
    ],
)
def test_everything_else_is_refused(dialect: str, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        checked(sql, dialect)


def test_what_runs_is_written_from_the_tree_without_comments() -> None:
    assert checked("SELECT /* SLEEP(5), */ 1 -- ;", "mysql") == "SELECT 1"
    with pytest.raises(QueryError, match="a comment that the server would run"):
        checked("SELECT /*! SLEEP(5), */ 1", "mysql")
