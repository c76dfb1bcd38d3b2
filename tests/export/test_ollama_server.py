"""The exported model in a real Ollama server of each generation: the same prompt, the same SQL, and an end to it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.core.records import Column, Hint, Message, Schema, Table
from sql_llama.engines.engine import answer
from sql_llama.engines.llamacpp import LlamaCpp, load_llamacpp
from sql_llama.modelfiles.templates import family, render_chat
from sql_llama.prompts.messages import SYSTEM_PROMPT, messages, user_message
from sql_llama.prompts.schema_text import render_schema
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.extract import extract_sql

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
SCHOOL = """
CREATE TABLE teachers (id INTEGER PRIMARY KEY, name TEXT, hometown TEXT, age INTEGER);
CREATE TABLE courses (id INTEGER PRIMARY KEY, title TEXT, credits INTEGER,
                      teacher_id INTEGER REFERENCES teachers(id));
"""
FLIGHTS = """
CREATE TABLE airports (code TEXT PRIMARY KEY, city TEXT, country TEXT);
CREATE TABLE flights (number INTEGER PRIMARY KEY, airline TEXT, source TEXT REFERENCES airports(code),
                      destination TEXT REFERENCES airports(code), minutes INTEGER);
"""
LIBRARY = """
CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT, author TEXT, year INTEGER, price REAL);
CREATE TABLE loans (id INTEGER PRIMARY KEY, isbn TEXT REFERENCES books(isbn), member TEXT, lent DATE);
"""
ASKED = {
    SHOP: """
        How many customers are there?
        List the names of all customers in Oslo.
        What is the average price of the products?
        Which product is the most expensive?
        How many customers live in each city?
        Show the names of products that cost more than 100.
        Which customers have never ordered anything?
        What is the total quantity ordered of each product?
        List the cities with more than 3 customers.
        Show name and price of the 5 cheapest products.
    """,
    RACES: """
        How many races were held in 2012?
        List all circuits without repetition.
        Which nationality has the most drivers?
        What is the highest number of points of each driver?
        Show the surnames of drivers who won a race.
        How many points did Hamilton score in total?
        List the surnames of German drivers in alphabetical order.
        In which years were more than 18 races held?
        Who is the youngest driver?
        Show the circuits of races that no one finished first in.
    """,
    SCHOOL: """
        What are the names of all teachers?
        How many teachers are older than 40?
        Show the titles of courses with more than 5 credits.
        What is the average age of the teachers?
        Which teacher is the oldest?
        How many courses does each teacher give?
        List the hometowns of the teachers without repetition.
        Which teachers give no course?
        Show the titles of the courses given by Smith.
        What is the total number of credits?
    """,
    FLIGHTS: """
        How many flights are there?
        Which airlines fly to Paris?
        What is the longest flight in minutes?
        Show the cities of all airports in Norway.
        How many flights leave from each airport?
        Which airport has the most flights?
        List the numbers of flights shorter than 60 minutes.
        What is the average duration of the flights of each airline?
        Which countries have more than 2 airports?
        Show the codes of airports that no flight leaves from.
    """,
    LIBRARY: """
        How many books were written by Austen?
        List the titles of books published before 1950.
        What is the price of the cheapest book?
        Show title and author of every book, newest first.
        Which author has written the most books?
        How often was each book lent?
        Which books were never lent?
        List the members who have borrowed more than 5 books.
        What is the average price of books published in 1999?
        How many different members have borrowed a book?
    """,
}
QUESTIONS = [(ddl, question.strip()) for ddl, asked in ASKED.items() for question in asked.strip().splitlines()]
LONGEST_ANSWER = 96  # tokens
SAME_AT_LEAST = 40  # of 50; 46 were seen in both, and rounding differs from one processor to another
NEAR = 1.0  # logits


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


def test_the_certificate_holds_for_the_server(
    server: "OllamaServer", gguf: Path, real_base: Path, tmp_path: Path
) -> None:
    from sql_llama.export.certificate.certificate import write_certificate
    from sql_llama.export.certificate.certify import certify, certify_ollama
    from sql_llama.export.verify_ollama import verify_ollama

    certificate = certify(gguf, real_base)
    with_server = certify_ollama(certificate, gguf, NAME, server.version, server.host)
    assert {check.name: check.verdict for check in with_server.checks}["ollama"] == "pass"
    assert with_server.passed
    path, _ = write_certificate(certificate, tmp_path)
    verdicts = {check.name: check.verdict for check in verify_ollama(NAME, path, server.host).checks}
    assert verdicts.pop("modelfile") == "skipped"  # there is none beside this certificate
    assert set(verdicts.values()) == {"pass"} and {"tensors", "metadata", "ollama tokens"} <= set(verdicts)


def test_the_ollama_engine_streams_the_answer(server: "OllamaServer") -> None:
    from sql_llama.engines.ollama import OllamaEngine, rendered_prompts, server_version

    assert server_version(server.host) == server.version
    chat = messages(parse_ddl(SHOP), QUESTIONS[0][1])
    assert rendered_prompts(NAME, [chat], server.host) == [render_chat(family("chatml").jinja, chat)]
    engine = OllamaEngine(NAME, server.host)
    try:
        assert answer(engine, chat).text == ask(server, chat)["message"]["content"]  # type: ignore[index]
    finally:
        engine.close()


@pytest.mark.parametrize("token", ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<file_sep>"])
def test_a_control_token_of_a_cell_is_text_to_the_server_too(
    server: "OllamaServer", llamacpp: LlamaCpp, token: str
) -> None:
    """It reads as many tokens as llama.cpp does of the same text, among which the turns end where the template says."""
    table = Table("notes", (Column("role", "text", samples=(token,)),))
    chat = messages(Schema((table,)), f"How many have the role {token}?", hints=[Hint("notes", "role", token)])
    ids = llamacpp.prompt_tokens(chat)
    (control,) = llamacpp.tokenize(token)
    plain = llamacpp.prompt_tokens(messages(Schema(()), "x"))
    assert ids.count(control) == plain.count(control)
    said = ask(server, chat)
    assert said["prompt_eval_count"] == len(ids)


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


@pytest.fixture(scope="module")
def said_by_llamacpp(llamacpp: LlamaCpp) -> list[str]:
    chats = [messages(parse_ddl(ddl), question) for ddl, question in QUESTIONS]
    return [said.text for said in llamacpp.answer_many(chats, max_tokens=LONGEST_ANSWER)]


def test_answers_as_llamacpp_does(server: "OllamaServer", said_by_llamacpp: list[str]) -> None:
    """Greedy both, but each in arithmetic of its own: where two tokens are nearly as likely, rounding may choose.

    So most answers are the same, and one that is not leaves llama.cpp's where both tokens were nearly as likely.
    """
    same = 0
    for (ddl, question), ours in zip(QUESTIONS, said_by_llamacpp, strict=True):
        said = ask(server, messages(parse_ddl(ddl), question), logprobs=True, top_logprobs=5)
        theirs = str(said["message"]["content"])  # type: ignore[index]
        if extract_sql(theirs) == extract_sql(ours):
            same += 1
            continue
        behind = behind_at_the_fork(said["logprobs"], ours)  # type: ignore[arg-type]
        print(f"{question}\n  llama.cpp: {ours}\n  Ollama:    {theirs}\n  {behind:.2f} logits")
        assert behind < NEAR, question
    print(f"{same} of {len(QUESTIONS)} the same")
    assert same >= SAME_AT_LEAST


def behind_at_the_fork(tokens: list[dict[str, Any]], other: str) -> float:
    """How far, in Ollama's own logits, the token of the `other` answer stood behind the one that Ollama took.

    The same text can be written in other tokens, so the answers may part before their texts do: 'H', 'am', 'mer' and
    'Ham', 'ilton' part at 'H'. Every place counts at which another token would have gone on with the other text.
    """
    text, behind = "", 1e9
    for token in tokens:
        left = other[len(text) :]
        for one in token["top_logprobs"]:
            # where the other answer ends, no text tells its token: the end stands among the rivals without one
            goes_on = left.startswith(one["token"]) if one["token"] and left else not left
            if goes_on and one["token"] != token["token"]:
                behind = min(behind, token["logprob"] - one["logprob"])
        if not other.startswith(text + token["token"]):
            return float(behind)
        text += token["token"]
    return 0.0 if text == other else float(behind)


def test_ollama_run_prints_the_same_sql(server: "OllamaServer", llamacpp: LlamaCpp) -> None:
    """As a person types it: the schema and the question as one text; the system message is the Modelfile's."""
    ddl, question = QUESTIONS[0]
    schema = parse_ddl(ddl)
    # without --nowordwrap it breaks lines as in a terminal, with escape sequences, even into a pipe
    command = [server.program, "run", "--nowordwrap", NAME, user_message(render_schema(schema), question)]
    said = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert extract_sql(said.stdout) == extract_sql(answer(llamacpp, messages(schema, question)).text)


def test_generate_is_asked_the_same_as_chat(server: "OllamaServer") -> None:
    ddl, question = QUESTIONS[0]
    chat = messages(parse_ddl(ddl), question)
    asked = {"model": NAME, "prompt": chat[1].content, "stream": False}
    debug = server.post("/api/generate", **asked, _debug_render_only=True)["_debug_info"]
    assert debug["rendered_template"] == rendered(server, chat)  # type: ignore[index]
    said = server.post("/api/generate", **asked, options={"num_predict": LONGEST_ANSWER, "num_thread": 1})
    assert said["response"] == ask(server, chat)["message"]["content"]  # type: ignore[index]


def test_with_its_schema_inside_ollama_run_needs_only_the_question(
    server: "OllamaServer", gguf: Path, said_by_llamacpp: list[str]
) -> None:
    from sql_llama.export.register import register

    ddl, question = QUESTIONS[0]
    schema = render_schema(parse_ddl(ddl))
    register(gguf, f"{NAME}-shop", family("chatml"), num_ctx=2048, schema=schema, host=server.host)
    command = [server.program, "run", "--nowordwrap", f"{NAME}-shop", question]
    said = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert extract_sql(said.stdout) == extract_sql(said_by_llamacpp[0])
