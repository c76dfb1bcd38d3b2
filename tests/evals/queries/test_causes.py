"""Every cause by an answer that has it, judged with the words that SQLite really says."""

import doctest
import json
import re
import sqlite3
import zipfile
from pathlib import Path

import pytest
from sql_llama.core.errors import QueryError
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run
from sql_llama.evals.queries import causes as module
from sql_llama.evals.queries.causes import CAUSES, cause, causes
from sql_llama.evals.queries.clauses import _clauses
from sql_llama.sql.compare import orders, same_loosely, same_result
from sql_llama.sql.guard import check
from sql_llama.sql.normalise import normalise

from ...golden import Case, golden
from ...work import at_most_calls

CASES = golden(Path(__file__).with_name("causes.sql"), "gold", "predicted", "cause")


@pytest.fixture
def home(pets: Path) -> Path:
    """The pets' database with what tells wrong queries from right ones: an owner without pets, a pet of no kind."""
    with sqlite3.connect(pets) as connection:
        connection.executescript(
            """
            INSERT INTO owners VALUES (3, 'Cid', 'Rome');
            INSERT INTO pets VALUES (4, 'Ann', NULL, 5.5, 1), (5, 'Sam', 'dog', 4.0, 1);
            """
        )
    connection.close()
    return pets


def judged(pets: Path, gold: str, predicted: str, timeout: float) -> tuple[QueryError | None, str, bool, bool]:
    """The error of each, whether strictly right, and whether right but for the order of columns."""
    errors: dict[str, QueryError] = {}
    rows = {}
    for sql in (predicted, gold):
        try:
            check(sql)
            rows[sql] = run(str(pets), sql, timeout=timeout)
        except QueryError as error:
            errors[sql] = error
    if errors:
        return errors.get(predicted), str(errors.get(gold, "")), False, False
    right = same_result(rows[gold], rows[predicted], orders(gold))
    return None, "", right, not right and same_loosely(rows[gold], rows[predicted], orders(gold))


@pytest.mark.parametrize("case", CASES)
def test_an_answer_with_this_cause(case: Case, home: Path) -> None:
    gold, predicted = case["gold"], case["predicted"]
    timeout = 0.2 if case["cause"] == "timeout" else 30
    error, gold_error, right, lenient = judged(home, gold, predicted, timeout)
    assert not right, f"{case.place}: both return the same"
    named = cause(gold, predicted, error, introspect(str(home)), lenient=lenient, gold_error=gold_error)
    assert named == case["cause"], case.place


def test_every_cause_has_a_case() -> None:
    assert {param.values[0]["cause"] for param in CASES} == set(CAUSES)


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_all_causes_come_in_their_order(pets: Path) -> None:
    gold = "SELECT kind, count(*) FROM pets WHERE weight > 3 GROUP BY kind ORDER BY count(*) DESC"
    predicted = "SELECT name, count(*) FROM pets WHERE weight > 2 ORDER BY count(*)"
    expected = ("wrong column", "wrong filter value", "missing group", "wrong order")
    assert causes(gold, predicted, None, introspect(str(pets))) == expected
    with_error = causes(
        gold,
        predicted.replace("name", "nick"),
        QueryError("no such column: nick", kind="missing_column", name="nick"),
        introspect(str(pets)),
    )
    assert with_error == ("invented column", *expected)


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("style.sql"), "gold", "predicted"))
def test_style_is_no_cause(case: Case, pets: Path) -> None:
    schema = introspect(str(pets))
    assert causes(case["gold"], case["predicted"], None, schema) == ("other",), case.place
    assert causes(case["predicted"], case["gold"], None, schema) == ("other",), f"{case.place}: the other way round"


DEEP = 5_000


@pytest.mark.parametrize(
    "predicted",
    [
        "SELECT " + "(" * DEEP + "1" + ")" * DEEP,
        "SELECT " + "(" * DEEP,
        "SELECT * FROM " + "(SELECT * FROM " * 50 + "pets" + ")" * 50,
        "SELECT " + "f(" * 59 + "1" + ")" * 59,
        "SELECT " + "NOT " * 2_000 + "1",
        "SELECT " + "- " * 4_000 + "1",
        "SELECT name FROM pets WHERE " + " AND ".join(["weight > 1"] * 600),
        "SELECT name FROM pets WHERE kind IN (" + ", ".join(map(str, range(1_500))) + ")",
        "SELECT " + ", ".join(["*"] * 3_000) + " FROM pets",
        "SELECT " + ", ".join(["*"] * 2_000) + " FROM " + ", ".join(f"pets p{i}" for i in range(39)),
        "SELECT * FROM " + "(SELECT *, * FROM " * 38 + "pets" + ")" * 38,
        "SELECT * FROM " + ", ".join(f"pets p{i}" for i in range(900)),
        "SELECT " + "CASE WHEN 1 THEN " * 400 + "1" + " END" * 400,
        "WITH k AS (SELECT a FROM k) SELECT a FROM k ORDER BY a",
        "WITH k AS (SELECT a FROM j), j AS (SELECT a FROM k) SELECT a FROM k",
        "WITH k0 AS (SELECT 1 AS a)"
        + "".join(f", k{i} AS (SELECT a || a AS a FROM k{i - 1})" for i in range(1, 39))
        + " SELECT a FROM k38",
        "SELECT a AS b, b AS a FROM nothing ORDER BY a",
        "SELECT 'x" * 30,
        "SELECT \0 FROM pets",
        "SELECT \ud800 FROM pets",
        "SELECT " + "x" * 100_000,
        "(" * 100_000,
        "/*" * 50_000,
        "-- \n" * 25_000,
        " " * 100_000,
        "with" + " " * 50_000 + "a" * 50_000,
    ],
)
def test_hostile_text_is_bounded(predicted: str, pets: Path) -> None:
    schema = introspect(str(pets))
    gold = "SELECT name FROM pets WHERE weight > 3"
    with at_most_calls(2_000_000):
        for error in (None, QueryError("x", kind="syntax"), QueryError("x", kind="missing_column", name="x")):
            assert cause(gold, predicted, error, schema) in CAUSES
            assert cause(predicted, gold, error, schema) in CAUSES


@pytest.mark.parametrize("predicted", ["SELECT 1 -- " + "x" * 50_000 + str(n) for n in range(3)])
def test_long_texts_are_not_remembered(predicted: str, pets: Path) -> None:
    before = _clauses.cache_info().currsize
    cause("SELECT 1", predicted, None, introspect(str(pets)))
    assert _clauses.cache_info().currsize <= before + 1  # the gold


CHANGES = [  # what is found, what is put there, the cause that this makes in whatever query
    (r"^SELECT .*? FROM", "SELECT 'x', 'y', 'z', 'u', 'v' FROM", "wrong column"),
    (r"\bMAX\(", "MIN(", "wrong aggregate"),
    (r"\bAVG\(", "SUM(", "wrong aggregate"),
    (r"FROM \w+", "FROM no_such_table", "wrong table"),
    (r" (?:UNION|INTERSECT|EXCEPT) [^)]*$", "", "wrong set operation"),
    (r" = '(\w+)'", r" = '\1s'", "wrong filter value"),
    (r" > (\d+)", r" < \1", "wrong operator"),
    (r" WHERE [\w.]+ = '\w+'$", "", "missing filter"),
    (r"(JOIN \w+ ON) [\w.]+ = [\w.]+", r"\1 TRUE", "wrong join condition"),
    (r"SELECT DISTINCT", "SELECT", "missing distinct"),
    (r" ORDER BY (?!.* ORDER BY)[\w.() ]+?(?= LIMIT|$)", "", "missing order"),
    (r" DESC( LIMIT \d+)?$", r" ASC\1", "wrong order"),
    (r" LIMIT \d+$", "", "wrong limit"),
]


@pytest.mark.shared
def test_on_real_gold_style_is_no_cause_and_a_planted_fault_is_named(shared: Path, tmp_path: Path) -> None:
    """Spider's shared golds in the style that the model answers in, as they are and with one thing changed."""
    rows = json.loads((shared / "spider" / "dev_shared.json").read_text(encoding="utf-8"))
    schemas = {}
    with zipfile.ZipFile(shared / "spider" / "database.zip") as archive:
        for name in {row["db_id"] for row in rows}:
            schemas[name] = introspect(archive.extract(f"database/{name}/{name}.sqlite", tmp_path))
    named: dict[str, list[bool]] = {}
    for row in rows:
        gold, schema = row["query"], schemas[row["db_id"]]
        plain = normalise(gold, schema)
        assert causes(gold, plain, None, schema) == ("other",)
        for found, instead, expected in CHANGES:
            changed = re.sub(found, instead, plain, count=1)
            if changed != plain:
                named.setdefault(expected, []).append(expected in causes(gold, changed, None, schema))
    assert all(len(hits) >= 10 for hits in named.values())
    assert {name: round(sum(hits) / len(hits), 2) for name, hits in named.items() if not all(hits)} == {}
