"""What a GGUF file says about its origin: the same facts for the same inputs, no date and no path of this machine."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from ..._version import __version__
from ...core.files import sha256
from ...core.recipe import Export, Recipe
from ...core.render_recipe import render_recipe
from ...core.run import Run
from ...modelfiles.templates import family
from ...models.folder import fingerprint
from ...models.package import PACKAGE, PACKAGE_VERSION
from .probes import probes

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+\Z")
COMMIT = re.compile(r"[0-9a-f]{40}\Z")
CACHED = re.compile(r"/models--([\w.-]+?)--([\w.-]+)/snapshots/[0-9a-f]{40}\Z")  # a folder of the Hub's cache
PACKAGED = {  # organisation and name of a packaged base on the Hub
    f"package:{PACKAGE}": ("HuggingFaceTB", "SmolLM2-135M-Instruct"),
}
SCORES = ("train_loss", "valid_loss", "steps", "rows")

Fact = str | int | float


def provenance(
    recipe: Recipe, *, base: Path, adapter: Path | None = None, run: Run | None = None, merge_base: str = ""
) -> dict[str, Fact]:
    """Return metadata for a GGUF made from `recipe`: standard `general.*` keys, and ours under `sql_llama.*`.

    `base` and `adapter` are the folders that were merged, `merge_base` (base or nf4) names the weights of the base
    that were used. The run adds the hashes of its data and the measurements of its training. The licence is not among
    them: `convert` has an argument for it.
    """
    from huggingface_hub.constants import ENDPOINT

    organization, name = _who(recipe.base.model)
    local = _is_local(recipe.base.model)
    packaged = recipe.base.model.startswith("package:")
    revision = PACKAGE_VERSION if packaged else _commit(base) or recipe.base.revision
    facts: dict[str, Fact] = {
        "general.base_model.count": 1,
        "general.base_model.0.name": name,
        "general.base_model.0.organization": organization,
        "general.base_model.0.version": "" if local else revision,
        "general.base_model.0.repo_url": f"{ENDPOINT}/{organization}/{name}" if organization else "",
        **_datasets(recipe),
        "sql_llama.version": __version__,
        "sql_llama.recipe": recipe.name,
        "sql_llama.recipe.sha256": _recipe_hash(recipe),
        "sql_llama.base": name if local else recipe.base.model,
        "sql_llama.base.revision": "" if local else revision,
        "sql_llama.base.sha256": fingerprint(base),
        "sql_llama.base.license": recipe.base.license,
        "sql_llama.ground": merge_base,
        "sql_llama.family": recipe.base.family,
        "sql_llama.template.sha256": hashlib.sha256(family(recipe.base.family).jinja.encode()).hexdigest(),
        "sql_llama.prompt.sha256": prompt_hash(),
    }
    if adapter is not None:
        facts["sql_llama.adapter.sha256"] = sha256(adapter)
    if run is not None:
        for part in ("train", "valid"):
            path = run.path / "data" / f"{part}.jsonl"
            if path.is_file():
                facts[f"sql_llama.data.{part}.sha256"] = sha256(path)
        stage = run.manifest()["stages"].get("train", {})
        facts |= {f"sql_llama.score.{key}": stage[key] for key in SCORES if isinstance(stage.get(key), int | float)}
    return {key: value for key, value in facts.items() if value != ""}


def prompt_hash() -> str:
    """Return a hash that changes when our prompts do: the system text, the layout of a schema, the hints."""
    texts = [f"{message.role}\n{message.content}" for chat in probes() for message in chat]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def base_on_hub(model: str) -> str:
    """Return the id on the Hub of a recipe's base, as owner/name; "" for a folder that is not in the Hub's cache."""
    organization, name = _who(model)
    cached = CACHED.search(Path(model).as_posix())
    if cached and not organization:
        return f"{cached[1]}/{cached[2]}"
    return f"{organization}/{name}" if organization else ""


def _who(model: str) -> tuple[str, str]:
    """Organisation and name of a recipe's base; of a folder only its name, not its path."""
    if model in PACKAGED:
        return PACKAGED[model]
    if not _is_local(model) and HUB_ID.match(model):
        organization, _, name = model.partition("/")
        return organization, name
    return "", Path(model).name


def _is_local(model: str) -> bool:
    return not model.startswith("package:") and (Path(model).expanduser().exists() or not HUB_ID.match(model))


def _commit(base: Path) -> str:
    """The commit of a snapshot in the Hub's cache, whose folder bears its name."""
    return base.name if COMMIT.match(base.name) else ""


def _datasets(recipe: Recipe) -> dict[str, Fact]:
    names = ["sql-llama synthetic pairs"] if recipe.data.synthetic or recipe.data.spider_synthetic else []
    names += ["Spider"] if recipe.data.spider else []
    names += [Path(path).name for path in recipe.data.jsonl]
    return _numbered(names)


def _numbered(names: Sequence[str]) -> dict[str, Fact]:
    if not names:
        return {}
    return {
        "general.dataset.count": len(names),
        **{f"general.dataset.{number}.name": name for number, name in enumerate(names)},
    }


def _recipe_hash(recipe: Recipe) -> str:
    """A hash of what was trained, without paths, which differ between machines, and without the export's settings."""
    spider, jsonl = Path(recipe.data.spider).name, tuple(Path(path).name for path in recipe.data.jsonl)
    data = recipe.data.model_copy(update={"spider": spider, "jsonl": jsonl})
    model = _who(recipe.base.model)[1] if _is_local(recipe.base.model) else recipe.base.model
    base = recipe.base.model_copy(update={"model": model})
    train = recipe.train.model_copy(update={"start": Path(recipe.train.start).name})
    parts = {"data": data, "base": base, "train": train, "export": Export()}
    text = render_recipe(recipe.model_copy(update=parts))
    return hashlib.sha256(text.encode()).hexdigest()
