"""Hand a GGUF file to a running Ollama server, under a name; rename and remove models of the server."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import SqlLlamaError
from ..core.files import sha256
from ..engines.ollama_http import NoOllama, OllamaError, OllamaRefusal, check, connect, requests
from ..modelfiles.modelfile import parameters
from ..modelfiles.templates import Family, template_with_schema
from ..models.gguf_header import check_gguf
from ..prompts.messages import SYSTEM_PROMPT

HOW_TO_GET_ONE = (
    "No Ollama server answers: install it from ollama.com, run `ollama serve`, then `sql-llama export` again"
)


def register(
    gguf: Path,
    name: str,
    chat_family: Family,
    *,
    num_ctx: int = 4096,
    license: str = "",
    schema: str = "",
    examples: Sequence[tuple[str, str]] = (),
    host: str = "",
) -> None:
    """Create the model `name` from a GGUF file, with what `modelfile` of the same options says; replaces one.

    Raises DataError for a file that is broken, SqlLlamaError when the server refuses it or goes away.
    """
    check_gguf(gguf)  # a hostile header ends the whole server of Ollama 0.24
    turns = [
        {"role": role, "content": text}
        for pair in examples
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    digest = f"sha256:{sha256(gguf)}"
    body = {
        "model": name,
        "stream": False,
        "files": {gguf.name: digest},
        "template": template_with_schema(chat_family, schema) if schema else chat_family.go,
        "system": SYSTEM_PROMPT,
        "parameters": parameters(chat_family, num_ctx=num_ctx),
        **({"license": license} if license else {}),
        **({"messages": turns} if turns else {}),
    }
    try:
        with requests(name, host), connect(host) as client:
            if client.head(f"/api/blobs/{digest}").status_code != 200:
                with gguf.open("rb") as file:
                    check(client.post(f"/api/blobs/{digest}", content=file))
            check(client.post("/api/create", json=body))
    except OllamaRefusal as error:
        raise SqlLlamaError(f"{gguf}: Ollama refuses it ({error.reason})", fix="sql-llama doctor") from None
    except NoOllama as error:
        raise SqlLlamaError(
            f"{gguf}: Ollama stopped answering while the file was sent to it ({error.reason})", fix="ollama serve"
        ) from None


def rename(old: str, new: str, host: str = "") -> None:
    """Give a model of the server another name; one that has that name is replaced.

    Raises SqlLlamaError when the server refuses or goes away.
    """
    try:
        with requests(old, host), connect(host) as client:
            check(client.post("/api/copy", json={"source": old, "destination": new}))
            check(client.request("DELETE", "/api/delete", json={"model": old}))
    except OllamaError as error:
        raise SqlLlamaError(f"{new}: Ollama does not accept this name ({error.reason})", fix="ollama serve") from None


def remove(name: str, host: str = "") -> None:
    """Take a model away from the server; nothing happens where it has none of that name, or where no server answers."""
    with contextlib.suppress(OllamaError), requests(name, host), connect(host) as client:
        check(client.request("DELETE", "/api/delete", json={"model": name}))
