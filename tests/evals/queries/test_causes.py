"""Every cause by an answer that has it, judged with the words that SQLite really says."""

import doctest
import json
import re
import sqlite3
import time
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

JOINED = "SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id"
FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

CASES = [  # gold, predicted, cause
    ("SELECT name FROM pets", "", "no query"),
    ("SELECT name FROM pets", "The names of all pets are in the table.", "no query"),
    ("SELECT name FROM pets", "With this schema it cannot be said.", "no query"),
    ("SELECT name FROM pets", "-- nothing", "no query"),
    ("SELECT name FROM pets", "DELETE FROM pets", "refused"),
    ("SELECT name FROM pets", "SELECT name FROM pets; SELECT 1", "refused"),
    ("SELECT name FROM pets", "/* all */ PRAGMA table_info(pets)", "refused"),
    ("SELECT name FROM pets", "SELECT name FORM pets WHERE", "syntax error"),
    ("SELECT name FROM pets", "SELECT name FROM pets WHERE (kind = 'dog'", "syntax error"),
    ("SELECT name FROM pets", "SELECT name FROM pets WHERE kind = 'dog", "syntax error"),
    ("SELECT name FROM pets", FOREVER, "timeout"),
    ("SELECT name FROM pets", "SELECT zeroblob(900000000)", "too much memory"),
    ("SELECT name FROM pets", "SELECT name FROM animals", "invented table"),
    ("SELECT name FROM pets", "SELECT nickname FROM pets", "invented column"),
    ("SELECT name FROM pets", "SELECT p.nickname FROM pets AS p", "invented column"),
    (JOINED, "SELECT pets.city FROM owners JOIN pets ON owners.id = pets.owner_id", "misplaced column"),
    (JOINED, "SELECT owners.name FROM pets WHERE pets.kind = 'dog'", "missing join"),
    (JOINED, "SELECT name FROM owners JOIN pets ON owners.id = pets.owner_id", "other database error"),
    ("SELECT name FROM pets", "SELECT year(name) FROM pets", "other database error"),
    ("SELECT nickname FROM pets", "SELECT name FROM pets", "gold fails"),
    ("SELECT name, kind FROM pets", "SELECT kind, name FROM pets", "column order"),
    ("SELECT name FROM pets EXCEPT SELECT name FROM owners", "SELECT name FROM pets", "wrong set operation"),
    (
        "SELECT city FROM owners WHERE name = 'Ann' INTERSECT SELECT city FROM owners WHERE name = 'Bob'",
        "SELECT city FROM owners WHERE name = 'Ann' OR name = 'Bob'",
        "wrong set operation",
    ),
    ("SELECT name FROM pets", "SELECT name FROM pets UNION SELECT name FROM owners", "wrong set operation"),
    (
        "SELECT name FROM pets WHERE weight > (SELECT avg(weight) FROM pets)",
        "SELECT name FROM pets WHERE weight > 5",
        "missing subquery",
    ),
    (
        "SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE kind = 'dog')",
        JOINED + " WHERE kind <> 'dog'",
        "missing subquery",
    ),
    (
        "SELECT name FROM pets ORDER BY weight LIMIT 1",
        "SELECT name FROM pets WHERE weight = (SELECT max(weight) FROM pets)",
        "extra subquery",
    ),
    ("SELECT name FROM pets", "SELECT name FROM owners", "wrong table"),
    (JOINED, "SELECT name FROM owners", "missing join"),
    ("SELECT name FROM owners", JOINED, "extra join"),
    (JOINED, "SELECT owners.name FROM owners JOIN pets ON owners.id = pets.id", "wrong join condition"),
    (JOINED, "SELECT owners.name FROM owners, pets", "wrong join condition"),
    (JOINED, JOINED.replace("JOIN", "LEFT JOIN"), "wrong join condition"),
    ("SELECT name FROM pets", "SELECT kind FROM pets", "wrong column"),
    ("SELECT name FROM pets", "SELECT name, kind FROM pets", "wrong column"),
    ("SELECT name FROM pets", "SELECT * FROM pets", "wrong column"),
    ("SELECT max(weight) FROM pets", "SELECT max(id) FROM pets", "wrong column"),
    ("SELECT max(weight) FROM pets", "SELECT min(weight) FROM pets", "wrong aggregate"),
    ("SELECT count(*) FROM pets", "SELECT name FROM pets", "wrong aggregate"),
    ("SELECT count(*) FROM pets", "SELECT count(kind) FROM pets", "wrong aggregate"),
    (
        "SELECT kind FROM pets GROUP BY kind HAVING avg(weight) > 5",
        "SELECT kind FROM pets GROUP BY kind HAVING sum(weight) > 5",
        "wrong aggregate",
    ),
    (
        "SELECT name FROM pets WHERE weight > (SELECT avg(weight) FROM pets)",
        "SELECT name FROM pets WHERE weight > (SELECT min(weight) FROM pets)",
        "wrong aggregate",
    ),
    (
        "SELECT name FROM pets WHERE kind = 'cat' AND weight > 4",
        "SELECT name FROM pets WHERE kind = 'cat'",
        "missing filter",
    ),
    ("SELECT name FROM pets", "SELECT name FROM pets WHERE kind = 'cat'", "extra filter"),
    ("SELECT name FROM pets WHERE kind = 'cat'", "SELECT name FROM pets WHERE name = 'cat'", "wrong filter column"),
    ("SELECT name FROM pets WHERE weight > 4", "SELECT name FROM pets WHERE weight >= 4", "wrong operator"),
    (
        "SELECT name FROM pets WHERE kind = 'cat' AND weight > 3.9",
        "SELECT name FROM pets WHERE kind = 'cat' OR weight > 3.9",
        "wrong operator",
    ),
    (
        "SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE kind = 'dog')",
        "SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE kind = 'dog')",
        "wrong operator",
    ),
    ("SELECT name FROM pets WHERE kind = 'cat'", "SELECT name FROM pets WHERE kind = 'Cat'", "wrong filter value"),
    (
        "SELECT name FROM pets WHERE weight BETWEEN 3 AND 4",
        "SELECT name FROM pets WHERE weight >= 3 AND weight <= 20.5",
        "wrong filter value",
    ),
    ("SELECT kind, count(*) FROM pets GROUP BY kind", "SELECT kind, count(*) FROM pets", "missing group"),
    ("SELECT kind, count(*) FROM pets GROUP BY kind", "SELECT kind, count(*) FROM pets GROUP BY name", "wrong group"),
    ("SELECT DISTINCT kind FROM pets", "SELECT kind FROM pets", "missing distinct"),
    ("SELECT count(DISTINCT kind) FROM pets", "SELECT count(*) FROM pets", "missing distinct"),
    ("SELECT kind FROM pets", "SELECT kind FROM pets GROUP BY kind", "extra distinct"),
    ("SELECT name FROM pets ORDER BY weight", "SELECT name FROM pets", "missing order"),
    ("SELECT name FROM pets ORDER BY weight DESC", "SELECT name FROM pets ORDER BY weight", "wrong order"),
    (
        "SELECT name FROM pets ORDER BY weight LIMIT 1",
        "SELECT name FROM pets ORDER BY name DESC LIMIT 1",
        "wrong order",
    ),
    ("SELECT name FROM pets ORDER BY weight LIMIT 2", "SELECT name FROM pets ORDER BY weight", "wrong limit"),
    (
        "SELECT name FROM pets EXCEPT SELECT name FROM owners",
        "SELECT name FROM owners EXCEPT SELECT name FROM pets",
        "other",
    ),
]


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


def judged(pets: Path, gold: str, predicted: str) -> tuple[QueryError | None, str, bool, bool]:
    """The error of each, whether strictly right, and whether right but for the order of columns."""
    errors: dict[str, QueryError] = {}
    rows = {}
    for sql in (predicted, gold):
        try:
            check(sql)
            rows[sql] = run(str(pets), sql, timeout=0.2)
        except QueryError as error:
            errors[sql] = error
    if errors:
        return errors.get(predicted), str(errors.get(gold, "")), False, False
    right = same_result(rows[gold], rows[predicted], orders(gold))
    return None, "", right, not right and same_loosely(rows[gold], rows[predicted], orders(gold))


@pytest.mark.parametrize(("gold", "predicted", "expected"), CASES)
def test_an_answer_with_this_cause(gold: str, predicted: str, expected: str, home: Path) -> None:
    error, gold_error, right, lenient = judged(home, gold, predicted)
    assert not right
    assert cause(gold, predicted, error, introspect(str(home)), lenient=lenient, gold_error=gold_error) == expected


def test_every_cause_has_a_case() -> None:
    assert {expected for *_, expected in CASES} == set(CAUSES)


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


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        (JOINED, "select o.name from pets p inner join owners o on p.owner_id = o.id"),
        (
            JOINED + " WHERE kind = 'dog'",
            'SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE kind="dog")',
        ),
        (JOINED, "SELECT o.name FROM owners o, pets p WHERE o.id = p.owner_id"),
        (JOINED, "WITH p AS (SELECT * FROM pets) SELECT o.name FROM p JOIN owners AS o ON p.owner_id = o.id"),
        (
            "SELECT owner_id FROM pets JOIN owners ON owners.id = owner_id",
            "SELECT o.id FROM owners o JOIN pets ON o.id = owner_id",
        ),
        ("SELECT name FROM pets WHERE weight > 3", "SELECT name FROM pets WHERE NOT 3.0 >= weight"),
        (
            "SELECT name FROM pets WHERE weight BETWEEN 1 AND 2",
            "SELECT name FROM pets WHERE weight >= 1 AND weight <= 2",
        ),
        ("SELECT name FROM pets WHERE kind = 'a' OR kind = 'b'", "SELECT name FROM pets WHERE kind IN ('b', 'a')"),
        ("SELECT DISTINCT kind FROM pets", "SELECT kind FROM pets GROUP BY kind"),
        (
            "SELECT kind, count(*) AS n FROM pets GROUP BY kind ORDER BY n",
            "SELECT kind, count(*) FROM pets GROUP BY 1 ORDER BY 2",
        ),
        ("SELECT * FROM owners", "SELECT id, name, city FROM owners"),
        (
            "SELECT id FROM owners EXCEPT SELECT owner_id FROM pets",
            "SELECT id FROM owners WHERE id NOT IN (SELECT owner_id FROM pets)",
        ),
        (
            "SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets)",
            "SELECT name FROM owners o WHERE NOT EXISTS (SELECT 1 FROM pets p WHERE p.owner_id = o.id)",
        ),
    ],
)
def test_style_is_no_cause(gold: str, predicted: str, pets: Path) -> None:
    schema = introspect(str(pets))
    assert causes(gold, predicted, None, schema) == ("other",)
    assert causes(predicted, gold, None, schema) == ("other",)


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
    started = time.process_time()
    for error in (None, QueryError("x", kind="syntax"), QueryError("x", kind="missing_column", name="x")):
        assert cause(gold, predicted, error, schema) in CAUSES
        assert cause(predicted, gold, error, schema) in CAUSES
    assert time.process_time() - started < 2


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
