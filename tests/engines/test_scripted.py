"""The engine that tests use: answers by question, in pieces."""

import pytest
from sql_llama.core.records import Column, Message, Schema, Table
from sql_llama.engines.engine import Engine, answer
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.prompts.messages import messages

SCHEMA = Schema((Table("pets", (Column("name", "text"),)),))


def test_an_answer_by_question_in_words() -> None:
    engine: Engine = ScriptedEngine({"How many?": "SELECT count(*)\nFROM pets"})
    stream = engine.stream(messages(SCHEMA, "How many?"))
    pieces = []
    with pytest.raises(StopIteration) as end:
        while True:
            pieces.append(next(stream))
    assert pieces == ["SELECT", " count(*)", "\nFROM", " pets"]
    assert end.value.value.text == "SELECT count(*)\nFROM pets"
    assert end.value.value.tokens == 4 and end.value.value.stopped


def test_what_is_not_in_the_script() -> None:
    assert answer(ScriptedEngine({}, otherwise="Hm."), [Message("user", "Why?")]).text == "Hm."


def test_the_limit_cuts() -> None:
    said = answer(ScriptedEngine({"x": "one two three"}), [Message("user", "x")], max_tokens=2)
    assert said.text == "one two" and not said.stopped


def test_the_context_can_be_small() -> None:
    engine = ScriptedEngine({}, num_ctx=100)
    assert not engine.fits([Message("user", "x" * 300)], max_tokens=50)
    assert engine.fits([Message("user", "x" * 100)], max_tokens=50)
