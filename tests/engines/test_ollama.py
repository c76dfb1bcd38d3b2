"""Ollama behind the engine's protocol: a real server of each generation, and what is said when there is none."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.core.settings import settings
from sql_llama.engines.engine import answer
from sql_llama.engines.ollama import OllamaEngine, rendered_prompts, server_version
from sql_llama.modelfiles.templates import family, render_chat

if TYPE_CHECKING:
    from conftest import OllamaServer

CHAT = [Message("system", "Be brief."), Message("user", "How many singers?")]


def test_no_server_is_none_and_an_error_with_its_fix() -> None:
    assert server_version() is None
    assert server_version("127.0.0.1:1") is None
    with pytest.raises(SqlLlamaError, match="no Ollama server answers") as caught:
        OllamaEngine("sql-llama")
    assert "ollama serve" in caught.value.fix
    with pytest.raises(SqlLlamaError, match=r"no Ollama server answers at 127\.0\.0\.1:1"):
        rendered_prompts("sql-llama", [CHAT], "127.0.0.1:1")


@pytest.fixture(scope="module")
def host(
    ollama_server: "OllamaServer", tiny_stopping_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server that knows `says_s`, a model that says S and never stops, and `stops`, one that says nothing."""
    from safetensors.torch import load_file, save_file
    from sql_llama.export.convert.convert import convert
    from sql_llama.export.register import register
    from tokenizers import Tokenizer

    folder = tmp_path_factory.mktemp("gguf")
    shutil.copytree(tiny_stopping_base, folder / "says_s")
    weights = load_file(folder / "says_s" / "model.safetensors")
    weights["lm_head.weight"].zero_()
    weights["lm_head.weight"][Tokenizer.from_file(str(tiny_stopping_base / "tokenizer.json")).token_to_id("S"), 0] = 1
    save_file(weights, folder / "says_s" / "model.safetensors", {"format": "pt"})
    for name, base in (("says_s", folder / "says_s"), ("stops", tiny_stopping_base)):
        path = convert(base, folder / f"{name}.gguf", family("chatml"))
        register(path, name, family("chatml"), num_ctx=512, host=ollama_server.host)
    yield ollama_server.host


@pytest.mark.ollama
def test_the_server_says_its_version(host: str, ollama_server: "OllamaServer") -> None:
    assert server_version(host) == ollama_server.version


@pytest.mark.ollama
def test_the_address_may_come_from_the_settings(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQL_LLAMA_OLLAMA_HOST", host)
    settings.cache_clear()
    assert server_version() is not None


@pytest.mark.ollama
def test_the_prompt_is_the_templates(host: str) -> None:
    assert rendered_prompts("says_s", [CHAT], host) == [render_chat(family("chatml").jinja, CHAT)]


@pytest.mark.ollama
def test_an_answer_streams_stops_at_the_limit_and_repeats(host: str) -> None:
    engine = OllamaEngine("says_s", host)
    stream = engine.stream(CHAT, max_tokens=12)
    pieces = []
    with pytest.raises(StopIteration) as end:
        while True:
            pieces.append(next(stream))
    said = end.value.value
    assert "".join(pieces) == said.text == "S" * 12 and said.tokens == 12 and not said.stopped
    assert len(pieces) > 1
    assert answer(engine, CHAT, max_tokens=12).text == said.text
    engine.close()


@pytest.mark.ollama
def test_an_answer_ends_at_the_end_of_turn(host: str) -> None:
    engine = OllamaEngine("stops", host)
    said = answer(engine, CHAT)
    assert said.text == "" and said.stopped
    engine.close()


@pytest.mark.ollama
def test_an_answer_can_be_left_in_the_middle(host: str) -> None:
    engine = OllamaEngine("says_s", host)
    stream = engine.stream(CHAT, max_tokens=400)
    next(stream)
    stream.close()
    assert answer(engine, CHAT, max_tokens=3).tokens == 3
    engine.close()


@pytest.mark.ollama
def test_a_prompt_longer_than_num_ctx_is_refused_not_cut(host: str) -> None:
    engine = OllamaEngine("says_s", host)
    long = [Message("user", "singer " * 800)]
    assert engine.num_ctx == 512 and not engine.fits(long) and engine.fits(CHAT)
    with pytest.raises(SqlLlamaError, match="Ollama failed"):
        answer(engine, long)
    engine.close()


@pytest.mark.ollama
def test_a_model_that_the_server_does_not_have(host: str) -> None:
    with pytest.raises(SqlLlamaError, match="no-such: Ollama has no such model") as caught:
        OllamaEngine("no-such", host)
    assert "sql-llama export" in caught.value.fix
    with pytest.raises(SqlLlamaError, match="no such model"):
        rendered_prompts("no-such", [CHAT], host)
