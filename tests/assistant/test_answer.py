"""One way from a question to its answer, for ask, chat and eval."""

import json
import re
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sql_llama.assistant.answer import (
    EVALUATION,
    FAST,
    Policy,
    Reply,
    answer,
    answer_many,
    policy_for,
    prompt_for,
    stream,
)
from sql_llama.assistant.prepare import prepare
from sql_llama.cli.ask import reply_json
from sql_llama.core.errors import RecipeError
from sql_llama.core.records import Answer, Message
from sql_llama.engines.scripted import ScriptedEngine, question_of


def test_a_question_gets_sql_and_rows(pets: Path) -> None:
    engine = ScriptedEngine({"Which cats?": "```sql\nSELECT name FROM pets WHERE kind = 'cat' ORDER BY 1;\n```"})
    reply = answer(engine, prepare(str(pets)), "Which cats?")
    assert reply.sql == "SELECT name FROM pets WHERE kind = 'cat' ORDER BY 1"
    assert reply.result is not None and reply.result.rows == (("Kit",), ("Tom",))
    assert reply.error == "" and reply.tokens > 3


def test_names_that_need_quotes_get_them_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            'CREATE TABLE "order" (id INTEGER PRIMARY KEY, "group" TEXT); INSERT INTO "order" VALUES (1, 1)'
        )
    said = {"written": "SELECT order.group FROM order", "right": 'SELECT "order"."group" FROM "order"'}
    for question, requoted in (("written", True), ("right", False)):
        reply = answer(ScriptedEngine(said), prepare(str(path)), question)
        assert reply.sql == said["right"] and reply.requoted is requoted and reply.error == ""
        assert json.loads(reply_json(reply))["requoted"] is requoted


def test_a_query_that_is_not_understood_is_mended_and_it_is_said(pets: Path) -> None:
    engine = ScriptedEngine({"Whose is Rex?": "SELECT owners.name FROM owners WHERE pets.pet_name = 'Rex'"})
    reply = answer(engine, prepare(str(pets)), "Whose is Rex?")
    assert reply.result is not None and reply.result.rows == (("Ann",),)
    assert reply.repaired == ("column pet_name is pets.name", "pets is joined by its key")
    assert json.loads(reply_json(reply))["helps"] == ["repair"]
    alone = answer(engine, prepare(str(pets)), "Whose is Rex?", EVALUATION)
    assert "pets.pet_name" in alone.sql and alone.repaired == ()


def test_a_query_that_is_typed_is_run_as_it_is(pets: Path) -> None:
    engine = ScriptedEngine({"Select all cats": "SELECT name FROM pets WHERE kind = 'cat' ORDER BY name"})
    database = prepare(str(pets))
    for typed in ("SELECT count(*) FROM pets", "select count(*) from pets ; -- all of them"):
        reply = answer(engine, database, typed)
        assert reply.result is not None and reply.result.rows == ((3,),)
        assert reply.notes == ("Your own query was run as it is.",)
    assert engine.chats == []
    with_steps = stream(engine, database, "SELECT name FROM pets WHERE id = 1")
    assert next(with_steps) == "SELECT name FROM pets WHERE id = 1"
    words = answer(engine, database, "Select all cats")
    assert words.result is not None and words.result.rows == (("Kit",), ("Tom",))
    refused = answer(ScriptedEngine({}, otherwise="DELETE FROM pets"), database, "SELECT 1; DELETE FROM pets")
    assert refused.result is None and "refused" in refused.error


def test_the_best_policy_takes_what_an_engine_can_give() -> None:
    one = ScriptedEngine({})
    assert policy_for(one, "fast", None) == FAST
    assert policy_for(one, "best", None).candidates == 1
    assert policy_for(one, "best", 4).candidates == 4  # asked for, and refused by check_candidates


def test_a_control_token_in_a_cell_or_a_question_stays_text_and_comes_back_in_the_query(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            'CREATE TABLE message (role TEXT, "<|im_start|>" TEXT);'
            "INSERT INTO message VALUES ('<|im_end|>', 'a'), ('<|im_end|>', '[INST]')"
        )
    question = "How many messages have the role <|im_end|>?"
    engine = ScriptedEngine({}, otherwise="SELECT COUNT(*) FROM message WHERE message.role = '< |im_end|>'")
    reply = answer(engine, prepare(str(path)), question)
    prompt = engine.chats[0][-1].content
    assert not re.search(r"<\||\[INST\]", prompt) and "< |im_end|>" in prompt and '"< |im_start|>"' in prompt
    assert reply.sql.endswith("= '<|im_end|>'") and reply.result is not None and reply.result.rows == ((2,),)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("SELECT colour FROM pets", "no such column: colour"),
        ("DELETE FROM pets", "refused: only queries that read are run, not DELETE"),
        ("I do not know.", "syntax error"),
        ("", "refused: no query"),
    ],
)
def test_what_cannot_be_run_is_a_reply_with_an_error(pets: Path, said: str, error: str) -> None:
    reply = answer(ScriptedEngine({"x": said}), prepare(str(pets)), "x")
    assert reply.result is None and error in reply.error


def test_the_prompt_shows_keys_samples_and_the_cells_that_the_question_names(pets: Path) -> None:
    text = prompt_for(prepare(str(pets)), "Who lives in Oslo?", ScriptedEngine({})).chat[-1].content
    assert "pets.owner_id = owners.id" in text
    assert "pets.kind text ['cat', 'dog']" in text
    assert "values: owners.city = 'Oslo'" in text


class Candidates(ScriptedEngine):
    """Gives as many answers as it is asked for: those of its script, one a line."""

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        for chat in chats:
            lines = self.answers.get(question_of(chat), self.otherwise).split("\n")
            yield (
                []
                if stop and stop.is_set()
                else [Answer(text, tokens=place) for place, text in enumerate(lines[:beams])]
            )


ROWS, OTHER, NONE = "SELECT name FROM pets", "SELECT kind FROM pets", "SELECT name FROM pets WHERE id = 9"
BROKEN, WRITES, PROSE = "SELECT colour FROM pets", "DELETE FROM pets", "I do not know."
SEVERAL = Policy(candidates=4)


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        ([ROWS, OTHER], 0),
        ([BROKEN, NONE, ROWS, OTHER], 2),
        ([BROKEN, NONE, BROKEN], 1),
        ([WRITES, PROSE, ""], 0),
        ([PROSE, WRITES, f"```sql {OTHER}```"], 2),
        ([BROKEN], 0),
        ([NONE, "SELECT count(*) FROM pets WHERE id = 9"], 1),
    ],
)
def test_of_several_the_first_that_returns_rows_else_the_first_that_runs_else_the_first(
    pets: Path, answers: list[str], chosen: int
) -> None:
    engine = Candidates({"x": "\n".join(answers)})
    reply = answer(engine, prepare(str(pets)), "x", SEVERAL)
    assert (reply.chosen, reply.text) == (chosen, answers[chosen])
    assert [item.answer.text for item in reply.candidates] == answers
    assert (reply.result is None) == bool(reply.error)


def test_ask_chat_and_eval_take_the_same_of_several_answers(pets: Path) -> None:
    engine, database = Candidates({"x": f"{BROKEN}\n{NONE}\n{ROWS}"}), prepare(str(pets))
    whole = answer(engine, database, "x", SEVERAL)
    (of_many,) = answer_many(engine, [(database, "x")], replace(SEVERAL, runs="to choose"))
    streamed = drained(stream(engine, database, "x", SEVERAL))
    assert whole.sql == ROWS and of_many.result is None
    assert without_rows(whole) == without_rows(streamed) == of_many


def without_rows(reply: Reply) -> Reply:
    return replace(reply, result=None)


def drained(pieces: Generator[str, None, Reply]) -> Reply:
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            reply: Reply = end.value
            return reply


def test_a_stopped_search_may_end_without_an_answer(pets: Path) -> None:
    class Silent(Candidates):
        def candidates(self, *arguments: object, **options: object) -> Iterator[list[Answer]]:
            return iter(())

    assert drained(stream(Silent({"x": ROWS}), prepare(str(pets)), "x", SEVERAL)).sql == ROWS


def test_where_none_runs_the_policy_says_whether_there_is_a_query(pets: Path) -> None:
    engine = Candidates({"x": f"{BROKEN}\n{WRITES}"})
    reply = answer(engine, prepare(str(pets)), "x", Policy(candidates=2, when_none_runs="no query"))
    assert (reply.sql, reply.result) == ("", None) and "no such column" in reply.error
    assert answer(engine, prepare(str(pets)), "x", Policy(candidates=2)).sql == BROKEN


def test_an_engine_that_gives_one_answer_is_not_asked_for_several(pets: Path) -> None:
    engine = ScriptedEngine({"x": ROWS})
    with pytest.raises(RecipeError, match="one answer only, not 4"):
        answer(engine, prepare(str(pets)), "x", SEVERAL)
    assert engine.chats == []


def test_the_first_answer_is_seen_while_it_grows_and_every_step_is_told(pets: Path) -> None:
    steps: list[str] = []
    pieces = stream(Candidates({"x": ROWS}), prepare(str(pets)), "x", SEVERAL, on_step=steps.append)
    assert "".join(pieces) == ROWS
    assert steps == ["reading", "writing", "choosing", "running"]


def test_a_stopped_search_ends_with_the_generator(pets: Path) -> None:
    stop, seen = threading.Event(), []
    pieces = stream(Candidates({"x": ROWS}), prepare(str(pets)), "x", SEVERAL, stop=stop)
    for piece in pieces:
        seen.append(piece)
        stop.set()
        if len(seen) > len(ROWS.split()):  # the empty piece after the search
            pieces.close()
    assert "".join(seen) == ROWS


def test_a_query_gets_no_more_time_and_rows_than_the_policy_says(pets: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    engine = ScriptedEngine({"endless": endless, "rows": ROWS})
    database = prepare(str(pets))
    assert answer(engine, database, "endless", Policy(query_seconds=0.2)).error == "stopped after 0.2 s"
    result = answer(engine, database, "rows", Policy(max_rows=2)).result
    assert result is not None and result.truncated and len(result.rows) == 2


def test_with_a_schema_alone_nothing_is_run(pets: Path) -> None:
    schema = replace(prepare(str(pets)), url="")
    reply = answer(Candidates({"x": f"{BROKEN}\n{ROWS}"}), schema, "x", SEVERAL)
    assert (reply.sql, reply.result, reply.error, reply.chosen) == (BROKEN, None, "", 0)


def test_questions_without_a_database_or_with_too_long_a_prompt_get_an_empty_answer(pets: Path) -> None:
    engine, database = ScriptedEngine({"x": ROWS}, num_ctx=400), prepare(str(pets))
    replies = list(answer_many(engine, [None, (database, "x"), (database, "pets " * 500)], FAST))
    assert [reply.text for reply in replies] == ["", ROWS, ""]
