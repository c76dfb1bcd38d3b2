"""Statements of SQL files: where they begin and end, what is not whole, and files larger than memory should get."""

import io
import random
import tracemalloc

import pytest
from sql_llama.data.sources import sql_statements
from sql_llama.data.sources.sql_statements import Statement, statements


def read(text: str) -> list[Statement]:
    return list(statements(io.StringIO(text)))


def test_signs_in_texts_and_comments_end_nothing() -> None:
    assert read("-- a; b's\n/* c; d */ SELECT 'it''s; -- x', \"/*\" -- y;\n, 1;\n\n# e\nSELECT 2 - 1 / 1") == [
        Statement(2, "a; b's c; d", "SELECT 'it''s; -- x', \"/*\"  , 1"),
        Statement(6, "e", "SELECT 2 - 1 / 1"),
    ]


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_where_the_blocks_end_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(block)
    texts = ["".join(chance.choices(["-", "/", "*", "'", '"', "#", ";", "\n", " ", "a"], k=60)) for _ in range(300)]
    whole = [read(text) for text in texts]
    monkeypatch.setattr(sql_statements, "BLOCK", block)
    assert [read(text) for text in texts] == whole


@pytest.mark.parametrize(
    ("end", "fault"),
    [("SELECT 'a\nb", "a quote is not closed"), ("SELECT 1 /* a\n", "a comment is not closed")],
)
def test_an_end_inside_a_text_is_named_with_the_line_of_its_beginning(end: str, fault: str) -> None:
    assert read(f"-- q\nSELECT 1;\n{end}") == [Statement(2, "q", "SELECT 1"), Statement(3, "", "", fault)]


def test_a_statement_that_is_too_long_costs_itself_and_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_statements, "LONGEST_ROW", 100_000)
    text = io.StringIO("-- q\nSELECT 1" + " + 1" * 1_000_000 + ";\n-- r\nSELECT '" + "a\n" * 2_000_000)
    tracemalloc.start()
    found = list(statements(text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(one.line, one.fault) for one in found] == [(line, sql_statements.TOO_LONG) for line in (2, 4)]
    assert peak < 2_000_000
