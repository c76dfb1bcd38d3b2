"""The way in for Python programs."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama import Assistant, Policy
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.engines.scripted import ScriptedEngine

COUNT = "SELECT count(*) FROM pets"


def test_an_assistant_answers_many_questions_and_gives_its_model_back(pets: Path) -> None:
    engine = ScriptedEngine({"How many pets?": COUNT, "What?": "I do not know."})
    with Assistant(engine, pets) as assistant:
        reply = assistant.ask("How many pets?")
        assert reply.sql == COUNT and reply.result is not None and reply.result.rows == ((3,),)
        assert "syntax error" in assistant.ask("What?").error
        assert [table.name for table in assistant.schema.tables] == ["owners", "pets"]
    assert engine.closed


def test_the_words_of_an_answer_can_be_watched(pets: Path) -> None:
    pieces: list[str] = []
    with Assistant(ScriptedEngine({"How many pets?": COUNT}), pets) as assistant:
        reply = assistant.ask("How many pets?", on_piece=pieces.append)
    assert "".join(pieces) == COUNT == reply.sql and reply.result is not None


def test_a_changed_database_is_read_again(pets: Path) -> None:
    with Assistant(ScriptedEngine({}), pets) as assistant:
        with sqlite3.connect(pets) as connection:
            connection.execute("CREATE TABLE vets (name TEXT)")
        connection.close()
        assert "vets" in [table.name for table in assistant.schema.tables]


def test_a_missing_database_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such database"):
        Assistant.open(tmp_path / "missing.gguf", tmp_path / "missing.sqlite")


def test_the_policy_holds_for_every_question_but_for_what_a_call_names(pets: Path) -> None:
    assistant = Assistant(ScriptedEngine({"x": "SELECT name FROM pets"}), pets, Policy(max_rows=1))
    result = assistant.ask("x").result
    assert result is not None and result.truncated
    with pytest.raises(RecipeError, match="one answer only, not 2"):
        assistant.ask("x", candidates=2)
