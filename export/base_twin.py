"""The untuned base as a GGUF of the tuned file's own type: what a tuned model has to be compared with."""

import hashlib
from pathlib import Path

from ..core.errors import DataError, SqlLlamaError
from ..core.files import atomic_folder, remove_leftovers
from ..core.recipe import Recipe, read_recipe
from ..core.run import Run
from ..core.settings import settings
from ..modelfiles.modelfile import model_of
from ..modelfiles.templates import family
from ..models.base import resolve_base
from ..models.folder import fingerprint
from ..models.gguf_header import check_gguf, file_type_name
from .certificate.probes import answered_probes
from .convert.convert import convert_all
from .convert.importance import importance
from .merge.merge import Ground, merge

FLOATS = ("F16", "F32", "BF16")  # nothing to quantize: the twin is float16
# no matrix of a layer is rounded to these without an importance matrix
HUNGRY = ("IQ1_M", "IQ1_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ3_XS", "IQ3_XXS", "Q2_K_S")


def base_twin(run_or_model: Path) -> Path:
    """The base of a run, or of a GGUF file in a run, quantized like the tuned file; made once and kept in the cache.

    Raises DataError when the file belongs to no run, so that nobody knows its base, and whatever making it raises.
    """
    run = run_of(run_or_model)
    recipe, _ = read_recipe(str(run.recipe_path))
    tuned = run_or_model if run_or_model.is_file() else _shipped(run)
    return _made(recipe, quant_of(tuned), "base", "")


def adapter_base(run: Run, ground: Ground, quant: str = "F16") -> Path:
    """What the run's LoRA GGUF is to be laid over: the `ground` of its export; made once, kept in the cache.

    After QLoRA that is the base rounded to NF4 and back: over the plain base a LoRA answers otherwise.
    """
    recipe, _ = read_recipe(str(run.recipe_path))
    dtype = run.manifest()["stages"].get("train", {}).get("dtype", "bfloat16")
    return _made(recipe, quant, ground, dtype)


def _made(recipe: Recipe, quant: str, ground: Ground, dtype: str) -> Path:
    base = resolve_base(recipe.base.model, recipe.base.revision)
    packed = recipe.base.model.startswith("package:") or Path(recipe.base.model).expanduser().is_dir()
    name = base.name if packed else recipe.base.model.rpartition("/")[2]
    nf4 = ground == "nf4"
    folder = settings().cache / "twins" / _key(base, recipe.base.family, f"{quant} nf4 {dtype}" if nf4 else quant)
    twin = folder / f"{name}{'-nf4' if nf4 else ''}-{quant}.gguf"
    if not twin.is_file():
        tensors = merge(base, None, ground=ground, dtype=dtype or "bfloat16")
        read = _made(recipe, "Q8_0", ground, dtype) if quant in HUNGRY else None
        remove_leftovers(folder.parent, ".*.*")  # of atomic_folder; each is as large as a model
        with atomic_folder(folder) as temporary:
            kind = "F16" if quant in FLOATS else quant
            # of our own questions: the twin is kept for every run over this base
            matrix = read and importance(read, answered_probes(), temporary / "imatrix.gguf")
            outs = {kind: temporary / twin.name}
            convert_all(base, outs, family(recipe.base.family), tensors, name=name, imatrix=matrix)
    return twin


def run_of(run_or_model: Path) -> Run:
    """The run that a path is, or that a GGUF file lies in; raises DataError when there is none."""
    folder = run_or_model.absolute()
    if not folder.is_dir():
        folder = folder.parent.parent
    run = Run(folder)
    if not (run.manifest_path.is_file() and run.recipe_path.is_file()):  # a manifest alone may be of anything
        raise DataError(
            f"{run_or_model}: not in a run directory, so its base is not known",
            fix="give the base's GGUF file with --base, or --no-base",
        )
    return run


def quant_of(path: Path) -> str:
    """llama.cpp's name of a file's type, such as Q4_K_M; raises DataError when the file does not say it."""
    metadata = check_gguf(path)
    quant = file_type_name(metadata)
    if "general.file_type" not in metadata or not quant:
        raise DataError(f"{path}: does not say how it is quantized", fix="give the base's GGUF file with --base")
    return quant


def _shipped(run: Run) -> Path:
    """The exported file that the Modelfile names."""
    file = model_of(run.path / "Modelfile")
    if file is None or not file.is_file():
        raise SqlLlamaError(f"{run.path}: not exported yet", fix=f"sql-llama export {run.path}")
    return file


def _key(base: Path, family_name: str, quant: str) -> str:
    """Changes when the base does, or what is made of it."""
    facts = [str(base), family_name, quant, fingerprint(base)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
