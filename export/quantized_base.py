"""What a tuned file is compared with, quantized like it: the untuned base, and the adapter that training started from.

The files are made once and kept in the cache folder, for every run over the same base.
"""

import contextlib
import hashlib
from pathlib import Path

from ..core.errors import DataError
from ..core.files import atomic_folder, remove_leftovers, sha256
from ..core.read_recipe import read_recipe
from ..core.recipe import Recipe
from ..core.run import Run
from ..core.settings import settings
from ..modelfiles.templates import family
from ..models.base import resolve_base
from ..models.folder import fingerprint
from ..models.gguf_header import check_gguf, file_type_name
from .certificate.probes import answered_probes
from .convert.convert import convert_all
from .convert.importance import importance
from .merge.adapter_bin import in_safetensors
from .merge.merge import MergeBase, merge, tokenizer_of

FLOATS = ("F16", "F32", "BF16")  # nothing to quantize: the file to compare with is float16
# llama.cpp refuses to round a layer's matrices to these types without an importance matrix
NEED_IMATRIX = ("IQ1_M", "IQ1_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ3_XS", "IQ3_XXS", "Q2_K_S")


def quantized_base(run_or_model: Path) -> Path:
    """Return the base of a run, or of a GGUF file in a run, quantized like the tuned file.

    Raises DataError when the file is in no run, so that its base is not known, and whatever making the file raises.
    """
    run = run_of(run_or_model)
    tuned = run_or_model if run_or_model.is_file() else run.shipped()
    return _quantized(_recipe(run), quant_of(tuned), "base")


def quantized_start(gguf: Path, start: Path) -> Path:
    """Return the adapter `start` merged and quantized like `gguf`, a file of a run that was trained from it.

    Raises DataError when the adapter is gone or has changed since the training, and whatever making the file raises.
    """
    run = run_of(gguf)
    if not (start / "adapter_config.json").is_file():
        raise DataError(f"{start}: gone since the training", fix="put it back")
    if sha256(start) != run.manifest()["stages"].get("train", {}).get("inputs", {}).get("start"):
        raise DataError(f"{start}: has changed since the training", fix="put the old one back")
    merge_base, dtype = _merge_base_of(run, gguf)
    return _quantized(_recipe(run), quant_of(gguf), merge_base, dtype, start)


def lora_base(run: Run, merge_base: MergeBase, quant: str = "F16") -> Path:
    """Return the file that the run's LoRA GGUF is to be loaded over.

    After QLoRA that is the base rounded to NF4 and back: over the plain base the LoRA gives other answers.
    """
    dtype = run.manifest()["stages"].get("train", {}).get("dtype", "bfloat16")
    return _quantized(_recipe(run), quant, merge_base, dtype)


def _quantized(
    recipe: Recipe, quant: str, merge_base: MergeBase, dtype: str = "bfloat16", start: Path | None = None
) -> Path:
    """A GGUF file of the base, with `start` merged into it where one is given, from the cache or made now."""
    base = resolve_base(recipe.base.model, recipe.base.revision)
    name = "start" if start else _base_name(recipe, base)
    # the name says nf4 only where two files may lie under one name
    file_name = f"{name}-{merge_base}-{quant}.gguf" if start or merge_base == "nf4" else f"{name}-{quant}.gguf"
    adapter_hash = sha256(start) if start else ""
    facts = (fingerprint(base), adapter_hash, merge_base, dtype if merge_base == "nf4" else "", recipe.base.family)
    folder = settings().cache / "twins" / hashlib.sha256(" ".join((*facts, file_name)).encode()).hexdigest()[:12]
    path = folder / file_name
    if not path.is_file():
        imatrix_model = _quantized(recipe, "Q8_0", merge_base, dtype, start) if quant in NEED_IMATRIX else None
        remove_leftovers(folder.parent, ".*.*")  # of atomic_folder; each is as large as a model
        with (
            in_safetensors(start) if start else contextlib.nullcontext() as adapter,
            atomic_folder(folder) as temporary,
        ):
            # of our own questions: the file serves every run over this base
            imatrix = imatrix_model and importance(imatrix_model, answered_probes(), temporary / "imatrix.gguf")
            convert_all(
                base,
                {"F16" if quant in FLOATS else quant: temporary / file_name},
                family(recipe.base.family),
                merge(base, adapter, merge_base=merge_base, dtype=dtype),
                name=name,
                imatrix=imatrix,
                tokenizer=tokenizer_of(base, adapter),
            )
    return path


def _base_name(recipe: Recipe, base: Path) -> str:
    """The name of a base without its owner: of the folder, or of the model on the Hub, whose folder is a commit."""
    local = recipe.base.model.startswith("package:") or Path(recipe.base.model).expanduser().is_dir()
    return base.name if local else recipe.base.model.rpartition("/")[2]


def _recipe(run: Run) -> Recipe:
    return read_recipe(str(run.recipe_path))[0]


def run_of(run_or_model: Path) -> Run:
    """Return the run that a path is, or that a GGUF file is part of; raises DataError when there is none."""
    folder = run_or_model.absolute()
    if not folder.is_dir():
        folder = folder.parent.parent
    run = Run(folder)
    if not (run.manifest_path.is_file() and run.recipe_path.is_file()):  # other programs have a manifest.json too
        raise DataError(
            f"{run_or_model}: not in a run directory, so its base is not known",
            fix="give the base's GGUF file with --base, or --no-base",
        )
    return run


def quant_of(path: Path) -> str:
    """Return llama.cpp's name of a file's type, such as Q4_K_M; raises DataError when the file does not state it."""
    metadata = check_gguf(path)
    quant = file_type_name(metadata)
    if "general.file_type" not in metadata or not quant:
        raise DataError(f"{path}: does not state how it is quantized", fix="give the base's GGUF file with --base")
    return quant


def _merge_base_of(run: Run, gguf: Path) -> tuple[MergeBase, str]:
    """What a file of the run was merged into, and the compute type of that."""
    name = gguf.absolute().relative_to(run.path.absolute()).as_posix()
    stages = run.manifest()["stages"].values()
    stated = [
        entry["inputs"]["ground"]
        for entry in stages
        if "ground" in entry["inputs"] and name in (output["path"] for output in entry["outputs"])
    ]
    merge_base, _, dtype = (stated[-1] if stated else "base").partition(" ")
    return ("nf4" if merge_base == "nf4" else "base"), dtype or "bfloat16"
