"""Evaluation questions that stand in the training pairs are found: exactly, nearly, by shape and by schema."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Data

from ..preparing import prepared_pairs

DDL = "CREATE TABLE pets (name TEXT, age INT)"
TRAINED = {
    "question": "Which pets are older than 3 years today?",
    "schema": DDL,
    "sql": "SELECT name FROM pets WHERE age > 3",
}


def write(path: Path, *rows: dict[str, str]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_questions_are_found_exactly_nearly_and_by_schema(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", TRAINED)
    asked = write(
        tmp_path / "test.jsonl",
        {**TRAINED, "question": "which pets are OLDER than 3 years today"},
        {**TRAINED, "question": "Which pets are older than 9 years today?"},
        {"question": "Boats?", "schema": "CREATE TABLE boats (x INT)", "sql": "SELECT boats.x FROM boats WHERE x > 9"},
        {"question": "Boats again?", "schema": "CREATE TABLE boats (x INT)", "sql": "SELECT count(*) FROM boats"},
    )
    found = prepared_pairs(Data(jsonl=(file,), against=asked, max_leakage=1), tmp_path).prepared.leakage
    assert (found.total, found.exact, found.near, found.skeleton, found.schema) == (4, 1, 1, 3, 2)
    assert found.examples[0] == ("which pets are OLDER than 3 years today", TRAINED["question"])


def test_too_much_of_it_is_refused_after_the_card_is_written(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", TRAINED)
    with pytest.raises(DataError, match=r"1 of its 1 questions stand in the training pairs \(1 exactly, 0 nearly\)"):
        prepared_pairs(Data(jsonl=(file,), against=file), tmp_path)
    assert (tmp_path / "prepared" / "train.jsonl").is_file()


def test_the_schema_of_a_database_is_compared_too(pets: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"question": "Who?", "sql": "SELECT name FROM pets", "db": "pets.sqlite"})
    asked = write(tmp_path / "t.jsonl", {"question": "What?", "sql": "SELECT kind FROM pets", "db": "pets.sqlite"})
    data = Data(jsonl=(file,), against=asked, against_databases=str(pets.parent), valid_share=0)
    assert prepared_pairs(data, tmp_path).prepared.leakage.schema == 1
