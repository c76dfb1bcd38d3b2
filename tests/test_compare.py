"""When two result sets say the same: strict about values and columns, lenient about row order and last digits."""

import doctest
import random
import time
from typing import Any

import pytest
from sql_llama.core import compare
from sql_llama.core.compare import exact_match, orders, same_result
from sql_llama.core.records import ResultSet


def result(*rows: tuple[Any, ...], truncated: bool = False) -> ResultSet:
    return ResultSet(tuple(f"c{i}" for i in range(len(rows[0]) if rows else 1)), rows, truncated)


def same(left: Any, right: Any) -> bool:
    return same_result(result((left,)), result((right,)), ordered=False)


def test_examples() -> None:
    assert doctest.testmod(compare).failed == 0


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (4079, 4079.0, True),
        (4079, "4079", False),
        (True, 1, True),
        (None, None, True),
        (None, 0, False),
        (None, "", False),
        (None, "NULL", False),
        ("a", "A", False),
        ("a", "a ", False),
        (b"a", "a", False),
        (0.1 + 0.2, 0.3, True),
        (1_000_000.0, 1_000_000.5, True),
        (1.0, 1.00001, False),
        (1, 2, False),
        (2**60, 2**60 + 1, False),
        (0, 1e-15, True),
        (float("nan"), float("nan"), True),
        (float("inf"), float("inf"), True),
        (float("inf"), float("-inf"), False),
        (float("inf"), 1e308, False),
    ],
)
def test_values(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal
    assert same_result(result((left,)), result((right,)), ordered=True) is equal


def test_rows_are_a_bag_unless_the_gold_sorts() -> None:
    gold, turned = result((1, "a"), (2, "b")), result((2, "b"), (1, "a"))
    assert same_result(gold, turned, ordered=False)
    assert not same_result(gold, turned, ordered=True)


def test_how_often_a_row_comes_matters() -> None:
    assert not same_result(result((1,), (1,), (2,)), result((1,), (2,), (2,)), ordered=False)
    assert not same_result(result((1,), (1,)), result((1,)), ordered=False)


def test_columns_are_in_the_golds_order_and_their_names_say_nothing() -> None:
    assert not same_result(result((1, "a")), result(("a", 1)), ordered=False)
    assert same_result(ResultSet(("count(*)",), ((1,),)), ResultSet(("n",), ((1,),)), ordered=False)


def test_no_rows_equal_no_rows_of_as_many_columns() -> None:
    assert same_result(ResultSet(("a",), ()), ResultSet(("b",), ()), ordered=False)
    assert not same_result(ResultSet(("a",), ()), ResultSet(("a", "b"), ()), ordered=False)


def test_a_result_that_was_cut_is_not_the_same_as_a_whole_one() -> None:
    assert not same_result(result((1,)), result((1,), truncated=True), ordered=False)


def test_last_digits_do_not_matter_in_any_order() -> None:
    rows = [(i % 7, 0.1 * i, f"name {i % 50}", i / 3) for i in range(10_000)]
    noisy = [(a, b * (1 + 1e-9), c, d * (1 - 1e-9)) for a, b, c, d in rows]
    random.Random(1).shuffle(noisy)
    started = time.monotonic()
    assert same_result(result(*rows), result(*noisy), ordered=False)
    noisy[17] = (noisy[17][0], noisy[17][1], noisy[17][2], noisy[17][3] + 1)
    assert not same_result(result(*rows), result(*noisy), ordered=False)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t ORDER BY a LIMIT 1;", True),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x ORDER BY 1", True),
        ("SELECT a FROM t", False),
        ("SELECT a FROM t WHERE a = (SELECT b FROM u ORDER BY b LIMIT 1)", False),
        ("SELECT max(a) OVER (ORDER BY b) FROM t", False),
        ("SELECT 'ORDER BY' FROM t", False),
    ],
)
def test_order_matters_where_the_top_level_sorts(sql: str, expected: bool) -> None:
    assert orders(sql) is expected


@pytest.mark.parametrize(
    ("gold", "predicted", "equal"),
    [
        ("SELECT a FROM t", "select  A\nfrom T ;", True),
        ('SELECT a FROM t WHERE b = "x"', "SELECT a FROM t WHERE b = 'x'", True),
        ("SELECT a FROM t WHERE b = 'X'", "SELECT a FROM t WHERE b = 'x'", False),
        ("SELECT a FROM t WHERE b != 1", "SELECT a FROM t WHERE b <> 1", True),
        ("SELECT `a` FROM [t]", "SELECT a FROM t", True),
        ("SELECT count(*) FROM t", "SELECT COUNT ( * ) FROM t -- all", True),
        ("SELECT a FROM t", "SELECT b FROM t", False),
        ("SELECT a FROM t", "", False),
        ("SELECT a, b FROM t", "SELECT b, a FROM t", False),
    ],
)
def test_exact_match_forgives_spelling_only(gold: str, predicted: str, equal: bool) -> None:
    assert exact_match(gold, predicted) is equal
