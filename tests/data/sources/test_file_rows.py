"""Rows that cannot be read cost themselves: those that are too long, and records of CSV with too many cells."""

import json
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.data.sources import csv_rows, file_rows, json_rows
from sql_llama.data.sources.unread import TOO_LONG, Unread

SHORT = {"question": 'A \\ "b" [{', "sql": "C"}


def read(path: Path) -> list[Any]:
    return [item for _, item in file_rows.file_rows(path, lambda names: "", "give pairs")]


@pytest.fixture(autouse=True)
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (csv_rows, file_rows, json_rows):
        monkeypatch.setattr(module, "LONGEST_ROW", 3000)


@pytest.mark.parametrize("block", [1, 64, 1 << 16])
@pytest.mark.parametrize(
    "long",
    [
        {**SHORT, "x": "y" * 5000},
        {**SHORT, "x": '\\"{' * 3000},
        {"x": [{"y": [SHORT] * 200}]},
        "z" * 5000,
        [SHORT] * 300,
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_an_item_of_a_list_that_is_too_long_is_passed_over(
    long: Any, block: int, indent: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "BLOCK", block)
    (tmp_path / "a.json").write_text(json.dumps([SHORT, long, SHORT, long], indent=indent))
    assert read(tmp_path / "a.json") == [SHORT, TOO_LONG, SHORT, TOO_LONG]


@pytest.mark.parametrize(
    "items, said",
    [
        ('{"a": 1},\n{"a": tru},\n{}]', "a.json:3: broken JSON (item 2: Expecting value)"),
        ('{"a": 1},\n{"a": "x\n"},\n{}]', "a.json:3: broken JSON (item 2: Invalid control character at)"),
        ('{"a": 1},\n\n{"a" 1}]', "a.json:4: broken JSON (item 2: Expecting ':' delimiter)"),
        ('{"a": 1},\n{"a": "x', "a.json:3: broken JSON (item 2: it ends in the middle)"),
        ('{"a": 1},\n{"a": "' + "x" * 9000, "a.json:3: broken JSON (item 2: it ends in the middle)"),
        ('{"a": "\n' + "x" * 9000 + '"}]', "a.json:2: broken JSON (item 1: Invalid control character at)"),
        ('{"a": ' + "1" * 9000 + "}]", "a.json:2: broken JSON (item 1: Exceeds the limit"),
    ],
)
def test_a_broken_list_names_the_line_and_the_item(items: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f"[\n{items}")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.json")
    assert said in caught.value.message


def test_a_record_of_csv_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    cells = [
        "x" * 5000,
        '"' + "x\n" * 2500 + '"',
        '"' + '""' * 2500 + '"',
        '"' + "a,\n" * 1200 + '",b',
        '5" pipe ' * 900,
    ]
    path = tmp_path / "a.csv"
    path.write_text("question,sql\nA,B\n" + "".join(f'{cell},d\nC,5" D\n' for cell in cells))
    assert read(path) == [{"question": "A", "sql": "B"}] + [TOO_LONG, {"question": "C", "sql": '5" D'}] * len(cells)


def test_a_record_of_csv_is_named_by_its_line_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\nquestion,sql,\n"A\n?",B,,\nC,SELECT a, b FROM t\n\nD\n')
    more = Unread("more cells than columns (put a text with ',' in quotes)")
    rows = list(file_rows.file_rows(path, lambda names: "", ""))
    assert rows == [(3, {"question": "A\n?", "sql": "B"}), (5, more), (7, {"question": "D"})]
    for text, said in [
        ('a,b\n1,2\n3,"4\n5,6\n', "a.csv:3: broken CSV (a quote is not closed)"),
        ('a,b\n1,2\n"3"x,4\n', "a.csv:3: broken CSV (',' expected after '\"')"),
    ]:
        path.write_text(text)
        with pytest.raises(DataError) as caught:
            read(path)
        assert said in caught.value.message


def test_a_header_that_names_a_column_twice_or_has_no_end_is_refused(tmp_path: Path) -> None:
    lacks = lambda names: "" if "sql" in names else "sql"  # noqa: E731
    for text, said in [("sql,a,sql\nA,B,C\n", "names sql twice"), ("x" * 300_000, "neither JSON nor CSV")]:
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(DataError, match=said):
            list(file_rows.file_rows(tmp_path / "a.csv", lacks, ""))
    (tmp_path / "a.csv").write_text("sql,a,a\nA,B,C\n")
    assert list(file_rows.file_rows(tmp_path / "a.csv", lacks, "")) == [(2, {"sql": "A", "a": "C"})]


@pytest.mark.parametrize("words", [False, True])
def test_a_row_of_parquet_or_arrow_that_is_too_long_is_passed_over(words: bool, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import ipc, parquet

    texts = pyarrow.array(["A", "x" * 5000, "B", "C"] * 3)
    table = pyarrow.table({"question": texts.dictionary_encode() if words else texts, "sql": ["S"] * 12})
    parquet.write_table(table, tmp_path / "a.parquet")
    with ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        rows = read(tmp_path / name)
        assert [row if row == TOO_LONG else row["question"] for row in rows] == ["A", TOO_LONG, "B", "C"] * 3
