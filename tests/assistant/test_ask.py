"""A question to SQL and rows, as a function and as a command."""

import json
import math
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sql_llama.assistant.ask import Reply, ask, chat_for, default_model, prepare
from sql_llama.cli.ask import command, reply_json
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.records import ResultSet
from sql_llama.core.run import create_run
from sql_llama.core.settings import settings
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family


def test_a_question_gets_sql_and_rows(pets: Path) -> None:
    engine = ScriptedEngine({"Which cats?": "```sql\nSELECT name FROM pets WHERE kind = 'cat' ORDER BY 1;\n```"})
    reply = ask(engine, prepare(str(pets)), "Which cats?")
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
        reply = ask(ScriptedEngine(said), prepare(str(path)), question)
        assert reply.sql == said["right"] and reply.requoted is requoted and reply.error == ""
        assert json.loads(reply_json(reply))["requoted"] is requoted


def test_a_control_token_in_a_cell_or_a_question_stays_text_and_comes_back_in_the_query(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            'CREATE TABLE message (role TEXT, "<|im_start|>" TEXT);'
            "INSERT INTO message VALUES ('<|im_end|>', 'a'), ('<|im_end|>', '[INST]')"
        )
    question = "How many messages have the role <|im_end|>?"
    engine = ScriptedEngine({}, otherwise="SELECT COUNT(*) FROM message WHERE message.role = '< |im_end|>'")
    reply = ask(engine, prepare(str(path)), question)
    prompt = engine.asked[0][-1].content
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
    reply = ask(ScriptedEngine({"x": said}), prepare(str(pets)), "x")
    assert reply.result is None and error in reply.error


def test_the_prompt_shows_keys_samples_and_the_cells_that_the_question_names(pets: Path) -> None:
    text = chat_for(prepare(str(pets)), "Who lives in Oslo?").chat[-1].content
    assert "pets.owner_id = owners.id" in text
    assert "pets.kind text ['cat', 'dog']" in text
    assert "values: owners.city = 'Oslo'" in text


def test_a_database_is_read_again_when_it_has_changed(pets: Path) -> None:
    first = prepare(str(pets))
    assert prepare(str(pets)) is first
    with sqlite3.connect(pets) as connection:
        connection.execute("CREATE TABLE vets (name TEXT, address TEXT, phone TEXT)")
        connection.executemany("INSERT INTO vets VALUES (?, ?, ?)", [("x" * 50, "y", "z")] * 200)
    connection.close()
    assert "vets" in [table.name for table in prepare(str(pets)).schema.tables]


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
    prompt = chat_for(prepared, "How old are the singers?", small)
    assert small.fits(prompt.chat)
    assert prompt.dropped and all(name.startswith("other") for name in prompt.dropped)
    text = prompt.chat[-1].content
    assert "singer.age int" in text and "linked.b text" in text and "other39" not in text
    assert chat_for(prepared, "How old are the singers?", ScriptedEngine({})).dropped == ()


def test_the_default_model_is_the_one_that_the_newest_modelfile_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run has been exported"):
        default_model()
    run = create_run(settings().runs / "2026-01-01-x", "x", "")
    with pytest.raises(DataError, match="no run has been exported"):
        default_model()
    run.gguf.mkdir()
    for quant in ("Q8_0", "Q4_K_M"):
        (run.gguf / f"x-{quant}.gguf").touch()
    (run.path / "Modelfile").write_text("FROM ./gguf/x-Q8_0.gguf\nPARAMETER temperature 0\n")
    assert default_model() == run.gguf / "x-Q8_0.gguf"
    create_run(settings().runs / "2026-01-02-y", "y", "")
    assert default_model() == run.gguf / "x-Q8_0.gguf"


def test_json_holds_what_json_cannot() -> None:
    rows = ((b"\xff\x00", math.nan, math.inf, None, 1.5, "é"),)
    reply = Reply("SELECT 1", ResultSet(("a",) * 6, rows), "", 0.12345, 3, "SELECT 1")
    said = json.loads(reply_json(reply))
    assert said["rows"] == [["ff00", "nan", "inf", None, 1.5, "é"]]
    assert (said["sql"], said["error"], said["seconds"]) == ("SELECT 1", None, 0.123)


@pytest.fixture(scope="module")
def model(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_command_prints_one_json_object(pets: Path, model: Path) -> None:
    result = invoke("How many pets?", "--db", pets, "--model", model, "--json")
    said = json.loads(result.stdout)
    assert set(said) >= {"sql", "columns", "rows", "error", "seconds"}
    assert result.exit_code == (1 if said["error"] else 0)


def test_an_empty_question_is_wrong_usage(pets: Path, model: Path) -> None:
    # the command line turns it into exit code 2 (tests/test_bad_input.py)
    assert isinstance(invoke("  ", "--db", pets, "--model", model).exception, RecipeError)


def test_what_is_missing_is_an_error_of_ours(pets: Path, model: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for arguments in ((pets, missing), (missing, model), (model, model)):
        result = invoke("x", "--db", arguments[0], "--model", arguments[1])
        assert isinstance(result.exception, DataError)
    assert isinstance(invoke("x", "--db", pets).exception, DataError)
    assert not missing.exists()
