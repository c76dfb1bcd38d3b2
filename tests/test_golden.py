"""A golden file that is not as it should be is refused with its place, so that no case is lost in silence."""

from pathlib import Path

import pytest

from .golden import Case, golden

SQL = """-- Anything may stand here.

-- case: two parts
-- query:
SELECT a  -- a comment stays

FROM t

-- answer: 1

-- case: nothing
-- query:
-- answer:
"""


def test_the_cases_of_a_file_of_sql(tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text(SQL)
    params = golden(file, "query", "answer")
    assert [param.id for param in params] == ["two parts", "nothing"]
    assert params[0].values == (
        Case("two parts", "x.sql:3", {"query": "SELECT a  -- a comment stays\n\nFROM t", "answer": "1"}),
    )
    assert params[1].values[0].parts == {"query": "", "answer": ""}


def test_the_cases_of_a_file_of_toml(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[[case]]\nname = "a list"\nparts = [1, ["a"]]\n')
    assert golden(file, "parts")[0].values == (Case("a list", "x.toml, case 1", {"parts": [1, ["a"]]}),)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("-- answer: 1\n", ""), r"x.sql:3: 'two parts' has the parts \['query'\], not \['answer', 'query'\]"),
        (("-- answer: 1", "-- answers: 1"), r"x.sql:3: 'two parts' has the parts"),
        (("-- answer: 1", "-- query: 1"), r"x.sql:9: 'two parts' has 'query' twice"),
        (("-- case: nothing", "-- case: two parts"), r"x.sql:11: a second case is called 'two parts'"),
        (("-- case: nothing", "-- case:"), r"x.sql:11: a case without a name"),
        (("-- case: two parts\n", "-- case: two parts\nSELECT 1\n"), r"x.sql:4: a line that belongs to no part"),
        ((SQL, "-- none\n"), r"x.sql: no cases"),
    ],
)
def test_a_slip_in_a_file_of_sql_is_told(change: tuple[str, str], problem: str, tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text(SQL.replace(*change))
    with pytest.raises(ValueError, match=problem):
        golden(file, "query", "answer")
