"""One text for all spellings of a query, and another for every other query."""

import pytest
from sql_llama.evals.queries.canonical import canonical
from sql_llama.evals.queries.syntax import syntax
from sql_llama.sql.ddl.parse import parse_ddl

SCHEMA = parse_ddl(
    """
    CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER);
    CREATE TABLE pets (pet_id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL, owner_id INTEGER,
                       FOREIGN KEY (owner_id) REFERENCES owners(id));
    """
)
JOINED = "FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id"


def text(sql: str) -> str:
    tree = syntax(sql)
    assert tree is not None
    return canonical(tree, SCHEMA)


ALIKE = [
    ("SELECT name FROM owners", 'select "T1"."Name" from OWNERS as "T1" ;'),
    ("SELECT name FROM owners WHERE city = 'x'", 'SELECT name FROM owners WHERE city = "x"'),
    ("SELECT name FROM owners WHERE age > 3 AND id = 1", "SELECT name FROM owners WHERE (1 = id) AND 3 < age"),
    (
        "SELECT name FROM owners WHERE age > 3 OR id = 1 OR id = 2",
        "SELECT name FROM owners WHERE id = 2 OR (id = 1 OR age > 3)",
    ),
    ("SELECT name FROM owners WHERE NOT age > 3", "SELECT name FROM owners WHERE age <= 3"),
    ("SELECT name FROM owners WHERE age BETWEEN 1 AND 2", "SELECT name FROM owners WHERE age <= 2 AND age >= 1"),
    ("SELECT name FROM owners WHERE id IN (1, 2)", "SELECT name FROM owners WHERE id IN (2, 1, 2)"),
    ("SELECT count(*) FROM owners", "SELECT COUNT(1) FROM owners"),
    (
        f"SELECT T1.name {JOINED} WHERE T2.weight > 1",
        "SELECT owners.name FROM pets, owners WHERE owner_id = id AND weight > 1",
    ),
    (f"SELECT T1.name {JOINED}", "SELECT owners.name FROM pets INNER JOIN owners ON pets.owner_id = owners.id"),
    (
        "SELECT city, count(*) FROM owners GROUP BY city ORDER BY count(*) DESC",
        "SELECT city, count(*) AS n FROM owners GROUP BY 1 ORDER BY n DESC",
    ),
    ("SELECT name FROM owners UNION SELECT name FROM pets", "SELECT name FROM pets UNION SELECT name FROM owners"),
    ("SELECT age + id FROM owners", "SELECT id + age FROM owners"),
    ("SELECT owners.* FROM owners", "SELECT * FROM owners"),
    (
        "WITH x AS (SELECT name FROM pets) SELECT name FROM x",
        "WITH mine AS (SELECT pets.name FROM pets) SELECT mine.name FROM mine",
    ),
    (
        "SELECT name FROM owners WHERE EXISTS (SELECT 1 FROM pets WHERE owner_id = owners.id)",
        "SELECT o.name FROM owners o WHERE EXISTS (SELECT 1 FROM pets p WHERE o.id = p.owner_id)",
    ),
]

APART = [
    ("SELECT name FROM owners", "SELECT DISTINCT name FROM owners"),
    ("SELECT name, age FROM owners", "SELECT age, name FROM owners"),
    ("SELECT name FROM owners WHERE age > 3", "SELECT name FROM owners WHERE age > 4"),
    ("SELECT name FROM owners WHERE city = 'x'", "SELECT name FROM owners WHERE city = 'X'"),
    (
        "SELECT name FROM owners WHERE age > 3 AND id = 1 OR id = 2",
        "SELECT name FROM owners WHERE age > 3 AND (id = 1 OR id = 2)",
    ),
    ("SELECT age - id FROM owners", "SELECT id - age FROM owners"),
    ("SELECT name FROM owners WHERE age < id", "SELECT name FROM owners WHERE id < age"),
    ("SELECT name FROM owners EXCEPT SELECT name FROM pets", "SELECT name FROM pets EXCEPT SELECT name FROM owners"),
    ("SELECT name FROM owners UNION SELECT name FROM pets", "SELECT name FROM owners UNION ALL SELECT name FROM pets"),
    (f"SELECT T1.name {JOINED}", f"SELECT T1.name {JOINED.replace('JOIN', 'LEFT JOIN')}"),
    (
        "SELECT name FROM owners LEFT JOIN pets ON id = owner_id",
        "SELECT name FROM pets LEFT JOIN owners ON id = owner_id",
    ),
    (
        "SELECT name FROM owners LEFT JOIN pets ON id = owner_id AND age > 1",
        "SELECT name FROM owners LEFT JOIN pets ON id = owner_id WHERE age > 1",
    ),
    ("SELECT name FROM owners ORDER BY age LIMIT 1", "SELECT name FROM owners ORDER BY age LIMIT 2"),
    ("SELECT name FROM owners ORDER BY age, id", "SELECT name FROM owners ORDER BY id, age"),
    ("SELECT name FROM owners ORDER BY age", "SELECT name FROM owners ORDER BY age NULLS LAST"),
    (f"SELECT T1.name {JOINED}", f"SELECT name {JOINED}"),  # whose name?
    (f"SELECT T1.id {JOINED}", f"SELECT T2.pet_id {JOINED}"),
    (
        "SELECT name FROM owners WHERE age > (SELECT avg(o.age) FROM owners AS o WHERE o.city = owners.city)",
        "SELECT name FROM owners WHERE age > (SELECT avg(o.age) FROM owners AS o WHERE o.city = o.city)",
    ),
    (
        "WITH x AS (SELECT name FROM pets) SELECT name FROM x",
        "WITH x AS (SELECT kind AS name FROM pets) SELECT name FROM x",
    ),
    ("SELECT sum(age) OVER (ORDER BY id) FROM owners", "SELECT sum(age) OVER (ORDER BY name) FROM owners"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_spellings_of_one_query_share_a_text(one: str, other: str) -> None:
    assert text(one) == text(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_queries_have_another_text(one: str, other: str) -> None:
    assert text(one) != text(other)
