"""Where an input ends: in the editor of a terminal, and in a pipe."""

import io
from pathlib import Path

import pytest
from sql_llama.cli.chat.input import chat_input, editor, finished, tidy


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("How many?\r", "How many?"),
        ("How\\\rmany?\r", "How\nmany?"),
        ("How\x1b\rmany?\r", "How\nmany?"),
        ("/schema\rCREATE TABLE a (b int)\r;\r", "/schema\nCREATE TABLE a (b int)"),
        ("/schema\rCREATE TABLE a (b int)\r\r", "/schema\nCREATE TABLE a (b int)"),
        ("\x1b[200~CREATE TABLE a (\nb int\n)\x1b[201~\r\r", "CREATE TABLE a (\nb int\n)"),
    ],
)
def test_the_editor_ends_an_input_where_a_person_means_it(keys: str, text: str, tmp_path: Path) -> None:
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    with create_pipe_input() as typing, create_app_session(input=typing, output=DummyOutput()):
        typing.send_text(keys)
        assert tidy(editor(tmp_path / "new" / "history", lambda: "").prompt()) == text
    assert (tmp_path / "new" / "history").is_file()


def test_a_pipe_that_ends_in_the_middle_gives_what_there_is() -> None:
    assert list(chat_input(io.StringIO("/schema\nCREATE TABLE a (b int)"))) == ["/schema\nCREATE TABLE a (b int)"]
    assert list(chat_input(io.StringIO("one\\"))) == ["one"]
    assert list(chat_input(io.StringIO("one\r\ntwo"))) == ["one", "two"]


def test_a_question_that_starts_with_create_is_a_question() -> None:
    assert finished("Create a list of all pets")
