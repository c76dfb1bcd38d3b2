"""From a trained adapter to the files that ship: GGUF, Modelfile, certificate, and a model in Ollama where one runs.

Each stage is recorded in the run's manifest when its files are whole, so that a killed export goes on where it was and
a finished one is not done again.
"""

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.base_model import fingerprint, resolve_base
from ..core.errors import DataError, RecipeError, SqlLlamaError
from ..core.files import need_space, sha256, write_text
from ..core.recipe import Base, Export, Recipe, Train, render_recipe
from ..core.run import Run, fresh_run
from ..engines.ollama import server_version
from ..modelfiles.modelfile import modelfile
from ..modelfiles.templates import family, family_of
from .certify import Certificate, certify, certify_ollama, write_certificate
from .convert import convert
from .merge import Ground, merge, weight_shapes
from .quantize import check_quant, quantize
from .register import HOW_TO_GET_ONE, register

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}\Z")
ADAPTER = "adapter"  # recipe of an adapter that no run of ours made


@dataclass(frozen=True)
class Exported:
    """What an export left in the run directory; `notes` are lines for the person who asked for it."""

    gguf: tuple[Path, ...]
    modelfile: Path
    certificate: Certificate | None
    ollama: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Job:
    base: Path
    adapter: Path
    recipe: Recipe
    quants: tuple[str, ...]
    ground: Ground
    dtype: str
    inputs: Mapping[str, str]


Gate = Callable[[Run, Path], object]
"""Looks at the shipped file before it is handed to Ollama; raises SqlLlamaError to stop that (evals/shipped.py)."""


def export_run(
    run: Run, recipe: Recipe, *, quants: Sequence[str] = (), verify: bool = True, gate: Gate | None = None
) -> Exported:
    """Export a trained run, in `quants` if given.

    Raises SqlLlamaError when a check of the certificate fails, and what `gate` raises.
    """
    stage = run.manifest()["stages"].get("train")
    if stage is None or not run.adapter.is_dir():
        by_hand = recipe.name == ADAPTER
        fix = "give --base, --adapter and --out again" if by_hand else f"sql-llama train {recipe.name} --run {run.path}"
        raise DataError(f"{run.path}: not trained {'here' if by_hand else 'to the end'}", fix=fix)
    base = resolve_base(recipe.base.model, recipe.base.revision)
    if stage["inputs"].get("base") not in (None, fingerprint(base)):
        raise DataError(
            f"{run.path}: trained on another base than {base}", fix="use --base, --adapter and --out if you mean it"
        )
    return _export(run, base, run.adapter, recipe, quants, stage.get("dtype", "bfloat16"), verify, gate)


def export_adapter(
    base: Path,
    adapter: Path,
    out: Path,
    *,
    quants: Sequence[str] = (),
    verify: bool = True,
    ground: Ground = "nf4",
    dtype: str = "bfloat16",
    name: str = "sql-llama",
    gate: Gate | None = None,
) -> Exported:
    """Export an adapter that no run of ours made, into a new run directory `out`.

    `ground` "nf4" is for adapters of a QLoRA training, whose compute type was `dtype`; "base" for all others.
    """
    recipe = Recipe(
        name=ADAPTER,
        base=Base(model=str(base.resolve()), family=family_of(base).name),
        train=Train(quantization="nf4" if ground == "nf4" else "none", start=str(adapter.resolve())),
        export=Export(name=name, ground=ground),
    )
    if not (adapter / "adapter_config.json").is_file():
        raise DataError(
            f"{adapter}: no adapter there (no adapter_config.json)", fix="give a PEFT folder with --adapter"
        )
    _plan(base, adapter, recipe, quants, dtype)  # a mistake shows before the folder is made
    with fresh_run(out, recipe.name, render_recipe(recipe)) as run:
        return _export(run, base, adapter, recipe, quants, dtype, verify, gate)


def _plan(base: Path, adapter: Path, recipe: Recipe, quants: Sequence[str], dtype: str) -> _Job:
    wanted = tuple(dict.fromkeys(quants or recipe.export.quants))
    if not wanted:
        raise RecipeError("export.quants is empty", fix="give a type with --quant, for example Q4_K_M")
    for quant in wanted:
        check_quant(quant)
    if not NAME.match(recipe.export.name):
        raise RecipeError(f"export.name = {recipe.export.name!r} cannot be a name in Ollama", fix="use a-z, 0-9, . _ -")
    ground = "base" if recipe.train.quantization == "none" else recipe.export.ground
    chat_family = family(recipe.base.family)
    inputs = {
        "adapter": sha256(adapter),
        "base": fingerprint(base),
        "ground": f"{ground} {dtype}" if ground == "nf4" else ground,
        "template": hashlib.sha256(chat_family.jinja.encode()).hexdigest(),
        "name": recipe.export.name,
        "license": recipe.base.license,
    }
    return _Job(base, adapter, recipe, wanted, ground, dtype, inputs)


def _export(
    run: Run,
    base: Path,
    adapter: Path,
    recipe: Recipe,
    quants: Sequence[str],
    dtype: str,
    verify: bool,
    gate: Gate | None,
) -> Exported:
    job = _plan(base, adapter, recipe, quants, dtype)
    files = _gguf_files(run, job)
    shipped = files[0]
    chat_family = family(recipe.base.family)
    path = run.path / "Modelfile"
    relative = f"./{shipped.relative_to(run.path).as_posix()}"
    license = recipe.base.license
    write_text(path, modelfile(relative, chat_family, num_ctx=recipe.export.num_ctx, license=license))
    version = server_version()
    certificate = None
    inputs = {"gguf": sha256(shipped), "base": job.inputs["base"], "ollama": version or ""}
    judged = {"gguf": inputs["gguf"], "base": job.inputs["base"]}
    if run.done("certify", inputs) and (gate is None or run.done("gate", judged)):
        return Exported(files, path, None, recipe.export.name if version else "", _notes(run, version, True))
    started = time.monotonic()
    if verify:
        certificate = certify(shipped, base)
        _demand(certificate, run)
    if gate is not None and not run.done("gate", judged):
        begun = time.monotonic()
        gate(run, shipped)
        run.finish("gate", judged, [run.path / "evals"], time.monotonic() - begun, verdict="pass")
    if version:
        name = recipe.export.name
        begun = time.monotonic()
        register(shipped, name, chat_family, num_ctx=recipe.export.num_ctx, license=license)
        given = {"gguf": inputs["gguf"], "ollama": version}
        run.finish("register", given, [], time.monotonic() - begun, model=name)
        if certificate:
            certificate = certify_ollama(certificate, shipped, name, version)
            _demand(certificate, run)
    if certificate:
        outputs = write_certificate(certificate, run.path)
        run.finish("certify", inputs, outputs, time.monotonic() - started, verdict="pass")
    return Exported(files, path, certificate, recipe.export.name if version else "", _notes(run, version, verify))


def _demand(certificate: Certificate, run: Run) -> None:
    """Raise when a check failed; the certificate that says which is kept."""
    if certificate.passed:
        return
    written = write_certificate(certificate, run.path)[1]
    said = "; ".join(f"{check.name}: {check.said}" for check in certificate.checks if check.verdict == "fail")
    raise SqlLlamaError(
        f"{written}: {certificate.file} fails its checks ({said})", fix="train longer, then export again"
    )


def _notes(run: Run, version: str | None, verify: bool) -> tuple[str, ...]:
    notes = []
    if not verify:
        notes.append(f"Not checked: sql-llama verify {run.path}")
    if version is None:
        notes.append(HOW_TO_GET_ONE)
    return tuple(notes)


def _gguf_files(run: Run, job: _Job) -> tuple[Path, ...]:
    """Every wanted GGUF file, made where it is not there yet; the float16 one is kept only if it is wanted."""
    for leftover in run.gguf.glob(".*.gguf"):  # of a killed export
        leftover.unlink()
    whole = run.gguf / f"{job.recipe.export.name}-F16.gguf"
    files = {quant: run.gguf / f"{job.recipe.export.name}-{quant}.gguf" for quant in job.quants}
    missing = [
        quant
        for quant in job.quants
        if not run.done(f"quantize {quant}", {**job.inputs, "type": quant}) or not files[quant].is_file()
    ]
    if missing:
        bytes_each = 2 * sum(math.prod(shape) for shape in weight_shapes(job.base).values())
        need_space(run.gguf, (1 + len(missing)) * bytes_each, "the export")
    if missing and not run.done("convert", job.inputs):
        started = time.monotonic()
        chat_family = family(job.recipe.base.family)
        tensors = merge(job.base, job.adapter, ground=job.ground, dtype=job.dtype)
        convert(job.base, whole, chat_family, tensors, name=job.recipe.export.name, license=job.recipe.base.license)
        run.finish("convert", job.inputs, [whole], time.monotonic() - started)
    for quant in missing:
        started = time.monotonic()
        if quant != "F16":
            quantize(whole, files[quant], quant)
        run.finish(f"quantize {quant}", {**job.inputs, "type": quant}, [files[quant]], time.monotonic() - started)
    if "F16" not in job.quants:
        whole.unlink(missing_ok=True)
    return tuple(files.values())
