"""What an Ollama server has under a name: its file on this machine, its template, system prompt and parameters."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.ollama_http import check, connect, requests
from ..modelfiles.read_modelfile import INSTRUCTION

BLOB = re.compile(r"sha256[-:]([0-9a-f]{64})")


@dataclass(frozen=True)
class Served:
    """A model of the server; `digest` is the sha256 that the server gives for its file, "" where it names none.

    `file` is that file, None where it cannot be read from here. `parameters` lead from a name to one value or more.
    `more` are further files that the server adds to the model, such as an adapter.
    """

    digest: str
    file: Path | None
    template: str
    system: str
    parameters: Mapping[str, tuple[str, ...]]
    messages: tuple[tuple[str, str], ...]
    more: tuple[str, ...]


def served(model: str, host: str = "") -> Served:
    """Ask the server for a model. Raises NoOllama when none answers, OllamaRefusal when it has no such model."""
    with requests(model, host), connect(host, timeout=60.0) as client:
        card: dict[str, Any] = check(client.post("/api/show", json={"model": model})).json()
    files = [found for found in INSTRUCTION.finditer(str(card.get("modelfile", ""))) if found[1] in ("FROM", "ADAPTER")]
    place = (files[0][3] or "").strip() if files else ""
    found = BLOB.search(place)
    digest = found[1] if found else ""
    return Served(
        digest,
        _file(place, digest),
        str(card.get("template") or ""),
        str(card.get("system") or ""),
        _parameters(str(card.get("parameters") or "")),
        tuple((str(item["role"]), str(item["content"])) for item in card.get("messages") or ()),
        tuple(f"{found[1]} {found[3]}" for found in files[1:]),
    )


def _file(place: str, digest: str) -> Path | None:
    """The server's file: where it says, else in the models folder of this machine's environment."""
    models = os.environ.get("OLLAMA_MODELS", "")
    folders = [Path(models)] if models else [Path.home() / ".ollama" / "models"]
    candidates = [Path(place), *(folder / "blobs" / f"sha256-{digest}" for folder in folders)] if digest else []
    return next((path for path in candidates if path.is_file() and os.access(path, os.R_OK)), None)


def _parameters(text: str) -> dict[str, tuple[str, ...]]:
    """Parameters as the server lists them, one `name value` a line, texts in quotes."""
    parameters: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        parameters[name] = (*parameters.get(name, ()), value)
    return parameters
