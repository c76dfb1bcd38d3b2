"""Requests to an Ollama server over plain HTTP, and what goes wrong with them as one line that says what to do."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..core.errors import SqlLlamaError
from ..core.settings import settings

if TYPE_CHECKING:
    import httpx

PORTS = {"": 11434, "http": 80, "https": 443}  # by the scheme that an address is given with, as Ollama's own client


class OllamaError(SqlLlamaError):
    """A request that failed; `reason` is the server's own text, or the kind of the failed connection."""

    def __init__(self, message: str, *, fix: str, reason: str) -> None:
        super().__init__(message, fix=fix)
        self.reason = reason


class NoOllama(OllamaError):
    """No Ollama server answers at the address, or it went away."""


class OllamaRefusal(OllamaError):
    """The server answered a request with an error."""


def server_url(host: str = "") -> str:
    """Return the address of the Ollama server; an empty `host` is the one of the settings, then OLLAMA_HOST.

    Raises SqlLlamaError for a text that is no address.

    >>> server_url("box"), server_url("box:80/"), server_url("https://box/ollama/"), server_url("[::1]")
    ('http://box:11434', 'http://box:80', 'https://box:443/ollama', 'http://[::1]:11434')
    """
    given = host or settings().ollama_host or os.environ.get("OLLAMA_HOST", "")
    scheme, _, rest = given.strip().rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port or PORTS[scheme]
    except (ValueError, KeyError):
        raise SqlLlamaError(
            f"{given}: not the address of an Ollama server", fix="set OLLAMA_HOST, for example to 127.0.0.1:11434"
        ) from None
    name = parts.hostname or "127.0.0.1"
    return f"{scheme or 'http'}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}"


def connect(host: str = "", timeout: float | None = None) -> "httpx.Client":
    """Return a client for the server, to be closed by the caller; no request is made yet. `timeout` is in seconds."""
    import httpx

    key = os.environ.get("OLLAMA_API_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=server_url(host), timeout=timeout, follow_redirects=True, headers=headers)


@contextlib.contextmanager
def requests(model: str, host: str = "") -> Iterator[None]:
    """Turn what goes wrong with requests about a model into NoOllama or OllamaRefusal; `check` belongs inside."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        where = host or settings().ollama_host or "its usual address"
        raise NoOllama(
            f"no Ollama server answers at {where} ({type(error).__name__})",
            fix="start it with `ollama serve`, or set OLLAMA_HOST",
            reason=type(error).__name__,
        ) from None
    except httpx.HTTPStatusError as error:
        reason = _reason(error.response)
        if error.response.status_code == 404:
            message, fix = f"{model}: Ollama has no such model", "sql-llama export, while the Ollama server runs"
        else:
            message, fix = f"{model}: Ollama failed: {reason}", "see the server's log"
        raise OllamaRefusal(message, fix=fix, reason=reason) from None


def check(response: "httpx.Response") -> "httpx.Response":
    """Return a response, the body of a refusal read; raises httpx.HTTPStatusError when the server refused."""
    if response.is_error:
        response.read()
    return response.raise_for_status()


def _reason(response: "httpx.Response") -> str:
    """The text of a refusal: the `error` of its JSON, else its beginning."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(response.json()["error"])
    return response.text.strip()[:200] or f"status {response.status_code}"
