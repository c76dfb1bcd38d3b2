"""Spider's four levels of difficulty, and the features of a query."""

import doctest
import json
from pathlib import Path

import pytest
from sql_llama.evals.queries import hardness as module
from sql_llama.evals.queries.hardness import FEATURES, HARDNESS, features, hardness


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


CASES = {
    "easy": [
        "SELECT count(*) FROM singer",
        "SELECT name FROM singer WHERE age > 3",
        "SELECT a FROM t ORDER BY b DESC",
        "SELECT max(a) FROM t",
    ],
    "medium": [
        "SELECT name, age FROM singer",
        "SELECT avg(age), min(age), max(age) FROM singer WHERE country = 'France'",
        "SELECT name FROM singer ORDER BY age LIMIT 1",
        "SELECT country, count(*) FROM singer GROUP BY country",
        "SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1",
    ],
    "hard": [
        "SELECT a FROM t WHERE b NOT IN (SELECT b FROM u)",
        "SELECT a FROM t EXCEPT SELECT b FROM u",
        "SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1 AND t2.d = 2 GROUP BY t1.a",
        "SELECT a FROM t WHERE b > 1 ORDER BY c LIMIT 1",
    ],
    "extra": [
        "SELECT a, b FROM t WHERE c IN (SELECT c FROM u)",
        "SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1 GROUP BY t1.a ORDER BY count(*) LIMIT 1",
        "SELECT a FROM t JOIN u ON t.a = u.a JOIN v ON u.b = v.b WHERE c = 1 INTERSECT SELECT b FROM u",
    ],
    "unknown": ["", "SELECT FROM", "DROP TABLE t", "VALUES (1)"],
}


@pytest.mark.parametrize(("level", "sql"), [(level, sql) for level, cases in CASES.items() for sql in cases])
def test_levels(level: str, sql: str) -> None:
    assert hardness(sql) == level
    assert level in HARDNESS


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t", ()),
        ("SELECT a FROM t, u", ("join",)),
        ("SELECT x.a FROM t AS x JOIN T AS y ON x.a = y.b", ("join", "self-join")),
        ("SELECT a FROM t LEFT JOIN u ON t.a = u.a", ("join", "outer join")),
        ("SELECT a FROM t WHERE b = 1 OR b = 2", ("filter", "or")),
        ("SELECT a FROM t GROUP BY a HAVING count(*) > 1", ("group", "having", "aggregate")),
        ("SELECT a FROM t ORDER BY a LIMIT 1", ("order", "limit")),
        ("SELECT a FROM t UNION SELECT a FROM u", ("union",)),
        ("SELECT a FROM t INTERSECT SELECT a FROM u", ("intersect",)),
        ("SELECT a FROM t EXCEPT SELECT a FROM u", ("except",)),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u)", ("filter", "subquery", "in")),
        ("SELECT a FROM (SELECT a FROM t)", ("subquery", "nested from")),
        ("WITH x AS (SELECT a FROM t) SELECT a FROM x", ("with",)),
        ("SELECT count(DISTINCT a) FROM t", ("distinct", "aggregate")),
        ("SELECT DISTINCT a FROM t", ("distinct",)),
        ("SELECT sum(a) OVER (ORDER BY b) FROM t", ("aggregate", "window")),
        ("SELECT a FROM t WHERE strftime('%Y', b) = '2014'", ("filter", "date")),
        ("SELECT a FROM t WHERE b > '2014-01-31'", ("filter", "date")),
        ("SELECT a FROM t WHERE b NOT LIKE 'x%'", ("filter", "like", "not")),
        ("SELECT a FROM t WHERE b BETWEEN 1 AND 2", ("filter", "between")),
        ("SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u)", ("filter", "subquery", "exists", "not")),
        ("SELECT a FROM t WHERE b IS NOT NULL", ("filter", "not", "null")),
        ("SELECT a FROM t WHERE b <> 1", ("filter",)),
        ("SELECT CASE WHEN a = 1 THEN 2 END FROM t", ("case",)),
        ("SELECT a - b FROM t", ("arithmetic",)),
        ("no query", ()),
    ],
)
def test_features(sql: str, expected: tuple[str, ...]) -> None:
    assert features(sql) == expected
    assert set(expected) <= set(FEATURES)


OFFICIAL = {"easy": 126, "medium": 218, "hard": 81, "extra": 58}  # Spider's evaluator over the `sql` of the same file


@pytest.mark.shared
def test_levels_of_spider_are_those_of_its_evaluator(shared: Path) -> None:
    rows = json.loads((shared / "spider" / "dev_shared.json").read_text(encoding="utf-8"))
    found = [hardness(row["query"]) for row in rows]
    assert {level: found.count(level) for level in OFFICIAL} == OFFICIAL
