"""When two result sets say the same: strict about values and columns, lenient about row order and last digits."""

import doctest
import math
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_llama.core.records import ResultSet
from sql_llama.sql import compare
from sql_llama.sql.compare import all_among, exact_match, orders, overlap, same_loosely, same_result

from ..work import at_most_calls


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
        (float("inf"), 10**400, False),
        (0.0, -0.0, True),
        (3.3e20, 3.3e20 * (1 + 1e-15), True),  # whole, but no integers
        (3.3e20, 3.3e20 * 1.01, False),
        (3.3e17, math.nextafter(3.3e17, 0), True),
        (2.0**52, 2.0**52 + 1, True),
        (4_000_001.0, 4_000_002.0, False),  # below 2**39 a whole number is exact, as integers are
        (600884081055275.0, 600884081055876.0, True),  # a rounding error of a long sum may well end on a whole number
        (2**63 - 1, float(2**63 - 1), True),
        (2**63 - 1, 2**63 - 2, False),
        (10**400, 10**400 + 1, False),
        (10**400, 1e308, False),
        (Decimal("4079.00"), 4079, True),
        (Decimal("12345678901234567890"), Decimal("12345678901234567891"), False),
        (Decimal("0.1"), 0.1, True),
        (Decimal("1e999999"), float("inf"), True),
        (Decimal("NaN"), float("nan"), True),
    ],
)
def test_values(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal
    assert same_result(result((left,)), result((right,)), ordered=True) is equal


def test_a_number_that_is_no_number_does_not_keep_its_row_from_being_close() -> None:
    for odd in (float("inf"), float("nan"), -float("inf"), 10**400):
        gold, found = result((odd, 1 / 3, 1), (1, 0.5, 2)), result((1, 0.5 + 1e-12, 2), (odd, 1 / 3 + 1e-12, 1))
        assert same_result(gold, found, ordered=False) and same_loosely(gold, found, ordered=False)
        assert overlap(gold, found) == (1.0, 1.0)


NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(2**39 - 2, 2**39 + 2),
    st.integers(2**52 - 2, 2**52 + 2),
    st.integers(2**63 - 3, 2**63 - 1),
    st.sampled_from([0.0, -0.0, 0.1 + 0.2, 0.3, 3.3e20, 2.0**53, 1e308, math.inf, -math.inf, math.nan]),
    st.floats(),
    st.none(),
    st.text(max_size=2),
    st.binary(max_size=2),
)
ROWS = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[NUMBERS] * width), min_size=1, max_size=8))


@given(NUMBERS, NUMBERS)
def test_equality_is_the_same_from_both_sides_and_on_every_path(left: Any, right: Any) -> None:
    equal = same(left, right)
    assert same(right, left) is equal
    assert same_result(result((left,)), result((right,)), ordered=True) is equal
    assert all_among([(left,)], [(right,)]) is equal
    if equal:  # what `overlap` looks at is never tighter
        assert overlap(result((left,)), result((right,))) == (1.0, 1.0)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_permutation_and_a_last_digit_change_nothing(rows: list[tuple[Any, ...]], rng: random.Random) -> None:
    turned = [
        tuple(value * (1 + 1e-12) if isinstance(value, float) and abs(value) < 1e300 else value for value in row)
        for row in rng.sample(rows, len(rows))
    ]
    order = rng.sample(range(len(rows[0])), len(rows[0]))
    assert same_result(result(*rows), result(*turned), ordered=False)
    assert same_result(result(*turned), result(*rows), ordered=False)
    assert same_loosely(result(*rows), result(*[tuple(row[at] for at in order) for row in turned]), ordered=False)
    assert all_among(turned[1:], rows) and not all_among([*turned, turned[0]], rows)


def test_integers_that_no_float_is_near_do_not_overlap() -> None:
    assert overlap(result((10_000_001, 0.5)), result((10_000_002, 0.5))) == (0.0, 0.5)


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
    rows = [(i % 7, 0.1 * i, f"name {i % 50}", i / 3) for i in range(2_000)]
    noisy = [(a, b * (1 + 1e-9), c, d * (1 - 1e-9)) for a, b, c, d in rows]
    random.Random(1).shuffle(noisy)
    with at_most_calls(1_000_000):
        assert same_result(result(*rows), result(*noisy), ordered=False)
    noisy[17] = (noisy[17][0], noisy[17][1], noisy[17][2], noisy[17][3] + 1)
    with at_most_calls(1_000_000):
        assert not same_result(result(*rows), result(*noisy), ordered=False)


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
    wide = result(*[tuple(rng.choice((0, 1)) for _ in range(300)) for _ in range(60)])
    with at_most_calls(5_000_000):
        assert not loosely(result(*zip(*columns, strict=True)), result(*zip(*others, strict=True)))
    with at_most_calls(5_000_000):
        loosely(wide, result(*[tuple(reversed(row)) for row in wide.rows]))


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


def test_overlap_of_large_results_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first rows are looked at (all 2,000 would need 1.2 million calls), and columns are paired by place."""
    monkeypatch.setattr(compare, "MOST_ROWS", 500)
    large = result(*[tuple(range(place, place + 50)) for place in range(2_000)])
    with at_most_calls(600_000):
        assert overlap(large, large) == (1.0, 1.0)
