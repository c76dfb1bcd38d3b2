"""When two result sets say the same: strict about values and columns, lenient about row order and last digits."""

import doctest
import random
import time
from typing import Any

import pytest
from sql_llama.core import compare
from sql_llama.core.compare import exact_match, orders, overlap, same_loosely, same_result
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


def loosely(gold: ResultSet, predicted: ResultSet, ordered: bool = False) -> bool:
    return same_loosely(gold, predicted, ordered)


def test_loosely_the_columns_may_stand_in_any_order() -> None:
    gold, turned = result((1, "a", 2.5), (2, "b", 3.5)), result(("a", 2.5, 1), ("b", 3.5, 2))
    assert loosely(gold, turned) and loosely(gold, turned, ordered=True)
    assert not loosely(gold, result(("b", 2.5, 1), ("a", 3.5, 2)))


def test_loosely_keeps_what_is_strict_about_rows_and_values() -> None:
    gold = result((1, "a"), (2, "b"))
    assert not loosely(gold, result(("b", 2), ("a", 1)), ordered=True)
    assert loosely(gold, result(("b", 2), ("a", 1)), ordered=False)
    assert not loosely(gold, result(("a", "1"), ("b", "2")))
    assert not loosely(gold, result(("a", 1, 1), ("b", 2, 2)))
    assert not loosely(result((1, 2), (1, 2)), result((2, 1)))
    assert not loosely(ResultSet(("a", "b"), ()), ResultSet(("a",), ()))


def test_loosely_columns_that_are_alike_are_told_by_their_rows() -> None:
    gold = result((1, 2, 3), (2, 3, 1), (3, 1, 2))
    assert loosely(gold, result((3, 1, 2), (1, 2, 3), (2, 3, 1)))
    assert not loosely(gold, result((1, 1, 1), (2, 2, 2), (3, 3, 3)))
    assert not loosely(result((0, 0), (1, 1)), result((0, 1), (1, 0)))


def test_loosely_last_digits_do_not_matter() -> None:
    gold = result((0.1 + 0.2, "x", 1), (1 / 3, "y", 2))
    assert loosely(gold, result((1, 0.3, "x"), (2, 0.3333333333, "y")))
    assert not loosely(gold, result((1, 0.3001, "x"), (2, 0.3333333333, "y")))


def test_any_order_of_columns_is_found_in_random_results() -> None:
    rng = random.Random(3)
    for width in range(2, 9):
        rows = [tuple(rng.choice((1, 2, "a", None, 0.5)) for _ in range(width)) for _ in range(30)]
        order = rng.sample(range(width), width)
        turned = [tuple(row[place] for place in order) for row in rows]
        rng.shuffle(turned)
        assert loosely(result(*rows), result(*turned))
        turned[3] = tuple(9 if place == 1 else value for place, value in enumerate(turned[3]))
        assert not loosely(result(*rows), result(*turned))


def test_many_like_columns_do_not_take_for_ever() -> None:
    rng = random.Random(1)
    size, width = 200, 40
    columns = [rng.sample(range(size), size) for _ in range(width)]
    others = [rng.sample(range(size), size) for _ in range(width)]
    started = time.monotonic()
    assert not loosely(result(*zip(*columns, strict=True)), result(*zip(*others, strict=True)))
    wide = result(*[tuple(rng.choice((0, 1)) for _ in range(300)) for _ in range(60)])
    loosely(wide, result(*[tuple(reversed(row)) for row in wide.rows]))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("gold", "predicted", "rows", "columns"),
    [
        ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")], 1.0, 1.0),
        ([(1, "a"), (2, "b")], [("a", 1), ("b", 2)], 0.0, 1.0),
        ([(1,), (2,), (3,)], [(1,)], 0.5, 0.5),
        ([(1,), (1,)], [(1,)], 2 / 3, 2 / 3),
        ([(1, "a"), (2, "b")], [(1,), (2,)], 0.0, 2 / 3),
        ([(0.1 + 0.2,)], [(0.3,)], 1.0, 1.0),
        ([(1,)], [("1",)], 0.0, 0.0),
        ([(1,)], [(2,)], 0.0, 0.0),
    ],
)
def test_overlap_counts_what_is_shared(gold: Any, predicted: Any, rows: float, columns: float) -> None:
    assert overlap(result(*gold), result(*predicted)) == pytest.approx((rows, columns))
    assert overlap(result(*predicted), result(*gold)) == pytest.approx((rows, columns))


def test_overlap_of_nothing() -> None:
    none = ResultSet(("a",), ())
    assert overlap(none, none) == (1.0, 1.0)
    assert overlap(none, result((1,))) == (0.0, 0.0)
    assert overlap(none, ResultSet(("a", "b"), ())) == (0.0, 0.0)


def test_overlap_of_large_results_is_bounded() -> None:
    large = result(*[tuple(range(place, place + 50)) for place in range(20_000)])
    started = time.monotonic()
    assert overlap(large, large) == (1.0, 1.0)
    assert time.monotonic() - started < 8
