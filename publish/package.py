"""What a run publishes: the files of a repository with their names there, and the model card."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import DataError, NotExported, SqlLlamaError
from ..core.files import sha256
from ..core.run import Run
from ..core.settings import settings
from ..modelfiles.read_modelfile import Modelfile, read_modelfile
from ..modelfiles.templates import family
from .facts import Facts, facts
from .model_card import Kind, model_card

CARD = "README.md"
# Files in which a path of this machine may stand. A tokenizer is never changed: "/root" may be a token of it.
WITH_PATHS = ("certificate.json", "certificate.md", "adapter_config.json", "config.json", "tokenizer_config.json")
TEXT_BYTES = 2**20  # larger files hold weights or a vocabulary
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", "tokenizer*", "*.jinja", "special_tokens_map.json")


@dataclass(frozen=True)
class Item:
    """One file of the repository: its name there, and either the file of this machine or its content."""

    path: str
    source: Path | None = None
    content: bytes = b""

    @property
    def bytes(self) -> int:
        """Return its size."""
        return self.source.stat().st_size if self.source is not None else len(self.content)

    @property
    def sha256(self) -> str:
        """Return its hash."""
        return sha256(self.source) if self.source is not None else hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Package:
    """All that is sent; `notes` are lines for the person who publishes."""

    kind: Kind
    items: tuple[Item, ...]
    card: str
    notes: tuple[str, ...]


def package(run: Run, kind: Kind, repository: str) -> Package:
    """Collect what is published as `repository`: the exported files, the adapter or the merged model, with a card.

    Raises NotExported when the run lacks them, DataError for files that are not as the export wrote them, and for a
    certificate that says that a check failed.
    """
    stages = run.manifest()["stages"]  # raises for what is no run
    try:
        shipped = run.shipped()
    except NotExported:
        if kind != "adapter":
            raise
        shipped = None
    found = facts(run, shipped)
    if kind == "gguf" and shipped is not None:
        items, notes = _gguf(run, stages, shipped, found)
    else:
        items, notes = (_adapter(run, found) if kind == "adapter" else _merged(run, stages)), []
    hidden = _hidden(run, found)
    items = [_without_paths(item, hidden) for item in items]
    card = _replaced(model_card(found, kind, repository, [item.path for item in items]), hidden)
    items = [Item(CARD, content=card.encode()), *items]
    return Package(kind, tuple(items), card, tuple(notes))


def _gguf(run: Run, stages: dict[str, Any], shipped: Path, found: Facts) -> tuple[list[Item], list[str]]:
    """The GGUF files at the top, the one that ships first; what Ollama needs; the certificate."""
    made = {
        run.path / output["path"]: output["sha256"]
        for name, entry in stages.items()
        if name.startswith("quantize ")
        for output in entry["outputs"]
    }
    if shipped.resolve() not in {path.resolve() for path in made}:
        raise NotExported(f"{run.path}: not exported yet", fix=f"sql-llama export {run.path}")
    _check_unchanged(made, run)
    _check_not_stopped(run, stages, shipped)
    files = sorted((path for path in made), key=lambda path: path.resolve() != shipped.resolve())
    page = run.path / "Modelfile"
    asked = read_modelfile(page)
    notes = []
    if asked.messages or asked.template != family(found.family).go:
        notes.append("The Modelfile holds the schema of a database or answered questions: they are published with it.")
    text = page.read_bytes().decode("utf-8").replace(f"FROM {asked.gguf}", f"FROM ./{shipped.name}", 1)
    items = [Item(path.name, path) for path in files]
    items.append(Item("Modelfile", content=text.encode()))
    items += _for_the_hub(asked)
    if found.certificate is None:
        notes.append(f"The file has no certificate. To make one: sql-llama export {run.path}")
    elif not found.certificate.passed:
        failed = ", ".join(check.name for check in found.certificate.checks if check.verdict == "fail")
        raise DataError(
            f"{run.path / 'certificate.json'}: the file failed its checks ({failed})",
            fix=f"sql-llama export {run.path}",
        )
    else:
        items += [Item(name, run.path / name) for name in ("certificate.json", "certificate.md")]
    return items, notes


def _check_not_stopped(run: Run, stages: dict[str, Any], shipped: Path) -> None:
    """Raise DataError for the file of an export that the gate stopped: it is no better than its base."""
    digest, report = sha256(shipped), run.path / "evals" / "report.json"
    if any(stages.get(name, {}).get("inputs", {}).get("gguf") == digest for name in ("gate", "certify")):
        return
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if not json.loads(report.read_text(encoding="utf-8"))["gate"]["passed"]:
            raise DataError(
                f"{shipped}: the gate stopped its export, see {report.with_name('report.html')}",
                fix=f"train longer, or export it anyway: sql-llama export {run.path} --no-gate",
            )


def _for_the_hub(asked: Modelfile) -> list[Item]:
    """The files by which `ollama run hf.co/...` gets template, system prompt and parameters of the Modelfile.

    Names and forms: huggingface.co/docs/hub/ollama.
    """
    parameters: dict[str, Any] = {
        name: list(values) if name == "stop" else _value(values[0]) for name, values in asked.parameters.items()
    }
    texts = {"template": asked.template, "system": asked.system, "params": json.dumps(parameters, indent=2) + "\n"}
    return [Item(name, content=text.encode()) for name, text in texts.items() if text]


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _adapter(run: Run, found: Facts) -> list[Item]:
    """The adapter's folder, whose config names the base as the Hub knows it."""
    config = run.adapter / "adapter_config.json"
    if not config.is_file():
        raise NotExported(f"{run.path}: has no adapter of its own", fix=f"sql-llama train {found.recipe.name}")
    trained = run.manifest()["stages"].get("train", {}).get("outputs", [])
    _check_unchanged({run.path / item["path"]: item["sha256"] for item in trained if item["path"] == "adapter"}, run)
    paths = {path for pattern in ADAPTER_FILES for path in run.adapter.glob(pattern) if path.is_file()}
    items = [Item(path.name, path) for path in sorted(paths) if path != config]
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
        values["base_model_name_or_path"] = found.base_hub or found.base
    except (OSError, ValueError, TypeError):
        raise DataError(f"{config}: broken", fix=f"sql-llama train {found.recipe.name}") from None
    text = json.dumps(values, indent=2, sort_keys=True) + "\n"
    return [Item(config.name, content=text.encode()), *items]


def _merged(run: Run, stages: dict[str, Any]) -> list[Item]:
    folder = run.path / "merged"
    entry = stages.get("merged")
    if entry is None or not folder.is_dir():
        raise NotExported(f"{run.path}: has no merged model", fix=f"sql-llama export {run.path} --merged")
    _check_unchanged({folder: entry["outputs"][0]["sha256"]}, run, " --merged")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    return [Item(path.relative_to(folder).as_posix(), path) for path in paths]


def _check_unchanged(made: dict[Path, str], run: Run, option: str = "") -> None:
    fix = f"sql-llama export {run.path}{option}"
    for path, digest in made.items():
        if not path.exists():
            raise NotExported(f"{path}: is gone", fix=fix)
        if sha256(path) != digest:
            raise DataError(f"{path}: has changed since it was made", fix=f"remove it, then {fix}")


def _hidden(run: Run, found: Facts) -> dict[str, str]:
    """Folders of this machine, the longest first, and what stands for them in a published text."""
    base = Path(found.recipe.base.model).expanduser()
    places: Iterable[Path] = (
        *(path / part for path in (run.path,) for part in ("gguf", "adapter", "merged", "evals", "data")),
        *((base,) if base.is_absolute() else ()),
        run.path,
        settings().cache,
        Path.cwd(),
        Path.home(),
    )
    texts = {str(form) for place in places for form in (place.absolute(), place.resolve()) if len(form.parts) > 1}
    return {text: Path(text).name for text in sorted(texts, key=len, reverse=True)}


def _replaced(text: str, hidden: dict[str, str]) -> str:
    for place, name in hidden.items():
        text = re.sub(rf"{re.escape(place)}(?![\w.-])", name.replace("\\", r"\\"), text)  # not within a longer name
    return text


def _without_paths(item: Item, hidden: dict[str, str]) -> Item:
    """The item, with folders of this machine replaced by their names where its text has them."""
    if item.path not in WITH_PATHS:
        return item
    data = item.source.read_bytes() if item.source is not None else item.content
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode("utf-8")
        changed = _replaced(text, hidden)
        if changed != text:
            return Item(item.path, content=changed.encode())
    return item


def check_no_secret(items: Sequence[Item], secrets: Sequence[str]) -> None:
    """Raise SqlLlamaError when a text that would be sent holds a token; the message does not show it."""
    for item in items:
        if item.bytes > TEXT_BYTES:
            continue
        data = item.source.read_bytes() if item.source is not None else item.content
        if any(secret and secret.encode() in data for secret in secrets):
            raise SqlLlamaError(f"{item.path}: holds your token", fix="take it out of the recipe and the run's files")
