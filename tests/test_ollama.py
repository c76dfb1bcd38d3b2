"""The exported model in a real Ollama server of each generation: the same prompt, the same SQL, and an end to it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.core.prompt import SYSTEM_PROMPT, extract_sql, messages, render_schema, user_message
from sql_llama.core.records import Message
from sql_llama.core.schema import parse_ddl
from sql_llama.engines.engine import answer
from sql_llama.engines.llamacpp import LlamaCpp, load_llamacpp
from sql_llama.modelfiles.templates import family, render_chat

if TYPE_CHECKING:
    from conftest import OllamaServer

pytestmark = [pytest.mark.ollama, pytest.mark.base]

NAME = "sql-llama-test"
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined DATE);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id),
                     product_id INTEGER REFERENCES products(id), quantity INTEGER, ordered DATE);
"""
RACES = """
CREATE TABLE drivers (driver_id INTEGER PRIMARY KEY, surname TEXT, nationality TEXT, born DATE);
CREATE TABLE races (race_id INTEGER PRIMARY KEY, circuit TEXT, year INTEGER);
CREATE TABLE results (driver_id INTEGER REFERENCES drivers(driver_id), race_id INTEGER REFERENCES races(race_id),
                      position INTEGER, points REAL);
"""
QUESTIONS = [
    *(
        (SHOP, question)
        for question in (
            "How many customers are there?",
            "List the names of all customers in Oslo.",
            "What is the average price of the products?",
            "Which product is the most expensive?",
            "How many customers live in each city?",
            "Show the names of products that cost more than 100.",
            "Which customers have never ordered anything?",
            "What is the total quantity ordered of each product?",
            "List the cities with more than 3 customers.",
            "Show name and price of the 5 cheapest products.",
        )
    ),
    *(
        (RACES, question)
        for question in (
            "How many races were held in 2012?",
            "List all circuits without repetition.",
            "Which nationality has the most drivers?",
            "What is the highest number of points of each driver?",
            "Show the surnames of drivers who won a race.",
            "How many points did Hamilton score in total?",
            "List the surnames of German drivers in alphabetical order.",
            "In which years were more than 18 races held?",
            "Who is the youngest driver?",
            "Show the circuits of races that no one finished first in.",
        )
    ),
]
LONGEST_ANSWER = 96  # tokens
SAME_AT_LEAST = 16  # of 20; 18 and 19 were seen, and rounding differs from one processor to another


@pytest.fixture(scope="module")
def gguf(starter_run: Path) -> Path:
    (path,) = (starter_run / "gguf").glob("*.gguf")
    return path


@pytest.fixture(scope="module")
def llamacpp(gguf: Path) -> Iterator[LlamaCpp]:
    engine = load_llamacpp(gguf, num_ctx=2048)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(ollama_server: "OllamaServer", gguf: Path) -> "OllamaServer":
    """A server that was handed the exported model as NAME."""
    from sql_llama.export.register import register

    register(gguf, NAME, family("chatml"), num_ctx=2048, license="Apache-2.0", host=ollama_server.host)
    return ollama_server


def ask(server: "OllamaServer", chat: tuple[Message, ...] | list[Message], **more: object) -> dict[str, object]:
    """One answer, by one thread: several wait for each other by spinning, which takes minutes on a busy machine."""
    messages = [{"role": message.role, "content": message.content} for message in chat]
    options = {"num_predict": LONGEST_ANSWER, "num_thread": 1}
    return server.post("/api/chat", model=NAME, messages=messages, stream=False, options=options, **more)


def test_shows_what_the_modelfile_says(server: "OllamaServer") -> None:
    shown = server.post("/api/show", model=NAME)
    assert shown["system"] == SYSTEM_PROMPT
    assert shown["template"] == family("chatml").go
    parameters = [line.split(maxsplit=1) for line in str(shown["parameters"]).splitlines()]
    assert ["temperature", "0"] in parameters
    assert ["repeat_penalty", "1"] in parameters
    assert {value.strip('"') for key, value in parameters if key == "stop"} == set(family("chatml").stops)


def test_ollama_create_reads_the_modelfile(server: "OllamaServer", starter_run: Path) -> None:
    command = [server.program, "create", "by-hand", "-f", starter_run / "Modelfile"]
    said = subprocess.run(command, env=server.environment, cwd=starter_run, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    by_hand, handed_over = (server.post("/api/show", model=name) for name in ("by-hand", NAME))
    assert by_hand["template"] == handed_over["template"]
    assert by_hand["system"] == handed_over["system"]
    by_hand_says, handed_over_says = (
        {line for line in str(shown["parameters"]).splitlines() if not line.startswith(("num_ctx", "num_predict"))}
        for shown in (by_hand, handed_over)
    )
    assert by_hand_says == handed_over_says


def test_the_certificate_holds_for_the_server(server: "OllamaServer", gguf: Path, real_base: Path) -> None:
    from sql_llama.export.certify import certify, certify_ollama

    certificate = certify_ollama(certify(gguf, real_base), gguf, NAME, server.version, server.host)
    assert {check.name: check.verdict for check in certificate.checks}["ollama"] == "pass"
    assert certificate.passed


def test_the_ollama_engine_streams_the_answer(server: "OllamaServer") -> None:
    from sql_llama.engines.ollama import OllamaEngine, render, server_version

    assert server_version(server.host) == server.version
    chat = messages(parse_ddl(SHOP), QUESTIONS[0][1])
    assert render(NAME, chat, server.host) == render_chat(family("chatml").jinja, chat)
    engine = OllamaEngine(NAME, server.host)
    try:
        assert answer(engine, chat).text == ask(server, chat)["message"]["content"]  # type: ignore[index]
    finally:
        engine.close()


CHATS = {
    "system": [Message("system", "Be brief."), Message("user", "How many?")],
    "several turns": [Message("user", "One."), Message("assistant", "1"), Message("user", "Two.")],
    "blanks": [Message("system", "  s  "), Message("user", "\n\n leading and trailing \n\n")],
    "unicode": [Message("user", "Wie viele Häuser? 多少 🦙 \u200b\u00a0end")],
    "braces": [Message("user", "{{ .System }} {% if x %} </s> <|im_end> ${x}")],
    "quotes": [Message("user", 'say "it\'s" & <b>more</b> \\n \\" C:\\temp')],
}


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS)
def test_makes_the_prompt_that_we_make(server: "OllamaServer", chat: list[Message]) -> None:
    # a chat without a system message gets the Modelfile's
    whole = chat if chat[0].role == "system" else [Message("system", SYSTEM_PROMPT), *chat]
    assert rendered(server, chat) == render_chat(family("chatml").jinja, whole)


def test_makes_the_prompt_that_training_made(server: "OllamaServer") -> None:
    for ddl, question in QUESTIONS:
        chat = messages(parse_ddl(ddl), question)
        assert rendered(server, chat) == render_chat(family("chatml").jinja, chat)


def rendered(server: "OllamaServer", chat: tuple[Message, ...] | list[Message]) -> str:
    debug = ask(server, chat, _debug_render_only=True)["_debug_info"]
    assert isinstance(debug, dict)
    return str(debug["rendered_template"])


def test_answers_as_llamacpp_does(server: "OllamaServer", llamacpp: LlamaCpp) -> None:
    """Greedy both, but each in arithmetic of its own: where two tokens are nearly as likely, rounding may choose.

    Where they were seen to differ, Ollama took llama.cpp's second choice, less than 0.7 logits behind its first.
    """
    chats = [messages(parse_ddl(ddl), question) for ddl, question in QUESTIONS]
    ours = [extract_sql(said.text) for said in llamacpp.answer_many(chats, max_tokens=LONGEST_ANSWER)]
    theirs = []
    for chat in chats:
        said = ask(server, chat)
        theirs.append(extract_sql(str(said["message"]["content"])))  # type: ignore[index]
    different = [(question, a, b) for (_, question), a, b in zip(QUESTIONS, ours, theirs, strict=True) if a != b]
    print(f"{len(QUESTIONS) - len(different)} of {len(QUESTIONS)} the same")
    for question, a, b in different:
        print(f"{question}\n  llama.cpp: {a}\n  Ollama:    {b}")
    assert len(QUESTIONS) - len(different) >= SAME_AT_LEAST


def test_ollama_run_prints_the_same_sql(server: "OllamaServer", llamacpp: LlamaCpp) -> None:
    """As a person types it: the schema and the question as one text; the system message is the Modelfile's."""
    ddl, question = QUESTIONS[0]
    schema = parse_ddl(ddl)
    # without --nowordwrap it breaks lines as in a terminal, with escape sequences, even into a pipe
    command = [server.program, "run", "--nowordwrap", NAME, user_message(render_schema(schema), question)]
    said = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert extract_sql(said.stdout) == extract_sql(answer(llamacpp, messages(schema, question)).text)
