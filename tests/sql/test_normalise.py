"""The one plain style that the model learns; every case says the same as before."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.databases.introspect import introspect
from sql_llama.sql.normalise import normalise

CASES = [
    (
        'select T1.Name from Owners as T1 join Pets as T2 on T1.id = T2.owner_id where T2.kind = "dog";',
        "SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id WHERE pets.kind = 'dog'",
    ),
    ("SELECT count(*) FROM pets", "SELECT COUNT(*) FROM pets"),
    (
        "SELECT city , COUNT( * ) FROM owners GROUP BY city",
        "SELECT owners.city, COUNT(*) FROM owners GROUP BY owners.city",
    ),
    (
        "SELECT kind, avg(weight) AS w FROM pets GROUP BY kind ORDER BY w DESC LIMIT 1",
        "SELECT pets.kind, AVG(pets.weight) AS w FROM pets GROUP BY pets.kind ORDER BY w DESC LIMIT 1",
    ),
    (
        "SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE name NOT LIKE 'R%')",
        "SELECT owners.name FROM owners WHERE owners.id NOT IN "
        "(SELECT pets.owner_id FROM pets WHERE pets.name NOT LIKE 'R%')",
    ),
    (
        "SELECT name FROM owners UNION SELECT name FROM pets",
        "SELECT owners.name FROM owners UNION SELECT pets.name FROM pets",
    ),
    (
        "SELECT a.name FROM pets a JOIN pets b ON a.owner_id = b.owner_id WHERE b.name = 'Rex'",
        "SELECT a.name FROM pets AS a JOIN pets AS b ON a.owner_id = b.owner_id WHERE b.name = 'Rex'",
    ),
    (
        "SELECT o.name FROM owners o WHERE EXISTS (SELECT 1 FROM pets p WHERE p.owner_id = o.id AND p.weight > 4)",
        "SELECT owners.name FROM owners WHERE EXISTS"
        "(SELECT 1 FROM pets WHERE pets.owner_id = owners.id AND pets.weight > 4)",
    ),
    ("SELECT * FROM pets WHERE weight != 4 ", "SELECT * FROM pets WHERE pets.weight <> 4"),
]


@pytest.mark.parametrize("before, after", CASES)
def test_a_query_in_plain_style_says_the_same(before: str, after: str, pets: Path) -> None:
    schema = introspect(str(pets))
    assert normalise(before, schema) == after
    assert normalise(after, schema) == after  # plain style stays as it is
    connection = sqlite3.connect(pets)
    assert connection.execute(before).fetchall() == connection.execute(after).fetchall()
    connection.close()


def test_a_column_that_two_tables_have_is_left_to_the_database(pets: Path) -> None:
    sql = normalise("SELECT weight, name FROM owners JOIN pets ON owner_id = owners.id", introspect(str(pets)))
    assert sql == "SELECT pets.weight, name FROM owners JOIN pets ON pets.owner_id = owners.id"


def test_conditions_stand_where_their_tables_are_first_known(pets: Path) -> None:
    before = "SELECT 1 FROM pets JOIN owners JOIN pets AS p ON pets.owner_id = owners.id AND p.owner_id = owners.id"
    assert " ON TRUE" in normalise(before, introspect(str(pets)))  # a table twice: not touched


def test_odd_names_keep_their_quotes_and_texts_their_spelling(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "d.sqlite")
    connection.execute('CREATE TABLE "My Table" ("Full Name" TEXT)')
    connection.close()
    schema = introspect(str(tmp_path / "d.sqlite"))
    sql = normalise("SELECT \"Full Name\" FROM `My Table` WHERE [full name] = 'It''s  ME'", schema)
    assert sql.startswith('SELECT "my table"."full name" FROM "my table" WHERE "my table"."full name" = ')


@pytest.mark.parametrize(
    "cell", ["Hiram ,  Georgia", "Australia\t", " two\nlines ", "NOT kind IN (1)", "it''s  -- no comment"]
)
def test_a_text_is_the_same_text_afterwards(cell: str, pets: Path) -> None:
    sql = normalise(f"select name from  pets\n where name not like '{cell}' -- by hand", introspect(str(pets)))
    assert sql == f"SELECT pets.name FROM pets WHERE pets.name NOT LIKE '{cell}'"


@pytest.mark.parametrize("text", ["SELECT FROM WHERE", "SELECT 'open", "", "SELECT (1"])
def test_what_cannot_be_parsed_is_refused(text: str, pets: Path) -> None:
    with pytest.raises(DataError, match="SQL cannot be parsed"):
        normalise(text, introspect(str(pets)))
