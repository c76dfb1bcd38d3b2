"""What a training started from as a GGUF of the tuned file's own type, over its ground: what a tuned file must keep up
with."""

import hashlib
from pathlib import Path

from ..core.errors import DataError
from ..core.files import atomic_folder, remove_leftovers, sha256
from ..core.recipe import Recipe, read_recipe
from ..core.run import Run
from ..core.settings import settings
from ..modelfiles.templates import family
from ..models.base import resolve_base
from ..models.folder import fingerprint
from .base_twin import FLOATS, HUNGRY, quant_of, run_of
from .certificate.probes import answered_probes
from .convert.convert import convert_all
from .convert.importance import importance
from .merge.adapter_bin import in_safetensors
from .merge.merge import Ground, merge, tokenizer_of


def start_twin(gguf: Path, start: Path) -> Path:
    """The adapter `start` merged and rounded as the run's file `gguf` is; made once and kept in the cache.

    Raises DataError when the adapter is gone or is not what the run was trained from, and whatever making it raises.
    """
    run = run_of(gguf)
    recipe, _ = read_recipe(str(run.recipe_path))
    if not (start / "adapter_config.json").is_file():
        raise DataError(f"{start}: gone since the training", fix="put it back")
    digest = sha256(start)
    if digest != run.manifest()["stages"].get("train", {}).get("inputs", {}).get("start"):
        raise DataError(f"{start}: another adapter than at the training", fix="put the old one back")
    ground, dtype = _ground(run, gguf)
    with in_safetensors(start) as adapter:
        return _made(recipe, quant_of(gguf), ground, dtype, adapter, digest)


def _made(recipe: Recipe, quant: str, ground: Ground, dtype: str, adapter: Path, digest: str) -> Path:
    base = resolve_base(recipe.base.model, recipe.base.revision)
    facts = (fingerprint(base), digest, ground, dtype, quant, recipe.base.family)
    folder = settings().cache / "twins" / hashlib.sha256(" ".join(facts).encode()).hexdigest()[:12]
    twin = folder / f"start-{ground}-{quant}.gguf"
    if not twin.is_file():
        tensors = merge(base, adapter, ground=ground, dtype=dtype)
        read = _made(recipe, "Q8_0", ground, dtype, adapter, digest) if quant in HUNGRY else None
        remove_leftovers(folder.parent, ".*.*")  # of atomic_folder; each is as large as a model
        with atomic_folder(folder) as temporary:
            # of our own questions, as for the base's twin: it is kept for every run that goes on from this adapter
            matrix = read and importance(read, answered_probes(), temporary / "imatrix.gguf")
            outs = {"F16" if quant in FLOATS else quant: temporary / twin.name}
            tokenizer = tokenizer_of(base, adapter)
            convert_all(
                base, outs, family(recipe.base.family), tensors, name="start", imatrix=matrix, tokenizer=tokenizer
            )
    return twin


def _ground(run: Run, gguf: Path) -> tuple[Ground, str]:
    """What a file of the run was merged over, and the compute type of that."""
    name = gguf.absolute().relative_to(run.path.absolute()).as_posix()
    stages = run.manifest()["stages"].values()
    said = [entry["inputs"]["ground"] for entry in stages if name in (one["path"] for one in entry["outputs"])]
    ground, _, dtype = (said[-1] if said else "base").partition(" ")
    return ("nf4" if ground == "nf4" else "base"), dtype or "bfloat16"
