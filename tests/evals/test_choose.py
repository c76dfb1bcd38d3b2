"""Of several answers the first that runs and returns rows."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.core.records import Answer
from sql_llama.evals.choose import choose
from sql_llama.evals.questions.questions import Question
from sql_llama.sql.extract import extract_sql

ROWS, OTHER, NONE = "SELECT name FROM pets", "SELECT kind FROM pets", "SELECT name FROM pets WHERE id = 9"
BROKEN, WRITES, PROSE = "SELECT colour FROM pets", "DELETE FROM pets", "I do not know."


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        ([ROWS, OTHER], 0),
        ([BROKEN, NONE, ROWS, OTHER], 2),
        ([BROKEN, NONE, BROKEN], 1),
        ([WRITES, PROSE, ""], 0),
        ([PROSE, WRITES, f"```sql\n{OTHER}\n```"], 2),
        ([BROKEN], 0),
        ([BROKEN, BROKEN, ROWS], 2),
        ([NONE, "SELECT count(*) FROM pets WHERE id = 9"], 1),
    ],
)
def test_the_first_that_returns_rows_else_the_first_that_runs_else_the_first(
    pets: Path, answers: list[str], chosen: int
) -> None:
    said = [Answer(text, tokens=place) for place, text in enumerate(answers)]
    ((taken, sql),) = choose([Question("q", ROWS, pets)], [said])
    assert taken is said[chosen] and sql == extract_sql(answers[chosen])


def test_names_are_quoted_as_the_database_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE "order" (id INT)')
    connection.close()
    ((_, sql),) = choose([Question("q", 'SELECT id FROM "order"', path)], [[Answer("SELECT id FROM order")]])
    assert sql == 'SELECT id FROM "order"'


def test_each_question_is_answered_over_its_own_database_in_order(pets: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    connection = sqlite3.connect(empty)
    connection.execute("CREATE TABLE pets (name TEXT, kind TEXT)")
    connection.close()
    items = [Question("a", ROWS, pets), Question("b", ROWS, empty), Question("c", ROWS, pets)]
    answers = [[Answer(ROWS), Answer("SELECT 1")]] * 3
    assert [sql for _, sql in choose(items, answers)] == [ROWS, "SELECT 1", ROWS]
