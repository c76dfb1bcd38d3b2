"""Hand a GGUF file to a running Ollama server, and ask it how it would render a prompt."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.files import sha256
from ..core.records import Message
from ..core.settings import settings
from ..modelfiles.modelfile import parameters
from ..modelfiles.templates import Family, template_with_schema
from ..models.gguf_header import check_gguf
from ..prompts.messages import SYSTEM_PROMPT

HOW_TO_GET_ONE = (
    "No Ollama server answers: install it from ollama.com, run `ollama serve`, then `sql-llama export` again"
)
LONGEST_ANSWER = 600.0  # seconds to wait for one answer, which may have to load a large model first


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
    import httpx
    from ollama import Client, ResponseError

    check_gguf(gguf)  # a hostile header ends the whole server of Ollama 0.24
    turns = [
        {"role": role, "content": text}
        for pair in examples
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    client = Client(host or settings().ollama_host or None)
    try:
        digest = f"sha256:{sha256(gguf)}"
        if client._client.head(f"/api/blobs/{digest}").status_code != 200:
            digest = client.create_blob(gguf)
        client.create(
            model=name,
            files={gguf.name: digest},
            template=template_with_schema(chat_family, schema) if schema else chat_family.go,
            system=SYSTEM_PROMPT,
            parameters=parameters(chat_family, num_ctx=num_ctx),
            license=license or None,
            messages=turns or None,
        )
    except ResponseError as error:
        raise SqlLlamaError(f"{gguf}: Ollama refuses it ({error.error})", fix="sql-llama doctor") from None
    except (httpx.HTTPError, ConnectionError) as error:
        raise SqlLlamaError(
            f"{gguf}: Ollama went away while it was handed over ({error})", fix="ollama serve"
        ) from None
    finally:
        client._client.close()


def rename(old: str, new: str, host: str = "") -> None:
    """Give a model of the server another name; one that has that name is replaced."""
    import httpx
    from ollama import Client, ResponseError

    client = Client(host or settings().ollama_host or None)
    try:
        client.copy(old, new)
        client.delete(old)
    except (ResponseError, httpx.HTTPError, ConnectionError) as error:
        raise SqlLlamaError(f"{new}: Ollama cannot name it so ({error})", fix="ollama serve") from None
    finally:
        client._client.close()


def remove(name: str, host: str = "") -> None:
    """Take a model away from the server; nothing happens where there is none, or no server any more."""
    import httpx
    from ollama import Client, ResponseError

    client = Client(host or settings().ollama_host or None)
    try:
        with contextlib.suppress(ResponseError, httpx.HTTPError, ConnectionError):
            client.delete(name)
    finally:
        client._client.close()


def rendered_by_ollama(name: str, chats: Sequence[Sequence[Message]], host: str = "") -> list[str]:
    """The prompts that the server would give to the model, not run (`_debug_render_only`, Ollama 0.24 on)."""
    answers = _ask(name, chats, host, {"_debug_render_only": True})
    try:
        return [str(answer["_debug_info"]["rendered_template"]) for answer in answers]
    except (KeyError, TypeError):
        raise SqlLlamaError(
            f"{name}: Ollama does not say how it renders a prompt", fix="use Ollama 0.24 or later"
        ) from None


def counted_by_ollama(name: str, chats: Sequence[Sequence[Message]], host: str = "") -> list[int]:
    """How many tokens the server gave to the model for each chat, BOS and all; it runs the model for one token each."""
    answers = _ask(name, chats, host, {"options": {"num_predict": 1}})
    return [int(answer.get("prompt_eval_count") or 0) for answer in answers]


def _ask(name: str, chats: Sequence[Sequence[Message]], host: str, more: Mapping[str, Any]) -> list[dict[str, Any]]:
    import httpx
    from ollama import Client

    answers = []
    client = Client(host or settings().ollama_host or None, timeout=LONGEST_ANSWER)
    try:
        for chat in chats:
            said = [{"role": message.role, "content": message.content} for message in chat]
            answer = client._client.post("/api/chat", json={"model": name, "messages": said, "stream": False, **more})
            if answer.status_code != 200:
                raise SqlLlamaError(
                    f"{name}: Ollama does not answer ({answer.text.strip()[:200]})", fix="sql-llama doctor"
                )
            answers.append(answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise SqlLlamaError(f"{name}: Ollama went away while it was asked ({error})", fix="ollama serve") from None
    finally:
        client._client.close()
    return answers
