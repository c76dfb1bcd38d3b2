"""Cells that a question names word for word."""

import sqlite3
from pathlib import Path

from sql_llama.core.records import Hint, Schema
from sql_llama.databases.cells import flat, index_cells
from sql_llama.databases.introspect import introspect
from sql_llama.prompts.hints import MOST, find_hints


def hints(path: Path, question: str) -> tuple[Hint, ...]:
    return find_hints(question, index_cells(str(path), introspect(str(path))))


def make(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


def test_a_named_cell_is_found_in_its_own_spelling(pets: Path) -> None:
    assert hints(pets, "How many dogs does ANN have?") == (Hint("pets", "kind", "dog"), Hint("owners", "name", "Ann"))


def test_only_whole_words_count(pets: Path) -> None:
    assert hints(pets, "Who lives in Parisian catacombs?") == ()


def test_a_longer_cell_wins_over_the_words_in_it(tmp_path: Path) -> None:
    path = make(
        tmp_path / "d.sqlite",
        "CREATE TABLE c (city TEXT, word TEXT); INSERT INTO c VALUES ('New York', 'york'), ('York', 'x-ray')",
    )
    assert hints(path, "Who lives in New York?") == (Hint("c", "city", "New York"),)
    assert hints(path, "Who has an x ray?") == (Hint("c", "word", "x-ray"),)


def test_a_cell_in_two_columns_is_shown_twice_and_there_are_never_many(tmp_path: Path) -> None:
    columns = ", ".join(f"c{i} TEXT" for i in range(9))
    cells = ", ".join(["'Oslo'"] * 9)
    path = make(tmp_path / "d.sqlite", f"CREATE TABLE t ({columns}); INSERT INTO t VALUES ({cells})")
    found = hints(path, "In Oslo?")
    assert len(found) == MOST and found[:2] == (Hint("t", "c0", "Oslo"), Hint("t", "c1", "Oslo"))


def test_common_words_short_numbers_and_dates_say_nothing(tmp_path: Path) -> None:
    path = make(
        tmp_path / "d.sqlite",
        "CREATE TABLE t (a TEXT, day DATE); INSERT INTO t VALUES ('the', '2020'), ('12', '2020-01-01'), ('1984', NULL)",
    )
    assert hints(path, "Show the 12 of 2020") == ()
    assert hints(path, "Show 1984") == (Hint("t", "a", "1984"),)


def test_no_cells_no_hints(pets: Path) -> None:
    assert find_hints("Ann", index_cells(str(pets), Schema(()))) == ()
    assert find_hints("", index_cells(str(pets), introspect(str(pets)))) == ()
    assert flat("Ünïcode_words, too!") == "ünïcode words too"
