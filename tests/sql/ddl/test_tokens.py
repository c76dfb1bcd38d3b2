"""DDL is cut into tokens and statements whatever its dialect quotes with, and however it is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.sql.ddl.tokens import Token, closing, items, name_at, names_in, statements, tokens


def texts(ddl: str) -> list[str]:
    return [token.text for token in tokens(ddl)]


@pytest.mark.parametrize("quoted", ['"a ""b"""', '`a "b"`', '[a "b"]'])
def test_a_quoted_name_is_a_name_without_its_quotes(quoted: str) -> None:
    assert tokens(quoted) == [Token("name", 'a "b"')]


def test_a_quoted_keyword_is_no_keyword() -> None:
    bare, quoted = tokens('Table "table"')
    assert (bare.word, quoted.word) == ("TABLE", "")


def test_a_number_in_square_brackets_is_the_size_of_an_array() -> None:
    assert [token.kind for token in tokens("INT[3] [three]")] == ["word", "square", "name"]


def test_comments_of_every_dialect_are_passed_over() -> None:
    assert texts("a -- one\n, b /* two; */, c # three\n") == ["a", ",", "b", ",", "c"]
    assert texts("CREATE TABLE #temporary") == ["CREATE", "TABLE", "#temporary"]


def test_a_backslash_escapes_a_quote_where_mysql_wrote_the_text() -> None:
    assert texts(r"`a` DEFAULT 'it\'s', b") == ["a", "DEFAULT", r"'it\'s'", ",", "b"]
    assert texts(r"a DEFAULT 'c:\', b") == ["a", "DEFAULT", r"'c:\'", ",", "b"]
    assert texts(r"a DEFAULT 'it\'s', b") == ["a", "DEFAULT", r"'it\'s'", ",", "b"]  # the other reading does not close


@pytest.mark.parametrize("ddl", ["'open", '"open', "`open", "[open", "$$ open", "$tag$ open $$"])
def test_a_quote_that_is_not_closed_is_an_error(ddl: str) -> None:
    with pytest.raises(DataError, match="is not closed"):
        tokens(ddl)


def test_statements_end_at_a_semicolon_at_go_and_where_the_next_begins() -> None:
    ddl = "CREATE TABLE a (x INT DEFAULT ';') CREATE TABLE go (y INT)\nGO\nALTER TABLE a ADD z INT;;"
    assert [[token.text for token in statement][:3] for statement in statements(ddl)] == [
        ["CREATE", "TABLE", "a"],
        ["CREATE", "TABLE", "go"],
        ["ALTER", "TABLE", "a"],
    ]


def test_parts_are_divided_by_the_commas_that_stand_in_no_bracket() -> None:
    parts = items(tokens("a DECIMAL(9, 2), b ARRAY<STRUCT<c INT, d TEXT>>, , e INT"))
    assert [part[0].text for part in parts] == ["a", "b", "e"]


def test_a_bracket_is_closed_by_its_own_bracket() -> None:
    part = tokens("KEY (a (10), b DESC) x")
    assert part[closing(part, 1)].text == ")" and part[closing(part, 1) + 1].text == "x"
    assert names_in(part, 1) == ["a", "b"]
    assert closing(part[:4], 1) == -1


def test_a_name_has_parts() -> None:
    part = tokens("mine..[the seam] (id INT)")
    assert name_at(part, 0) == ("mine", "the seam", 4)
    assert name_at(part, 4) == ("", "", 4)


@given(st.text(alphabet="ab'\"`[]()$;.,-/*#\\\n "))
def test_any_text_is_cut_or_refused(ddl: str) -> None:
    try:
        pieces = tokens(ddl)
    except DataError:
        return
    assert all(token.text or token.kind in ("name", "square") for token in pieces)
    assert sum(map(len, statements(ddl))) == len([token for token in pieces if token != ("mark", ";")])
