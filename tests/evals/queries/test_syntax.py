"""Parsing within bounds, and taking a query apart into its clauses."""

import doctest

import pytest
from sql_llama.evals.queries import syntax as module
from sql_llama.evals.queries.syntax import LONGEST, blocks, conditions, sources, stripped, syntax
from sqlglot import exp

from ...work import at_most_calls


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


HOSTILE = [
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "(" * 39 + "1" + ")" * 39,
    "SELECT a FROM t WHERE " + "NOT " * 2000 + "a",
    "SELECT " + "- " * 3000 + "1",
    "SELECT " + "1+" * 4000 + "1",
    "SELECT a FROM t WHERE " + " OR ".join(["a = 1"] * 1000),
    " UNION ".join(["SELECT 1"] * 600),
    "SELECT a FROM t" + " WHERE a IN (SELECT a FROM t" * 39 + ")" * 39,
    "SELECT " + "CASE WHEN " * 400 + "1" + " THEN 1 END" * 400,
    "SELECT '" + "x" * 200_000 + "'",
    "WITH a0 AS (SELECT 1 AS x)"
    + "".join(f", a{i} AS (SELECT * FROM a{i - 1}, a{i - 1} AS b)" for i in range(1, 100))
    + " SELECT * FROM a99",
    "SELECT a AS b, b + b AS c" + "".join(f", x{i} + x{i} AS x{i + 1}" for i in range(100)) + " FROM t ORDER BY x100",
    "SELECT x AS x FROM t WHERE x = x ORDER BY x",
    "\x00\ud800 SELECT",
    "SELECT FROM WHERE (",
    "DROP TABLE t",
    "",
]


@pytest.mark.parametrize("sql", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_takes_little_work_and_raises_nothing(sql: str) -> None:
    syntax.cache_clear()  # else a test that parsed the text before would make it look like no work
    with at_most_calls(300_000):
        tree = syntax(sql)
        assert tree is None or blocks(tree)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        "  select a from t",
        "(SELECT a FROM t) UNION (SELECT b FROM u)",
        "-- all\nSELECT a FROM t",
        "/* all */ WITH x AS (SELECT 1) SELECT * FROM x ; ;",
        "SELECT '" + "(" * 100 + "' FROM t",
    ],
)
def test_queries_are_parsed(sql: str) -> None:
    assert isinstance(syntax(sql), exp.Query)


@pytest.mark.parametrize(
    "sql", ["I do not know", "VALUES (1)", "SELECT 1; SELECT 2", "PRAGMA x", "SELECT " + "1," * LONGEST]
)
def test_other_texts_are_none(sql: str) -> None:
    assert syntax(sql) is None


def test_order_and_limit_after_several_selects_are_the_last_ones() -> None:
    tree = syntax("SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY a LIMIT 1")
    assert tree is not None
    first, last = blocks(tree)
    assert (first.joined, first.order, first.limited) == ("", None, False)
    assert last.joined == "union all" and last.order is not None and last.limited


def test_sources_come_in_the_order_written() -> None:
    select = syntax("SELECT 1 FROM a, (b JOIN c ON b.x = c.x) LEFT JOIN (SELECT 1) AS d ON 1")
    assert isinstance(select, exp.Select)
    assert [node.alias_or_name for node, _ in sources(select)] == ["a", "b", "c", "d"]
    assert [join.side if join is not None else None for _, join in sources(select)] == [None, "", "", "LEFT"]


def test_conditions_lose_their_brackets_and_keep_their_order() -> None:
    select = syntax("SELECT 1 FROM t WHERE (a = 1 OR b = 2) AND NOT c LIKE 'x' AND d NOT IN (1)")
    assert isinstance(select, exp.Select)
    leaves, words = conditions(select.args["where"].this)
    assert [leaf.find(exp.Column).name for leaf in leaves] == ["a", "b", "c", "d"]
    assert words == ["or", "and", "and"]
    assert [stripped(leaf)[1] for leaf in leaves] == [False, False, True, True]
