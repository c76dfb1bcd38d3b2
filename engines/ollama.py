"""Ask a model in a running Ollama server.

The server makes the prompt and the answer in its own way: with its template, its stops, the num_ctx of the Modelfile.
It is asked to refuse a prompt that is too long; versions before 0.12 do not know that option and cut the prompt.
"""

import contextlib
import json
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.records import Answer, Message
from .ollama_http import check, connect, requests

DEFAULT_CONTEXT = 4096  # tokens, where the Modelfile sets no num_ctx
BYTES_A_TOKEN = 2.2  # of our prompts at worst, 2.8 on average; the server offers no tokenizer
LONGEST_ANSWER = 600.0  # seconds to wait for one answer, which may have to load a large model first


def server_version(host: str = "") -> str | None:
    """Return the version of the Ollama server, None when none answers. An empty host is the one of the settings."""
    import httpx

    with (
        contextlib.suppress(SqlLlamaError, httpx.HTTPError, ValueError, KeyError, TypeError),
        requests("", host),
        connect(host, timeout=2.0) as client,
    ):
        return str(check(client.get("/api/version")).json()["version"])
    return None


def rendered_prompts(model: str, chats: Sequence[Sequence[Message]], host: str = "") -> list[str]:
    """Return the text of the prompts that the server would give to the model; nothing is generated.

    Raises SqlLlamaError when the server does not show prompts: `_debug_render_only` is there from Ollama 0.24 on.
    """
    answers = _ask(model, chats, host, {"_debug_render_only": True})
    try:
        return [str(answer["_debug_info"]["rendered_template"]) for answer in answers]
    except (KeyError, TypeError):
        raise SqlLlamaError(
            f"{model}: this Ollama server does not show prompts", fix="install Ollama 0.24 or later"
        ) from None


def prompt_token_counts(model: str, chats: Sequence[Sequence[Message]], host: str = "") -> list[int]:
    """Return how many tokens the server gives to the model for each chat, BOS included.

    It runs the model for one token each. Raises SqlLlamaError when the server refuses or goes away.
    """
    answers = _ask(model, chats, host, {"options": {"num_predict": 1}})
    return [int(answer.get("prompt_eval_count") or 0) for answer in answers]


def _ask(model: str, chats: Sequence[Sequence[Message]], host: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The server's whole answer to each chat, as JSON."""
    with requests(model, host), connect(host, timeout=LONGEST_ANSWER) as client:
        bodies = ({**_body(model, chat), "stream": False, **options} for chat in chats)
        return [check(client.post("/api/chat", json=body)).json() for body in bodies]


class OllamaEngine:
    """A model of an Ollama server: an engines.engine.Engine."""

    def __init__(self, model: str, host: str = "") -> None:
        """Raises SqlLlamaError when no server answers or it does not have the model."""
        self.name = model
        self.host = host
        self._client = connect(host)
        try:
            with requests(model, host):
                card = check(self._client.post("/api/show", json={"model": model})).json()
        except SqlLlamaError:
            self.close()
            raise
        self.num_ctx = _context(card.get("parameters") or "")
        details = card.get("details") or {}
        self.facts = {
            "engine": f"Ollama {server_version(host)}",
            "architecture": details.get("family"),
            "quantization": details.get("quantization_level"),
            "context": self.num_ctx,
        }
        self.identity = f"{model} {card.get('modified_at')}"

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Tell whether the chat and an answer of `max_tokens` fit the context, by a careful estimate."""
        size = sum(len(message.content.encode()) for message in chat)
        return size / BYTES_A_TOKEN + max_tokens <= self.num_ctx

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine."""
        started = time.monotonic()
        text, tokens, stopped, done = "", 0, True, False
        body = {**_body(self.name, chat), "stream": True, "truncate": False}
        body["options"] = {"temperature": 0, "seed": 0, "num_predict": max_tokens}
        with requests(self.name, self.host), self._client.stream("POST", "/api/chat", json=body) as response:
            for line in check(response).iter_lines():
                part: dict[str, Any] = json.loads(line)
                if "error" in part:
                    raise SqlLlamaError(f"{self.name}: Ollama failed: {part['error']}", fix="ask about fewer tables")
                piece = part.get("message", {}).get("content", "")
                text += piece
                if piece:
                    yield piece
                if part.get("done"):
                    done = True
                    tokens = part.get("eval_count", 0)
                    stopped = part.get("done_reason") != "length"
        if not done:  # 0.32 does this when a model writes bytes that are no text
            raise SqlLlamaError(f"{self.name}: Ollama stopped before the end of the answer", fix="see the server's log")
        return Answer(text, tokens, time.monotonic() - started, stopped)

    def close(self) -> None:
        """Close the connection; the server keeps the model loaded for as long as it likes."""
        self._client.close()


def _body(model: str, chat: Sequence[Message]) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": message.role, "content": message.content} for message in chat]}


def _context(parameters: str) -> int:
    """num_ctx among a Modelfile's parameters, one `name value` a line."""
    for line in parameters.splitlines():
        name, _, value = line.partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value)
    return DEFAULT_CONTEXT
