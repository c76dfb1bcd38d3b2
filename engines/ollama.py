"""Ask a model in a running Ollama server.

Prompt and answer take the server's way: its template, its stops, the num_ctx of the Modelfile. The server is told to
refuse a prompt that is too long; versions before 0.12 do not know that wish and cut it.
"""

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.records import Answer, Message
from ..core.settings import settings

DEFAULT_CONTEXT = 4096  # tokens, where the Modelfile sets no num_ctx
BYTES_A_TOKEN = 2.2  # of our prompts at worst: 2.8 on average; the client cannot tokenize


def server_version(host: str = "") -> str | None:
    """The version of the Ollama server that answers, or None. An empty host is the one of the settings."""
    import httpx

    with (
        contextlib.suppress(SqlLlamaError, httpx.HTTPError, ValueError, KeyError, TypeError),
        _asking("", host),
        contextlib.closing(_client(host, timeout=2.0)) as client,
    ):
        return str(client._client.get("/api/version").raise_for_status().json()["version"])
    return None


def render(model: str, chat: Sequence[Message], host: str = "") -> str:
    """The prompt's text as the server would give it to the model; nothing is generated. Needs 0.24 or later."""
    body = {**_body(model, chat), "stream": False, "_debug_render_only": True}
    with _asking(model, host), contextlib.closing(_client(host)) as client:
        said = client._client.post("/api/chat", json=body)
        _check(said)
        info = said.json().get("_debug_info")
    if not info:
        raise SqlLlamaError("this Ollama server does not show prompts", fix="install Ollama 0.24 or later")
    return str(info["rendered_template"])


class OllamaEngine:
    """A model of an Ollama server: an engines.engine.Engine."""

    def __init__(self, model: str, host: str = "") -> None:
        """Raises SqlLlamaError when no server answers or it does not have the model."""
        self.name = model
        self.host = host
        self._client = _client(host)
        try:
            with _asking(model, host):
                shown = self._client.show(model)
                self.num_ctx = _context(shown.parameters or "")
        except SqlLlamaError:
            self.close()
            raise

        details = shown.details
        self.facts = {
            "engine": f"Ollama {server_version(host)}",
            "architecture": getattr(details, "family", None),
            "quantization": getattr(details, "quantization_level", None),
            "context": self.num_ctx,
        }
        self.identity = f"{model} {shown.modified_at}"

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Whether the chat and an answer of `max_tokens` fit the context, by a careful estimate."""
        size = sum(len(message.content.encode()) for message in chat)
        return size / BYTES_A_TOKEN + max_tokens <= self.num_ctx

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine."""
        import json

        started = time.monotonic()
        text, tokens, stopped, done = "", 0, True, False
        body = {**_body(self.name, chat), "stream": True, "truncate": False}
        body["options"] = {"temperature": 0, "seed": 0, "num_predict": max_tokens}
        with _asking(self.name, self.host), self._client._client.stream("POST", "/api/chat", json=body) as lines:
            _check(lines)
            for line in lines.iter_lines():
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
            raise SqlLlamaError(f"{self.name}: Ollama broke the answer off", fix="see the server's log")
        return Answer(text, tokens, time.monotonic() - started, stopped)

    def close(self) -> None:
        """Close the connection; the server keeps the model loaded for as long as it likes."""
        self._client.close()


def _client(host: str, timeout: float | None = None) -> Any:
    import ollama

    return ollama.Client(host=host or settings().ollama_host or None, timeout=timeout)


def _body(model: str, chat: Sequence[Message]) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": message.role, "content": message.content} for message in chat]}


def _context(parameters: str) -> int:
    """num_ctx among a Modelfile's parameters, one `name value` a line."""
    for line in parameters.splitlines():
        name, _, value = line.partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value)
    return DEFAULT_CONTEXT


def _check(said: Any) -> None:
    """Raise the server's own words when it refuses a request."""
    import ollama

    if said.status_code >= 400:
        raise ollama.ResponseError(said.read().decode(errors="replace"), said.status_code)


@contextlib.contextmanager
def _asking(model: str, host: str) -> Iterator[None]:
    """Turn what the client raises into one line that says what to do."""
    import httpx
    import ollama

    where = host or settings().ollama_host or "its usual address"
    try:
        yield
    except (ConnectionError, httpx.TransportError) as error:
        raise SqlLlamaError(
            f"no Ollama server answers at {where} ({type(error).__name__})",
            fix="start it with `ollama serve`, or set OLLAMA_HOST",
        ) from None
    except ollama.ResponseError as error:
        if error.status_code == 404:
            raise SqlLlamaError(
                f"{model}: Ollama has no such model", fix="sql-llama export, while the Ollama server runs"
            ) from None
        raise SqlLlamaError(f"{model}: Ollama failed: {error.error}", fix="see the server's log") from None
