"""The files of pairs: what is written is read back, and a broken line is named."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Column, Example, ForeignKey, Hint, Schema, Table
from sql_llama.data.pairs import read_pairs, write_pairs

TABLES = (Table("A b", (Column("É", "text", True, ("x'y",)), Column("n", "int"))), Table("c", (Column("d", "date"),)))
SCHEMA = Schema(TABLES, (ForeignKey("c", "d", "A b", "n"),), "one")
EXAMPLES = [
    Example("Why?", "SELECT 1", SCHEMA, (Hint("A b", "É", 'quo"te'),), "one", "mine"),
    Example("Who — 漢?", "SELECT 2", SCHEMA, (), "one", "mine"),
    Example("What?", "SELECT 3", Schema(()), (), "two", "other"),
]


def test_what_is_written_is_read_back_the_same_with_each_schema_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "train.jsonl"
    write_pairs(path, EXAMPLES)
    assert list(read_pairs(path)) == EXAMPLES
    assert ["schema" in json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == [
        True,
        False,
        True,
    ]
    write_pairs(path, [])
    assert list(read_pairs(path)) == []


@pytest.mark.parametrize("line", ['{"question": "cut', "{}", '{"question": 1, "sql": 2, "schema_id": 9}', "3"])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_pairs(path, EXAMPLES)
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(DataError, match=r"train\.jsonl:4: broken"):
        list(read_pairs(path))
