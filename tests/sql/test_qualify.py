"""Which aliases plain style drops, and which it keeps since the query would else speak of another table."""

import sqlite3
from contextlib import closing

import pytest
from sql_llama.databases.sqlite_schema import sqlite_schema
from sql_llama.sql.normalise import normalise

TABLES = """
CREATE TABLE emp (id INT, dept INT, pay INT);
CREATE TABLE dept (id INT, boss INT);
CREATE TABLE t1 (id INT, dept INT);
INSERT INTO emp VALUES (1, 1, 5), (2, 1, 9), (3, 2, 4), (4, NULL, 4), (5, 9, 1);
INSERT INTO dept VALUES (1, 2), (2, 3), (3, 9);
INSERT INTO t1 VALUES (1, 2), (7, 7);
"""


@pytest.mark.parametrize(
    "before, after",
    [
        pytest.param(
            "SELECT id FROM emp e WHERE pay > (SELECT AVG(x.pay) FROM emp x WHERE x.dept = e.dept)",
            "SELECT emp.id FROM emp WHERE emp.pay > (SELECT AVG(x.pay) FROM emp AS x WHERE x.dept = emp.dept)",
            id="the inner table of the same name",
        ),
        pytest.param(
            "SELECT e.id FROM emp e WHERE EXISTS (SELECT 1 FROM emp WHERE emp.dept = e.dept AND emp.id <> e.id)",
            "SELECT e.id FROM emp AS e WHERE EXISTS(SELECT 1 FROM emp WHERE emp.dept = e.dept AND emp.id <> e.id)",
            id="the outer table, where the inner one has no alias",
        ),
        pytest.param(
            "SELECT e.id FROM emp e WHERE e.pay = (SELECT MAX(e.pay) FROM emp e)",
            "SELECT emp.id FROM emp WHERE emp.pay = (SELECT MAX(emp.pay) FROM emp)",
            id="none, where the inner query speaks of its own table alone",
        ),
        pytest.param(
            "SELECT T1.id FROM emp T1 WHERE EXISTS (SELECT 1 FROM t1 t2 WHERE T1.dept = t2.dept)",
            "SELECT emp.id FROM emp WHERE EXISTS(SELECT 1 FROM t1 WHERE emp.dept = t1.dept)",
            id="none, where a table is called as an alias of another one",
        ),
        pytest.param(
            "SELECT dept.id FROM dept emp JOIN emp dept ON emp.id = dept.dept",
            "SELECT emp.id FROM dept JOIN emp ON dept.id = emp.dept",
            id="none, where aliases are swapped names",
        ),
        pytest.param(
            "SELECT id FROM emp WHERE id IN (SELECT id FROM dept UNION SELECT id FROM t1 ORDER BY id)",
            "SELECT emp.id FROM emp WHERE emp.id IN (SELECT dept.id FROM dept UNION SELECT t1.id FROM t1 ORDER BY id)",
            id="the ORDER BY of a UNION has no table",
        ),
        pytest.param(
            "SELECT p.id FROM emp p JOIN (SELECT id FROM dept) emp ON emp.id = p.dept",
            "SELECT p.id FROM emp AS p JOIN (SELECT dept.id FROM dept) AS emp ON emp.id = p.dept",
            id="a sub-query that is called as a table",
        ),
    ],
)
def test_an_alias_is_kept_where_it_is_needed(before: str, after: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        assert normalise(before, sqlite_schema(connection)) == after
        rows = connection.execute(before).fetchall()
        assert rows and sorted(connection.execute(after).fetchall()) == sorted(rows)
