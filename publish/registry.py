"""Push a run's model from the running Ollama server to a registry: ollama.com, or one of your own."""

import json
import re
from typing import Any

from ..core.errors import DataError, RecipeError, SqlLlamaError
from ..core.progress import say
from ..core.run import Run
from ..engines.ollama_http import OllamaRefusal, check, connect, requests
from ..export.verify_ollama import compare_served

# [http://HOST[:PORT]/]NAMESPACE/NAME[:TAG]
TARGET = re.compile(r"(?P<http>http://)?(?P<name>([\w.-]+(:\d+)?/)?[\w.-]+/[\w.-]+(:[\w.-]+)?)\Z")
KEY = "add the public key of this Ollama server (~/.ollama/id_ed25519.pub) to your account on ollama.com"


def check_target(target: str) -> None:
    """Raise RecipeError for a text that is no name in a registry."""
    if not TARGET.match(target):
        raise RecipeError(f"{target}: not a name in an Ollama registry", fix="give NAMESPACE/NAME with --ollama")


def push_to_registry(run: Run, model: str, target: str, host: str = "") -> None:
    """Give the server's `model` the name `target` there, and let the server push it.

    A `target` that begins with http:// is in a registry of your own without TLS. Nothing is pushed unless the server's
    file, template and parameters are those of the run's certificate. Raises SqlLlamaError when no server answers, it
    does not have the model, has another one under that name, or the registry refuses.
    """
    check_target(target)
    found = TARGET.match(target)
    assert found is not None
    name = found["name"]
    failed = [item.said for item in compare_served(run, model, host) if item.verdict == "fail"]
    if failed:
        raise DataError(
            f"ollama:{model}: is not what {run.path} exported ({failed[0]})",
            fix=f"sql-llama export {run.path}, while the Ollama server runs",
        )
    with requests(model, host), connect(host, timeout=None) as client:
        if name != model:
            check(client.post("/api/copy", json={"source": model, "destination": name}))
        body = {"model": name, "insecure": found["http"] is not None, "stream": True}
        with client.stream("POST", "/api/push", json=body) as response:
            _follow(check(response).iter_lines(), name)


def _follow(lines: Any, name: str) -> None:
    """Read the server's lines to the last one; raises SqlLlamaError when it is not `success`."""
    last = ""
    for line in lines:
        part: dict[str, Any] = json.loads(line)
        if "error" in part:
            reason = " ".join(str(part["error"]).split())
            raise OllamaRefusal(f"{name}: the registry did not take it ({reason})", fix=KEY, reason=reason)
        if part.get("status") != last:
            last = str(part.get("status"))
            say(last)
    if last != "success":
        raise SqlLlamaError(f"{name}: Ollama stopped before the end of the push", fix="push again: it goes on")
