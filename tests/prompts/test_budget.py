"""A prompt that fits."""

import sqlite3
from pathlib import Path

from sql_llama.assistant.answer import prompt_for
from sql_llama.assistant.prepare import prepare
from sql_llama.engines.scripted import ScriptedEngine


def test_tables_that_share_no_word_with_the_question_are_dropped_visibly(tmp_path: Path) -> None:
    path = tmp_path / "wide.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, age INTEGER)")
        connection.execute("CREATE TABLE band (singer_id INTEGER REFERENCES singer(singer_id), title TEXT)")
        connection.execute("CREATE TABLE linked (a INTEGER REFERENCES singer(singer_id), b TEXT)")
        for n in range(40):
            connection.execute(f"CREATE TABLE other{n} (first{n} TEXT, second{n} TEXT)")
    connection.close()
    prepared = prepare(str(path))
    small = ScriptedEngine({}, num_ctx=400)
    prompt = prompt_for(prepared, "How old are the singers?", small)
    assert small.fits(prompt.chat)
    assert prompt.dropped and all(name.startswith("other") for name in prompt.dropped)
    text = prompt.chat[-1].content
    assert "singer.age int" in text and "linked.b text" in text and "other39" not in text
    assert prompt_for(prepared, "How old are the singers?", ScriptedEngine({})).dropped == ()
