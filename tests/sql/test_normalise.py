"""The one plain style that the model learns; the cases of normalise.sql return the same rows as before."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.databases.introspect import introspect
from sql_llama.sql.normalise import normalise

from ..golden import Case, golden


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("normalise.sql"), "before", "after"))
def test_a_query_in_plain_style_says_the_same(case: Case, pets: Path) -> None:
    schema = introspect(str(pets))
    assert normalise(case["before"], schema) == case["after"], case.place
    assert normalise(case["after"], schema) == case["after"], f"{case.place}: plain style stays as it is"
    with closing(sqlite3.connect(pets)) as connection:
        before, after = (connection.execute(case[part]).fetchall() for part in ("before", "after"))
    assert before == after, case.place


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
