"""WikiSQL's own layout: its coded queries become SQL over a table made from the file beside it."""

import doctest
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.data.sources.wikisql import column_names as columns
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run
from sql_llama.evals.questions import wikisql as module
from sql_llama.evals.questions.questions import questions

TABLE = {
    "id": "1-10",
    "header": ["Player name", "Height (m)", "Attendance", "No."],
    "types": ["text", "real", "real", "text"],
    "rows": [["Chad Henne", "1.91", "1,234,567.5", "7"], ["Ann\u2028O'Neil", 1.8, "n/a", "nan"], ["Bob", 2, 40, "_1"]],
}


def coded(sel: int = 0, agg: int = 0, conds: list[Any] | None = None, table: str = "1-10") -> dict[str, Any]:
    return {"table_id": table, "question": "q", "phase": 1, "sql": {"sel": sel, "agg": agg, "conds": conds or []}}


def write(tmp_path: Path, *rows: Any, tables: Any = (TABLE,)) -> Path:
    dump = lambda all_: "\n".join(json.dumps(one, ensure_ascii=False) for one in all_)  # noqa: E731
    (tmp_path / "dev.tables.jsonl").write_text(dump(tables), encoding="utf-8")
    (tmp_path / "dev.jsonl").write_text(dump(rows), encoding="utf-8")
    return tmp_path / "dev.jsonl"


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("row", "sql", "rows"),
    [
        (coded(), "SELECT player_name FROM table_1_10", (("Chad Henne",), ("Ann\u2028O'Neil",), ("Bob",))),
        (coded(0, 3), "SELECT COUNT(player_name) FROM table_1_10", ((3,),)),
        (coded(1, 5, [[0, 0, "bob"]]), "SELECT AVG(height_m) FROM table_1_10 WHERE player_name = 'Bob'", ((2.0,),)),
        (
            coded(0, 0, [[1, 1, 1.79], [1, 2, "1.9"]]),
            "SELECT player_name FROM table_1_10 WHERE height_m > 1.79 AND height_m < 1.9",
            (("Ann\u2028O'Neil",),),
        ),
        (  # every digit, and thousands apart
            coded(0, 0, [[2, 0, "1,234,567.5"]]),
            "SELECT player_name FROM table_1_10 WHERE attendance = 1234567.5",
            (("Chad Henne",),),
        ),
        (coded(0, 0, [[2, 0, 40]]), "SELECT player_name FROM table_1_10 WHERE attendance = 40", (("Bob",),)),
        (
            coded(3, 0, [[0, 0, "ann\u2028o'neil"]]),
            "SELECT no FROM table_1_10 WHERE player_name = 'Ann\u2028O''Neil'",
            (("nan",),),
        ),
        (
            coded(0, 0, [[2, 0, "n/a"]]),
            "SELECT player_name FROM table_1_10 WHERE attendance = 'n/a'",
            (("Ann\u2028O'Neil",),),
        ),
    ],
)
def test_a_coded_query_is_sql_that_finds_its_rows(
    tmp_path: Path, row: dict[str, Any], sql: str, rows: tuple[tuple[Any, ...], ...]
) -> None:
    (item,) = questions(write(tmp_path, row), None).items
    assert (item.question, item.gold) == ("q", sql)
    assert run(str(item.database), item.gold).rows == rows


HEADERS = [
    ["Order", "Group", "Index", "Values", "order", "GROUP"],
    ["", " ", "#", "Größe", "Город", "İl"],
    ["column_2", "", "column 2", "rowid", "NULL", "Current date"],
    ["Select * from", "a;b", 'say "hi"', "it's", "--", "/*"],
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_any_kind_is_a_column(tmp_path: Path, header: list[str]) -> None:
    rows = [[f"cell {row} {place}" for place in range(len(header))] for row in range(2)]
    table = {"id": "1-10", "header": header, "types": ["text"] * len(header), "rows": rows}
    asked = [
        coded(at, 0, [[(at + 1) % len(header), 0, f"CELL 1 {(at + 1) % len(header)}"]]) for at in range(len(header))
    ]
    found = questions(write(tmp_path, *asked, tables=[table]), None)
    assert not found.missing
    assert [run(str(item.database), item.gold).rows for item in found.items] == [((cell,),) for cell in rows[1]]
    assert [column.name for column in introspect(str(found.items[0].database)).tables[0].columns] == columns(header)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_names_are_plain_and_each_comes_once(header: list[str]) -> None:
    names = columns(header)
    assert len({name.lower() for name in names}) == len(header)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_tables_without_rows_and_unknown_ones_are_missing_with_their_names(tmp_path: Path) -> None:
    bare = {**TABLE, "id": "2-2", "rows": []}
    torn = {**TABLE, "id": "3-3", "rows": [["too", "short"]]}
    rows = [coded(), coded(table="2-2"), coded(table="2-2"), coded(table="9-9"), coded(table="3-3")]
    found = questions(write(tmp_path, *rows, tables=[TABLE, bare, torn]), None)
    assert len(found.items) == 1 and found.total == 5 and sum(found.missing.values()) == 4
    assert found.missing["2-2"] == 2 and found.missing["9-9"] == 1
    assert [name[:3] for name in found.missing if "cannot be made" in name] == ["3-3"]
    with pytest.raises(DataError, match="none of its tables has rows"):
        questions(write(tmp_path, coded(table="2-2"), tables=[bare]), None)


def test_only_the_tables_that_are_asked_about_are_made(tmp_path: Path) -> None:
    tables = [{**TABLE, "id": f"1-{n}"} for n in range(20)]
    path = write(tmp_path, *(coded(table=f"1-{n}") for n in range(20)), tables=tables)
    questions(path, None, limit=3)
    assert len(list((tmp_path / "home").rglob("*.sqlite"))) == 3


@pytest.mark.parametrize(
    ("rows", "tables", "said"),
    [
        ([coded(), coded(sel=9)], [TABLE], r"dev\.jsonl:2: broken"),
        ([coded(sel=-1)], [TABLE], r"dev\.jsonl:1: broken \(a column or an operator below 0"),
        ([coded(conds=[[0, -1, "x"]])], [TABLE], r"dev\.jsonl:1: broken"),
        ([coded(agg=7)], [TABLE], r"dev\.jsonl:1: broken"),
        ([coded(conds=[[0, 5, "x"]])], [TABLE], r"dev\.jsonl:1: broken"),
        ([coded(conds=[[0]])], [TABLE], r"dev\.jsonl:1: broken"),
        ([coded()], [{"rows": []}], r"dev\.tables\.jsonl: broken"),
        ([coded()], [[1]], r"dev\.tables\.jsonl: broken"),
    ],
)
def test_a_broken_line_is_said_with_its_number(tmp_path: Path, rows: list[Any], tables: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        questions(write(tmp_path, *rows, tables=tables), None)
    assert "\n" not in str(caught.value)


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, coded())
    (tmp_path / "dev.tables.jsonl").unlink()
    with pytest.raises(DataError, match=r"dev\.tables\.jsonl: not there"):
        questions(path, None)


def test_a_condition_takes_the_cell_that_is_spelled_like_it_before_others(tmp_path: Path) -> None:
    table = {"id": "1-10", "header": ["Name"], "types": ["text"], "rows": [["a"], ["A"], ["Bo"], ["BO"]]}
    rows = [coded(conds=[[0, 0, value]]) for value in ("a", "A", "bo")]
    found = questions(write(tmp_path, *rows, tables=[table]), None)
    assert [item.gold.rpartition("= ")[2] for item in found.items] == ["'a'", "'A'", "'Bo'"]


def test_tables_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, coded())
    tables = tmp_path / "dev.tables.jsonl"
    tables.write_bytes(b"\xef\xbb\xbf" + tables.read_bytes())
    assert len(questions(path, None).items) == 1


def test_a_row_that_is_too_short_is_said_in_our_words(tmp_path: Path) -> None:
    torn = {**TABLE, "id": "3-3", "rows": [TABLE["rows"][0], ["too", "short"]]}
    found = questions(write(tmp_path, coded(), coded(table="3-3"), tables=[TABLE, torn]), None)
    assert list(found.missing) == ["3-3: the table cannot be made (its row 2 has 2 cells, and the header 4)"]
