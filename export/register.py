"""Hand a GGUF file to a running Ollama server, and ask it how it would render a prompt."""

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import SqlLlamaError
from ..core.files import sha256
from ..core.prompt import SYSTEM_PROMPT
from ..core.records import Message
from ..core.settings import settings
from ..modelfiles.modelfile import parameters
from ..modelfiles.templates import Family

HOW_TO_GET_ONE = (
    "No Ollama server answers: install it from ollama.com, run `ollama serve`, then `sql-llama export` again"
)
PATIENCE = 3.0  # seconds to wait for the server's version


def server_version(host: str = "") -> str | None:
    """Version of the server at `host` (default: settings, OLLAMA_HOST, Ollama's own); None when none answers."""
    import httpx
    from ollama import Client

    try:
        with Client(host or settings().ollama_host or None, timeout=PATIENCE)._client as http:
            answer = http.get("/api/version").json()
    except (httpx.HTTPError, ValueError):
        return None
    return str(answer["version"]) if isinstance(answer, dict) and "version" in answer else None


def register(
    gguf: Path, name: str, chat_family: Family, *, num_ctx: int = 4096, license: str = "", host: str = ""
) -> None:
    """Create the model `name` from a GGUF file, with what the Modelfile says; replaces one of that name.

    Raises SqlLlamaError when the server refuses or goes away.
    """
    import httpx
    from ollama import Client, ResponseError

    client = Client(host or settings().ollama_host or None)
    try:
        digest = f"sha256:{sha256(gguf)}"
        if client._client.head(f"/api/blobs/{digest}").status_code != 200:
            digest = client.create_blob(gguf)
        client.create(
            model=name,
            files={gguf.name: digest},
            template=chat_family.go,
            system=SYSTEM_PROMPT,
            parameters=parameters(chat_family, num_ctx=num_ctx),
            license=license or None,
        )
    except ResponseError as error:
        raise SqlLlamaError(f"{gguf}: Ollama refuses it ({error.error})", fix="sql-llama doctor") from None
    except (httpx.HTTPError, ConnectionError) as error:
        raise SqlLlamaError(
            f"{gguf}: Ollama went away while it was handed over ({error})", fix="ollama serve"
        ) from None
    finally:
        client._client.close()


def rendered_by_ollama(name: str, chats: Sequence[Sequence[Message]], host: str = "") -> list[str]:
    """The prompts that the server would give to the model, not run (`_debug_render_only`, Ollama 0.24 on)."""
    import httpx
    from ollama import Client

    texts = []
    client = Client(host or settings().ollama_host or None)
    try:
        for chat in chats:
            body = {
                "model": name,
                "messages": [{"role": message.role, "content": message.content} for message in chat],
                "stream": False,
                "_debug_render_only": True,
            }
            answer = client._client.post("/api/chat", json=body)
            answer.raise_for_status()
            texts.append(str(answer.json()["_debug_info"]["rendered_template"]))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SqlLlamaError(
            f"{name}: Ollama does not say how it renders a prompt ({error})", fix="use Ollama 0.24 or later"
        ) from None
    finally:
        client._client.close()
    return texts
