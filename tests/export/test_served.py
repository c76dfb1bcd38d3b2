"""What a real server of each generation has under a name, and where its file is."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.engines.ollama_http import NoOllama, OllamaRefusal
from sql_llama.export.certificate.contents import contents
from sql_llama.export.convert.convert import convert
from sql_llama.export.register import register
from sql_llama.export.served import served
from sql_llama.modelfiles.modelfile import parameters
from sql_llama.modelfiles.templates import family
from sql_llama.prompts.messages import SYSTEM_PROMPT

if TYPE_CHECKING:
    from conftest import OllamaServer

pytestmark = pytest.mark.ollama
CHATML = family("chatml")


def test_the_file_holds_what_was_handed_over_whether_or_not_the_server_wrote_it_anew(
    ollama_server: "OllamaServer", tiny_stopping_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = convert(tiny_stopping_base, tmp_path / "tiny.gguf", CHATML)
    examples = [("How many?", "SELECT 1")]
    register(path, "shown", CHATML, num_ctx=2048, license="x", examples=examples, host=ollama_server.host)
    has = served("shown", ollama_server.host)
    assert (has.template, has.system) == (CHATML.go, SYSTEM_PROMPT)
    assert has.messages == (("user", "How many?"), ("assistant", "SELECT 1"))
    asked = {
        name: tuple(value) if isinstance(value, list) else (str(value),)
        for name, value in parameters(CHATML, num_ctx=2048).items()
    }
    assert {name: sorted(values) for name, values in has.parameters.items()} == {
        name: sorted(values) for name, values in asked.items()
    }
    assert has.file is not None and has.file.name == f"sha256-{has.digest}"
    assert contents(has.file) == contents(path)
    same_bytes = has.file.read_bytes() == path.read_bytes()
    assert same_bytes == ollama_server.version.startswith("0.24")


def test_a_model_or_a_server_that_is_not_there_is_one_line(ollama_server: "OllamaServer") -> None:
    with pytest.raises(OllamaRefusal, match="nothing-here: Ollama has no such model"):
        served("nothing-here", ollama_server.host)
    with pytest.raises(NoOllama, match="no Ollama server answers"):
        served("tiny", "127.0.0.1:1")
