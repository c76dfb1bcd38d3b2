"""One text for all spellings of a query, and another for every other query."""

from pathlib import Path

import pytest
from sql_llama.evals.queries.canonical import canonical
from sql_llama.evals.queries.syntax import syntax
from sql_llama.sql.ddl.parse import parse_ddl

from ...golden import Case, golden

SCHEMA = parse_ddl(
    """
    CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER);
    CREATE TABLE pets (pet_id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL, owner_id INTEGER,
                       FOREIGN KEY (owner_id) REFERENCES owners(id));
    """
)


def text(sql: str) -> str:
    tree = syntax(sql)
    assert tree is not None
    return canonical(tree, SCHEMA)


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("canonical.sql"), "query", "other", "alike"))
def test_spellings_of_one_query_share_a_text_and_other_queries_do_not(case: Case) -> None:
    if case["alike"] == "yes":
        assert text(case["query"]) == text(case["other"]), case.place
    else:
        assert case["alike"] == "no", f"{case.place}: neither yes nor no"
        assert text(case["query"]) != text(case["other"]), case.place
