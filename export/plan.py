"""The plan of an export: what is asked for, what it is made from, and who compares the files."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.errors import DataError, RecipeError
from ..core.files import sha256
from ..core.recipe import Recipe
from ..core.run import Run
from ..modelfiles.templates import Family, family
from ..models.folder import fingerprint
from .certificate.reference import Reference
from .convert.adapter_gguf import lora_pairs
from .convert.quantize import check_quant
from .exportable import check_name
from .prompts import check_schema_fits

AUTO = "auto"  # the type that stands for the smallest one that is as good as the largest


@dataclass(frozen=True)
class Options:
    """What one export is asked for beside its recipe.

    `quants` are GGUF types, or "auto" for the smallest that is as good; none means the recipe's. `imatrix` is a file of
    llama.cpp's, used instead of one from the run's own prompts; without `importance` there is none. `overrides` maps
    patterns in tensor names to types. `schema_from` is a database whose schema is written into the Modelfile with
    `examples` answered questions. `llama_cpp` is a checkout whose converter takes bases that ours does not know.
    """

    quants: Sequence[str] = ()
    verify: bool = True
    importance: bool = True
    imatrix: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    merged: bool = False
    adapter_gguf: bool = False
    schema_from: str = ""
    examples: int = 0
    llama_cpp: Path | None = None


class Decision(Protocol):
    """The label of the file that was chosen (evals/pick.py's Picked)."""

    @property
    def label(self) -> str:
        """Return the key of the chosen file among those that were compared."""
        ...


class Judgement(Protocol):
    """The gate's result, in one line for each comparison (evals/gate.py's Verdict)."""

    @property
    def lines(self) -> Sequence[str]:
        """Return what the export prints: a line for each comparison that was made or skipped."""
        ...


@dataclass(frozen=True)
class Judges:
    """Functions that compare files by the answers that they give; None: no comparison.

    They are parts of evals/, which this room cannot import, and are handed down by the command. `gate` looks at the
    file that ships before Ollama gets it, and raises SqlLlamaError to stop it. `merge_base` chooses between files of
    one type over both merge bases; `quant` between types, which it also compares with the merged model; `adapter`
    between files of the adapters of a training's last checkpoints.
    """

    gate: Callable[[Run, Path], Judgement] | None = None
    merge_base: Callable[[Run, Mapping[str, Path]], Decision] | None = None
    quant: Callable[[Run, Mapping[str, Path], Reference], Decision] | None = None
    adapter: Callable[[Run, Mapping[str, Path]], Decision] | None = None


@dataclass(frozen=True)
class Plan:
    """What every stage of one export needs.

    `quants` are the types asked for, the one that ships first. `dtype` is the compute type of the training. `inputs`
    are the hashes and settings that a finished stage is recognised by.
    """

    base: Path
    adapter: Path
    recipe: Recipe
    chat_family: Family
    options: Options
    quants: tuple[str, ...]
    dtype: str
    inputs: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return the name of the model, in file names and in Ollama."""
        return self.recipe.export.name

    @property
    def compares_merge_bases(self) -> bool:
        """Return whether the files over both merge bases have to be compared, to choose one."""
        return self.recipe.export.ground == "auto" and self.recipe.train.quantization != "none"


def plan_export(base: Path, adapter: Path, recipe: Recipe, options: Options, dtype: str) -> Plan:
    """Check what an export is asked for, before its long work.

    Raises RecipeError for an unknown type or a wrong name, and DataError for a file, a database or an adapter that
    cannot be used.
    """
    quants = tuple(dict.fromkeys(options.quants or recipe.export.quants))
    if not quants:
        raise RecipeError("export.quants is empty", fix="give a type with --quant, for example Q4_K_M")
    for quant in quants:
        if quant != AUTO:
            check_quant(quant)
    check_name(recipe.export.name)
    if options.imatrix is not None and not options.imatrix.is_file():
        raise DataError(f"{options.imatrix}: no such file", fix="give an importance matrix in GGUF, or --no-imatrix")
    if options.schema_from:
        check_schema_fits(base, options.schema_from, recipe.export.num_ctx)
    if options.adapter_gguf:
        lora_pairs(base, adapter)  # raises for what a LoRA file cannot hold
    chat_family = family(recipe.base.family)
    own_imatrix = "own" if options.importance else "none"
    inputs = {
        "adapter": sha256(adapter),
        "base": fingerprint(base),
        "template": hashlib.sha256(chat_family.jinja.encode()).hexdigest(),
        "name": recipe.export.name,
        "license": recipe.base.license,
        "imatrix": sha256(options.imatrix) if options.imatrix else own_imatrix,
    }
    if options.overrides:
        inputs["overrides"] = ", ".join(f"{pattern}={kind}" for pattern, kind in options.overrides.items())
    return Plan(base, adapter, recipe, chat_family, options, quants, dtype, inputs)
