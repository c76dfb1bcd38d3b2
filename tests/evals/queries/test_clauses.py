"""A query taken apart; two ways to write it come out alike."""

import doctest
from pathlib import Path
from typing import Any

import pytest
from sql_llama.databases.introspect import introspect
from sql_llama.evals.queries import clauses as module
from sql_llama.evals.queries.clauses import clauses


@pytest.mark.parametrize(
    ("sql", "part", "expected"),
    [
        ("SELECT 1 FROM pets p, pets q", "tables", ("pets", "pets")),
        ("WITH x AS (SELECT 1 FROM pets) SELECT 1 FROM x", "tables", ("pets",)),
        ("SELECT 1 FROM owners JOIN pets USING (id)", "joins", (("owners.id", "pets.id"),)),
        ("SELECT 1 FROM (SELECT id AS k FROM owners) a NATURAL JOIN (SELECT id AS k FROM pets) b", "joins",
         (("owners.id", "pets.id"),)),
        ("SELECT 1 FROM pets a JOIN pets b ON a.kind = b.kind", "joins", (("pets.kind",),)),
        ("SELECT 1 FROM owners LEFT JOIN pets ON owner_id = owners.id", "sides", ("LEFT",)),
        ("SELECT 1 FROM pets WHERE (id = 1 OR id = 2) AND NOT (id = 3 AND id = 4)", "ors", 2),
        ("SELECT 1 FROM pets WHERE id IN (1, 2, 3)", "ors", 2),
        ("SELECT kind FROM pets GROUP BY kind HAVING count(*) > 1", "groups", (("pets.kind",),)),
        ("SELECT kind FROM pets GROUP BY kind", "groups", ()),
        ("SELECT kind FROM pets GROUP BY kind", "distinct", 1),
        ("SELECT id FROM pets WHERE id IN (SELECT DISTINCT id FROM owners)", "distinct", 0),
        ("SELECT kind AS k FROM pets ORDER BY k DESC, 1", "orders", ((("pets.kind", True), ("pets.kind", False)),)),
        ("SELECT kind FROM (SELECT kind FROM pets ORDER BY id)", "orders", ()),
        ("SELECT 1 FROM pets LIMIT 3 OFFSET 2", "limits", ("3", "2")),
        ("SELECT 1 UNION SELECT 2 UNION ALL SELECT 3", "sets", ("union all", "union")),
        ("SELECT 1 FROM (SELECT kind FROM pets)", "nested", 0),
        ("SELECT 1 FROM (SELECT DISTINCT kind FROM pets)", "nested", 1),
        ("SELECT (SELECT max(id) FROM pets) FROM pets WHERE id > (SELECT 1)", "nested", 2),
        ("SELECT 1 FROM pets WHERE id IN (SELECT 1) OR EXISTS (SELECT 2)", "within", 2),
        ("SELECT 1 FROM pets WHERE id NOT IN (SELECT 1) AND NOT (EXISTS (SELECT 2)) EXCEPT SELECT 3", "without", 3),
    ],
)  # fmt: skip
def test_a_part_of_a_query(sql: str, part: str, expected: Any, pets: Path) -> None:
    found = clauses(sql, introspect(str(pets)))
    assert found is not None and getattr(found, part) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("kind = 'dog'", ["pets.kind = dog"]),
        ("NOT weight > 3", ["pets.weight <= 3"]),
        ("'3.0' < weight", ["pets.weight > 3"]),
        ("weight > -1", ["pets.weight > -1"]),
        ("weight NOT BETWEEN 1 AND 2", ["pets.weight < 1", "pets.weight > 2"]),
        ("kind NOT IN ('a', 'b')", ["pets.kind != a", "pets.kind != b"]),
        ("name LIKE '%x' AND name NOT LIKE 'y'", ["pets.name like %x", "pets.name not like y"]),
        ("kind IS NULL AND name IS NOT NULL", ["pets.kind is null()", "pets.name not is null()"]),
        ("weight > (SELECT avg(weight) FROM pets)", ["pets.weight > (query)"]),
        ("lower(kind) = 'dog'", ["lower(pets.kind) = dog"]),
        ("id < owner_id", ["pets.id < pets.owner_id"]),
    ],
)
def test_conditions(condition: str, expected: list[str], pets: Path) -> None:
    found = clauses(f"SELECT 1 FROM pets WHERE {condition}", introspect(str(pets)))
    assert found is not None
    assert [f"{one.item} {one.op} {one.value}" for one in found.filters] == expected


@pytest.mark.parametrize("sql", ["", "DELETE FROM pets", "SELECT (", "SELECT 1 " + " " * 10_000, "SELECT " + "(" * 99])
def test_what_cannot_be_read_is_none(sql: str, pets: Path) -> None:
    assert clauses(sql, introspect(str(pets))) is None


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
