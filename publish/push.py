"""Publish a run: what it would send, or send it to the Hugging Face Hub and to an Ollama registry."""

import os
import re
from dataclasses import dataclass
from typing import Any

from ..core.errors import RecipeError
from ..core.read_recipe import read_recipe
from ..core.run import Run
from .hub import Sent, send
from .model_card import Kind
from .package import Item, Package, package
from .registry import check_target, push_to_registry

SUFFIXES: dict[Kind, str] = {"gguf": "-GGUF", "adapter": "-adapter", "merged": ""}
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
ANYONE = "OWNER"  # in a dry run of somebody who gave no name


@dataclass(frozen=True)
class Pushed:
    """What was sent or, after a dry run, would be. `package` is None where only Ollama pushes."""

    repository: str
    private: bool
    package: Package | None
    ollama_from: str = ""
    ollama_to: str = ""
    sent: Sent | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what --json prints."""
        items: tuple[Item, ...] = self.package.items if self.package else ()
        return {
            "repository": self.repository or None,
            "kind": self.package.kind if self.package else None,
            "private": self.private,
            "files": [{"path": item.path, "bytes": item.bytes, "sha256": item.sha256} for item in items],
            "card": self.package.card if self.package else None,
            "notes": list(self.package.notes) if self.package else [],
            "ollama": {"from": self.ollama_from, "to": self.ollama_to} if self.ollama_to else None,
            "sent": vars(self.sent) if self.sent else None,
        }


def push(
    run: Run, kind: Kind = "gguf", *, to: str = "", ollama: str = "", private: bool = False, dry_run: bool = False
) -> Pushed:
    """Publish a run's files as the repository `to` (by default HF_USERNAME and the name of the model) on the Hub.

    With `ollama`, the running Ollama server pushes the model to that name; the Hub is then left out unless `to` is
    given. A dry run needs no network and no token. Raises NotExported and DataError for a run that cannot be published,
    RecipeError for a name that is none, SqlLlamaError where the Hub or the server refuses.
    """
    run.manifest()  # raises for what is no run
    recipe, _ = read_recipe(str(run.recipe_path))
    name = recipe.export.name
    if ollama:
        check_target(ollama)
    wanted = bool(to) or not ollama
    repository = _repository(to, name + SUFFIXES[kind], dry_run) if wanted else ""
    collected = package(run, kind, repository) if wanted else None
    pushed = Pushed(repository, private, collected, name if ollama else "", ollama)
    if dry_run:
        return pushed
    sent = send(collected, repository, private=private) if collected is not None else None
    if ollama:
        push_to_registry(run, name, ollama)
    return Pushed(repository, private, collected, pushed.ollama_from, ollama, sent)


def _repository(to: str, name: str, dry_run: bool) -> str:
    """The repository's full name."""
    owner = os.environ.get("HF_USERNAME", "")
    if not to and not owner and not dry_run:
        raise RecipeError("the repository has no owner", fix="give OWNER/NAME with --to, or set HF_USERNAME")
    repository = to or f"{owner or ANYONE}/{name}"
    if not REPOSITORY.fullmatch(repository):
        raise RecipeError(f"{to or name}: not a name of a repository", fix="give OWNER/NAME with --to")
    return repository
