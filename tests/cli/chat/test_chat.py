"""The REPL, read as whole transcripts: what is typed and everything that is then on the screen."""

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from sql_llama.assistant.answer import Reply
from sql_llama.cli.chat.answers import Side
from sql_llama.cli.chat.command import converse, load_engines
from sql_llama.cli.chat.input import chat_input, editor, finished, tidy
from sql_llama.cli.chat.screen import Screen, answers_table
from sql_llama.cli.chat.session import ChatSession, open_database
from sql_llama.cli.checkup import Check, check_ollama
from sql_llama.cli.main import run
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Answer, Message, ResultSet
from sql_llama.engines.engine import Engine
from sql_llama.engines.scripted import ScriptedEngine, question_of
from sql_llama.models.base import packaged_gguf

if TYPE_CHECKING:
    from conftest import OllamaServer

CATS = "SELECT count(*) FROM pets WHERE pets.kind = 'cat'"


class Scripted(ScriptedEngine):
    """The scripted engine, half a second an answer, as the transcripts say; `FAIL` makes it fail."""

    def __init__(self, name: str, answers: dict[str, str]) -> None:
        super().__init__(answers, name=name)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        answer = yield from super().stream(chat, max_tokens=max_tokens)
        if answer.text == "FAIL":
            raise SqlLlamaError(f"{self.name}: the prompt has 5000 tokens, the context holds 4096", fix="ask less")
        return replace(answer, seconds=0.5)


def transcript(typed: str, tuned: Engine, base: Engine | None = None, database: Path | None = None) -> str:
    """Everything a pipe would get for what is typed; speeds, which vary, as `many tokens/s`."""
    out = io.StringIO()
    session = ChatSession(
        Screen(Console(file=out, highlight=False)), tuned, base, open_database(str(database)) if database else None
    )
    converse(session, chat_input(io.StringIO(typed)))
    session.close()
    return re.sub(r"\d+ tokens/s", "many tokens/s", out.getvalue())


def test_both_answers_are_run_and_compared(pets: Path) -> None:
    base = Scripted("base-Q4_K_M", {"How many cats?": f"Sure!\n```sql\n{CATS}\n```\nThat counts them."})
    tuned = Scripted("tuned-Q4_K_M", {"How many cats?": "SELECT count(*) AS cats FROM pets WHERE pets.kind = 'cat'"})
    assert transcript("How many cats?\n/quit\nnever read\n", tuned, base, pets) == (
        "base:  base-Q4_K_M\n"
        "tuned: tuned-Q4_K_M\n"
        "pets.sqlite: 2 tables, 8 columns\n"
        "/help lists the commands, Ctrl-D leaves.\n"
        "\n"
        "> How many cats?\n"
        "base (base-Q4_K_M): 1 row, 0.5 s, many tokens/s\n"
        "SELECT count(*) FROM pets WHERE pets.kind = 'cat'\n"
        "count(*)\n"
        "2\n"
        "\n"
        "tuned (tuned-Q4_K_M): 1 row, 0.5 s, many tokens/s\n"
        "SELECT count(*) AS cats FROM pets WHERE pets.kind = 'cat'\n"
        "cats\n"
        "2\n"
        "\n"
        "Both return the same.\n"
        "\n"
        "> /quit\n"
    )


def asked(answer: str, database: Path | None, base: str | None = None) -> str:
    """The transcript of one question `Q`, without the greeting."""
    engine = None if base is None else Scripted("b", {"Q": base})
    return transcript("Q\n", Scripted("t", {"Q": answer}), engine, database).partition("> Q\n")[2]


def test_rows_that_differ_are_said_to_differ(pets: Path) -> None:
    assert asked(CATS, pets, base="SELECT count(*) FROM pets").endswith("\nThe results differ.\n\n")


def test_the_order_of_rows_counts_only_where_both_ask_for_one(pets: Path) -> None:
    up, down = "SELECT name FROM pets ORDER BY name", "SELECT name FROM pets ORDER BY name DESC"
    assert asked(up, pets, base=down).endswith("\nThe results differ.\n\n")
    assert asked(up, pets, base="SELECT name FROM pets").endswith("\nBoth return the same.\n\n")


def test_rows_are_laid_out_in_columns(pets: Path) -> None:
    assert asked("SELECT name, weight, owner_id FROM pets", pets) == (
        "tuned (t): 3 rows, 0.5 s, many tokens/s\n"
        "SELECT name, weight, owner_id FROM pets\n"
        "name  weight  owner_id\n"
        "Rex   20.5    1\n"
        "Tom   4       1\n"
        "Kit   3.5     2\n\n\n"
    )


def test_a_query_that_fails_shows_what_the_database_said(pets: Path) -> None:
    assert asked("SELECT colour FROM pets", pets) == (
        "tuned (t): 0.5 s, many tokens/s\nSELECT colour FROM pets\nno such column: colour\n\n\n"
    )


def test_names_that_were_put_in_quotes_are_said_to_be(pets: Path) -> None:
    said = transcript("?\n", Scripted("tuned.gguf", {"?": 'SELECT count(*) FROM "PETS"'}), database=pets)
    assert "names quoted" not in said
    with closing(sqlite3.connect(pets)) as connection:
        connection.execute('CREATE TABLE "order" (id INT)')
    said = transcript("?\n", Scripted("tuned.gguf", {"?": "SELECT count(*) FROM order"}), database=pets)
    assert 'SELECT count(*) FROM "order"\n' in said and "1 row, 0.5 s, many tokens/s, names quoted" in said


def test_an_answer_in_prose_is_shown_as_it_is(pets: Path) -> None:
    assert "\nI do not know\n\nthat.\n".replace("\n\n", "\n") in asked("I do not know\n\nthat.", pets)


@pytest.mark.parametrize(
    "attack", ["DELETE FROM pets", "DROP TABLE pets", "SELECT 1; DELETE FROM pets", "PRAGMA user_version = 7"]
)
def test_nothing_is_ever_written(attack: str, pets: Path) -> None:
    before = pets.read_bytes()
    asked(attack, pets)
    assert pets.read_bytes() == before


def test_long_results_are_cut_and_say_so(pets: Path) -> None:
    said = asked("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n", pets)
    assert "more than 1000 rows, 10 shown" in said
    assert said.splitlines()[-3] == "10"


def test_odd_cells_stay_on_their_line(pets: Path) -> None:
    said = asked("SELECT NULL, x'00ff', 'a' || char(10) || 'b', char(27) || '[2J', 1.0 / 3, printf('%060d', 1)", pets)
    assert said.splitlines()[3].split("  ")[:1] == ["NULL"]
    for shown in ("<2 bytes>", "a b", "\ufffd[2J", "0.3333333333", "0" * 37 + "..."):
        assert shown in said
    assert "\x1b" not in said


def test_a_model_cannot_move_the_cursor(pets: Path) -> None:
    assert "\x1b" not in asked("\x1b[2J\x1b]0;title\x07 SELECT 1", pets)


def test_one_model_may_fail_while_the_other_answers(pets: Path) -> None:
    said = asked(CATS, pets, base="FAIL")
    assert "base (b): failed\nFAIL\nb: the prompt has 5000 tokens, the context holds 4096 (ask less)\n" in said
    assert "count(*)\n2\n" in said


def test_tables_that_do_not_fit_are_left_out_and_named(pets: Path) -> None:
    tuned = Scripted("t", {"Which cities?": "SELECT count(*) FROM owners"})
    tuned.num_ctx = 256 + 60
    said = transcript("Which cities?\n", tuned, None, pets)
    assert "> Which cities?\nLeft out, for the question to fit the context: pets\ntuned (t): 1 row" in said


def test_an_empty_question_is_ignored(pets: Path) -> None:
    said = transcript("\n   \n\n", Scripted("t", {}), None, pets)
    assert said.endswith("/help lists the commands, Ctrl-D leaves.\n\n")


def test_a_question_over_several_lines_is_one_question(pets: Path) -> None:
    tuned = Scripted("t", {"How many cats?": CATS})
    assert "\n> How many\n. cats?\ntuned (t): 1 row" in transcript("How many\\\ncats?\n", tuned, None, pets)


def test_without_a_database_a_schema_is_asked_for() -> None:
    assert transcript("Q\n", Scripted("t", {})) == (
        "tuned: t\n"
        "No schema yet: /db FILE opens a database, /schema takes DDL.\n"
        "/help lists the commands, Ctrl-D leaves.\n"
        "\n"
        "> Q\n"
        "Error: nothing to ask about yet\n"
        "Fix: /db FILE, or /schema and CREATE TABLE statements\n"
    )


@pytest.mark.parametrize("end", [";", ""])
def test_a_typed_schema_is_asked_about_and_nothing_is_run(end: str) -> None:
    typed = (
        f"/schema\nCREATE TABLE pets (id INTEGER PRIMARY KEY,\nname TEXT, owner_id INT REFERENCES owners(id));\n"
        f"CREATE TABLE owners (id INTEGER PRIMARY KEY)\n{end}\n/tables\nQ\n"
    )
    said = transcript(typed, Scripted("t", {"Q": CATS}))
    assert said.endswith(
        "schema: 2 tables, 4 columns\n"
        "> /tables\n"
        "pets(id int, name text, owner_id int)\n"
        "owners(id int)\n"
        "pets.owner_id -> owners.id\n"
        "> Q\n"
        "tuned (t): 0.5 s, many tokens/s\n"
        f"{CATS}\n\n\n"
    )


def test_pasted_ddl_needs_no_command() -> None:
    assert "schema: 1 table, 1 column\n" in transcript("CREATE TABLE a (b int);\n;\n", Scripted("t", {}))


def test_a_schema_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text("CREATE TABLE a (b int); CREATE TABLE c (d text);")
    said = transcript(f"/schema {tmp_path / 'shop.sql'}\n", Scripted("t", {}))
    assert said.endswith("shop.sql: 2 tables, 2 columns\n")


def test_a_database_can_be_opened_later(pets: Path) -> None:
    said = transcript(f"/db {pets}\nQ\n", Scripted("t", {"Q": CATS}))
    assert "pets.sqlite: 2 tables, 8 columns\n> Q\n" in said
    assert "count(*)\n2\n" in said


def test_the_base_can_be_switched_off_and_on(pets: Path) -> None:
    said = transcript("/base off\nQ\n/base on\nQ\n", Scripted("t", {"Q": CATS}), Scripted("b", {"Q": CATS}), pets)
    off, on = said.split("> Q\n")[1:]
    assert "base (b)" not in off
    assert "base (b)" in on


def test_history_lists_the_questions(pets: Path) -> None:
    said = transcript("Q\nR\n/history\n", Scripted("t", {"Q": CATS, "R": CATS}), None, pets)
    assert said.endswith("> /history\n  1  Q\n  2  R\n")


def test_help_names_every_command() -> None:
    said = transcript("/help\n", Scripted("t", {}))
    assert all(
        name in said
        for name in ("/db", "/schema", "/tables", "/base", "/adapter", "/history", "/help", "/quit", "Ctrl-C")
    )


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("/nosuch", "/nosuch: unknown command or wrong argument"),
        ("/base maybe", "/base maybe: unknown command or wrong argument"),
        ("/base on", "the base model is not loaded"),
        ("/adapter", "t: has no adapter to change"),
        ("/tables", "nothing to ask about yet"),
        ("/db nosuch.sqlite", "nosuch.sqlite: no such database"),
        (f"/db {__file__}", f"{__file__}: not a SQLite database"),
        ("/schema nosuch.sql", "nosuch.sql: cannot be read (No such file or directory)"),
        ("/schema\n;", "no schema was given"),
        ("/schema\nSELECT 1\n;", "the schema creates no table"),
    ],
)
def test_a_mistake_costs_one_line_and_not_the_session(typed: str, error: str) -> None:
    said = transcript(f"{typed}\n/help\n", Scripted("t", {}))
    assert f"\nError: {error}\nFix: " in said
    assert "/quit" in said


def test_adapters_are_changed_between_two_questions(tiny_gguf: Path, tiny_loras: list[Path], pets: Path) -> None:
    models = [Path(f"{tiny_gguf}+{lora}") for lora in tiny_loras[:2]]

    def said(typed: str) -> str:
        tuned, base = load_engines(models, None, None, False)
        return re.sub(r"\d+\.\d s, ", "", transcript(typed, tuned, base, pets))

    text = said(
        f"/adapter\nQ\n/adapter two\nQ\n/adapter\n/adapter {tiny_loras[2]}\nQ\n/adapter one\nQ\n/adapter four\n"
    )
    assert text.startswith("base:  nonsense\ntuned: nonsense+one\n2 adapters: one, two (/adapter NAME)\n")
    assert "\n> /adapter\n* one\n  two\n> Q\n" in text
    assert "\n> /adapter two\ntuned: nonsense+two\n> Q\n" in text
    assert "\n> /adapter\n  one\n* two\n> " in text
    assert "three.gguf\ntuned: nonsense+three\n> Q\n" in text
    assert text.endswith("> /adapter four\nError: four: no such adapter\nFix: /adapter lists those that are there\n")
    answers = [part.partition("\n> ")[0] for part in text.split("> Q\n")[1:]]
    bases, tuned = zip(*(answer.rstrip().split("\ntuned (") for answer in answers), strict=True)
    assert len(set(bases)) == 1
    assert tuned[0] == tuned[3] and len(set(tuned)) == 3
    assert tuned[0] == said("Q\n").rstrip().split("\ntuned (")[1]  # of a session that never changed it


def test_both_models_are_freed_at_the_end(pets: Path) -> None:
    tuned, base = Scripted("t", {}), Scripted("b", {})
    transcript("/quit\n", tuned, base, pets)
    assert tuned.closed
    assert base.closed


# --- in a terminal


def seen(sides: list[Side], width: int, height: int = 0) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        console.print(answers_table(sides, width, height))
    return capture.get()


def answered(title: str) -> Side:
    rows = ResultSet(("kind", "n"), (("cat", 2), ("dog", 1)))
    reply = Reply("SELECT kind, count(*) FROM pets GROUP BY kind", rows, "", seconds=0.6, tokens=21, text="")
    return Side(title, Scripted(f"{title}.gguf", {}), state="done", reply=reply, first=1.0, last=1.5)


def test_a_wide_terminal_shows_the_answers_side_by_side() -> None:
    assert seen([answered("base"), answered("tuned")], 104) == (
        "╭───────────────────────────────────────────────────┬──────────────────────────────────────────────────╮\n"
        "│ base  base.gguf                                   │ tuned  tuned.gguf                                │\n"
        "├───────────────────────────────────────────────────┼──────────────────────────────────────────────────┤\n"
        "│ SELECT kind, count(*) FROM pets GROUP BY kind     │ SELECT kind, count(*) FROM pets GROUP BY kind    │\n"
        "│                                                   │                                                  │\n"
        "│ kind  n                                           │ kind  n                                          │\n"
        "│ cat   2                                           │ cat   2                                          │\n"
        "│ dog   1                                           │ dog   1                                          │\n"
        "├───────────────────────────────────────────────────┼──────────────────────────────────────────────────┤\n"
        "│ 2 rows, 0.6 s, 40 tokens/s                        │ 2 rows, 0.6 s, 40 tokens/s                       │\n"
        "╰───────────────────────────────────────────────────┴──────────────────────────────────────────────────╯\n"
    )


def test_a_narrow_terminal_shows_them_one_above_the_other() -> None:
    lines = seen([answered("base"), answered("tuned")], 80).splitlines()
    assert [line[:9] for line in lines if "gguf" in line] == ["│ base  b", "│ tuned  "]
    assert not any("base" in line and "tuned" in line for line in lines)
    assert max(map(len, lines)) == 80


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_growing_answer_stays_within_the_terminal(width: int) -> None:
    growing = [Side(title, Scripted("x", {}), text="word " * 2000, state="writing") for title in ("base", "tuned")]
    assert len(seen(growing, width, 30).splitlines()) <= 30


def terminal_session(tuned: Engine, base: Engine | None, pets: Path) -> tuple[ChatSession, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, height=40, highlight=False, _environ={})
    return ChatSession(Screen(console), tuned, base, open_database(str(pets))), out


class Endless(ScriptedEngine):
    """Its answer to `Q` has no end, and Ctrl-C is pressed when the terminal shows the beginning of it."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(answers)
        self.terminal = io.StringIO()

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        if question_of(chat) != "Q":
            return (yield from super().stream(chat, max_tokens=max_tokens))
        yield "SELECT"
        while "SELECT" not in self.terminal.getvalue():
            yield ""
            time.sleep(0.01)  # leaves the processor to the thread that draws
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield " 1"
            time.sleep(0.01)


def test_control_c_stops_the_answer_and_keeps_the_session(pets: Path) -> None:
    """If it did not, the answer would not end before the test's timeout."""
    endless = Endless({"R": CATS})
    session, endless.terminal = terminal_session(endless, None, pets)
    assert session.handle("Q")
    assert "stopped" in endless.terminal.getvalue()
    assert session.handle("R")
    assert "1 row" in endless.terminal.getvalue()
    session.close()


class Meeting(ScriptedEngine):
    """Before its first piece it waits for the other engine to have come as far."""

    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__({"Q": CATS})
        self.meeting = meeting

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        self.meeting.wait()
        return (yield from super().stream(chat, max_tokens=max_tokens))


def test_both_models_answer_at_the_same_time(pets: Path) -> None:
    """One after the other, the first would wait for the second until the meeting is called off."""
    meeting = threading.Barrier(2, timeout=30)
    session, out = terminal_session(Meeting(meeting), Meeting(meeting), pets)
    session.handle("Q")
    assert not meeting.broken and "Both return the same." in out.getvalue()
    session.close()


# --- what is typed


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


# --- the command


@pytest.fixture(scope="session")
def tiny_loras(
    tiny_base: Path, make_tiny_adapter: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Three adapters of that model: one, two and three."""
    from sql_llama.export.convert.adapter_gguf import adapter_gguf

    folder = tmp_path_factory.mktemp("loras")
    for alpha, name in enumerate(("one", "two", "three"), 8):
        make_tiny_adapter(tiny_base, folder / name, lora_alpha=alpha * alpha)
    return [adapter_gguf(tiny_base, folder / name, folder / f"{name}.gguf") for name in ("one", "two", "three")]


@pytest.fixture(scope="session")
def tiny_gguf(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that writes nonsense, quickly."""
    from sql_llama.export.convert.convert import convert
    from sql_llama.modelfiles.templates import family

    return convert(tiny_base, tmp_path_factory.mktemp("tiny") / "nonsense.gguf", family("chatml"))


def test_the_command_answers_from_a_pipe(tiny_gguf: Path, pets: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "sql_llama.cli", "chat", "--db", pets, "--model", tiny_gguf, "--base", tiny_gguf],
        input=b"How many \xff cats?\n/quit\n",
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert "\n> How many \ufffd cats?\nbase (nonsense): " in said
    assert "\ntuned (nonsense): " in said
    assert said.endswith("> /quit\n")
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--base", "a.gguf", "--no-base"], 2, "--base and --no-base contradict each other."),
        (
            ["--model", "a.gguf", "--ollama", "b"],
            2,
            "--model and --ollama each name the tuned model: give one of them.",
        ),
        (["--db", "nosuch.sqlite"], 1, "nosuch.sqlite: no such database"),
        (["--ollama", "nosuch", "--no-base"], 1, "no Ollama server answers"),
        (["--no-base"], 1, ""),
        (["--model", "a.gguf+b.gguf", "--model", "c.gguf"], 1, "several --model have to be one base under several"),
        (["--model", "nosuch.gguf+b.gguf"], 1, "nosuch.gguf: no such model file"),
        (["--model", "nosuch.gguf", "--no-base"], 1, "nosuch.gguf: no such model file"),
        (["--model", "nosuch.gguf"], 1, "nosuch.gguf: no such model file"),
    ],
)
def test_what_cannot_start_says_so(
    arguments: list[str], code: int, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", *arguments]) == code
    assert f"Error: {error}" in capsys.readouterr().err


def test_a_tuned_model_outside_a_run_needs_its_base_named(tiny_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "--model", str(tiny_gguf)]) == 1
    assert "Fix: give the base's GGUF file with --base, or --no-base" in capsys.readouterr().err


@pytest.mark.ollama
@pytest.mark.base
def test_a_model_of_ollama_can_be_the_tuned_one(
    ollama_server: "OllamaServer", pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Modelfile").write_text(f"FROM {packaged_gguf()}\nPARAMETER temperature 0\nPARAMETER num_ctx 2048\n")
    create = [ollama_server.program, "create", "chat-test", "-f", tmp_path / "Modelfile"]
    subprocess.run(create, env=ollama_server.environment, check=True, capture_output=True)
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    command = [sys.executable, "-m", "sql_llama.cli", "chat", "--db", pets, "--ollama", "chat-test", "--no-base"]
    result = subprocess.run(command, input="SELECT name FROM pets;\n", capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert re.search(r"\ntuned \(chat-test\): .* tokens/s", result.stdout)
    assert "\nSELECT name FROM pets" in result.stdout  # what follows differs from one version of the server to the next
    assert check_ollama() == Check("Ollama", "ok", f"server {ollama_server.version}")
