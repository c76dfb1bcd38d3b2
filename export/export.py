"""From a trained adapter to the files that ship: GGUF, Modelfile, certificate, and a model in Ollama where one runs.

Each stage is recorded in the run's manifest when its files are whole, so that a killed export goes on where it was and
a finished one is not done again.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import DataError, RecipeError, SqlLlamaError
from ..core.files import atomic_folder, sha256, write_text
from ..core.recipe import Base, Export, Recipe, Train, render_recipe
from ..core.run import Run, fresh_run
from ..databases.introspect import introspect
from ..engines.native import check_llamacpp, check_training_libraries
from ..engines.ollama import server_version
from ..modelfiles.modelfile import modelfile
from ..modelfiles.templates import family, family_of
from ..models.base import resolve_base
from ..models.folder import fingerprint
from ..prompts.schema_text import render_schema
from .base_twin import adapter_base
from .certificate.certificate import Certificate, Check, write_certificate
from .certificate.certify import certify, certify_ollama
from .certificate.provenance import provenance
from .convert.adapter_gguf import adapter_gguf, lora_pairs
from .convert.quantize import check_quant
from .exportable import check_name
from .gguf_files import AUTO, gguf_files, known, merged_reference
from .job import Job, Judges, Options, text_hash
from .merge.adapter_bin import in_safetensors
from .merge.merge import Ground, tokenizer_of
from .merge.merged_folder import merged_folder
from .prompts import check_schema_fits, context_for, over, prompts
from .register import HOW_TO_GET_ONE, register, remove, rename
from .verify import answered, provenance_check

ADAPTER = "adapter"  # recipe of an adapter that no run of ours made


@dataclass(frozen=True)
class Exported:
    """What an export left in the run directory; `notes` are lines for the person who asked for it.

    `gguf` are the files by the order asked for, the first ships; `more` what was made beside them; `gate` what the gate
    found, a line for each comparison.
    """

    gguf: tuple[Path, ...]
    modelfile: Path
    certificate: Certificate | None
    ollama: str = ""
    notes: tuple[str, ...] = ()
    more: tuple[Path, ...] = ()
    gate: tuple[str, ...] = ()


def export_run(run: Run, recipe: Recipe, options: Options | None = None, judges: Judges | None = None) -> Exported:
    """Export a trained run.

    Raises SqlLlamaError when a check of the certificate fails, and what `judges` raise.
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
    job = _plan(base, run.adapter, recipe, options or Options(), stage.get("dtype", "bfloat16"))
    return _export(run, job, judges or Judges())


def export_adapter(
    base: Path,
    adapter: Path,
    out: Path,
    options: Options | None = None,
    judges: Judges | None = None,
    *,
    ground: str = "nf4",
    dtype: str = "bfloat16",
    name: str = "sql-llama",
) -> Exported:
    """Export an adapter that no run of ours made, into a new run directory `out`.

    `ground` "nf4" is for adapters of a QLoRA training, whose compute type was `dtype`; "base" for all others.
    """
    recipe = Recipe(
        name=ADAPTER,
        base=Base(model=str(base.resolve()), family=family_of(base).name),
        train=Train(quantization="none" if ground == "base" else "nf4", start=str(adapter.resolve())),
        export=Export(name=name, ground=ground),  # type: ignore[arg-type]
    )
    if not (adapter / "adapter_config.json").is_file():
        raise DataError(
            f"{adapter}: no adapter there (no adapter_config.json)", fix="give a PEFT folder with --adapter"
        )
    with in_safetensors(adapter) as folder:
        job = _plan(base, folder, recipe, options or Options(), dtype)  # a mistake shows before the folder is made
        with fresh_run(out, recipe.name, render_recipe(recipe)) as run:
            if folder != adapter:  # so that the run can be verified without the copy
                job = replace(job, adapter=_kept(run, folder))
            return _export(run, job, judges or Judges())


def _kept(run: Run, adapter: Path) -> Path:
    """The run's own copy of an adapter."""
    if not run.adapter.is_dir() or sha256(run.adapter) != sha256(adapter):
        with atomic_folder(run.adapter) as temporary:
            shutil.copytree(adapter, temporary, dirs_exist_ok=True)
    return run.adapter


def _plan(base: Path, adapter: Path, recipe: Recipe, options: Options, dtype: str) -> Job:
    wanted = tuple(dict.fromkeys(options.quants or recipe.export.quants))
    if not wanted:
        raise RecipeError("export.quants is empty", fix="give a type with --quant, for example Q4_K_M")
    for quant in wanted:
        if quant != AUTO:
            check_quant(quant)
    check_name(recipe.export.name)
    if options.imatrix is not None and not options.imatrix.is_file():
        raise DataError(f"{options.imatrix}: no such file", fix="give an importance matrix in GGUF, or --no-imatrix")
    if options.schema_from:  # what is wrong with the database shows before the work
        check_schema_fits(base, options.schema_from, recipe.export.num_ctx)
    if options.adapter_gguf:
        lora_pairs(base, adapter)  # refuses what the file cannot hold, before the long work
    chat_family = family(recipe.base.family)
    own = "own" if options.importance else "none"
    inputs = {
        "adapter": sha256(adapter),
        "base": fingerprint(base),
        "template": text_hash(chat_family.jinja),
        "name": recipe.export.name,
        "license": recipe.base.license,
        "imatrix": sha256(options.imatrix) if options.imatrix else own,
    }
    if options.overrides:
        inputs["overrides"] = ", ".join(f"{pattern}={kind}" for pattern, kind in options.overrides.items())
    return Job(base, adapter, recipe, chat_family, options, wanted, dtype, inputs)


def _export(run: Run, job: Job, judges: Judges) -> Exported:
    options = job.options
    check_training_libraries()
    check_llamacpp()
    if options.llama_cpp is not None and (judges.gate or options.adapter_gguf) and not known(job.base):
        what = "--no-gate" if judges.gate else "leave out --adapter-gguf"
        raise RecipeError(f"{job.base}: only sql-llama's own converter makes its base's file", fix=what)
    ground, files = gguf_files(run, job, judges)
    gguf = tuple(files.values())
    shipped = gguf[0]
    more = _beside(run, job, ground)
    path = run.path / "Modelfile"
    said = _said(run, job)
    write_text(path, modelfile(f"./{shipped.relative_to(run.path).as_posix()}", job.chat_family, **said))
    version = server_version()
    name = job.name if version else ""
    inputs = {"gguf": sha256(shipped), "base": job.inputs["base"], "ollama": version or ""}
    inputs["modelfile"] = sha256(path)
    judged = {key: inputs[key] for key in ("gguf", "base")}
    judged["start"] = run.manifest()["stages"].get("train", {}).get("inputs", {}).get("start", "")
    if run.done("certify", inputs) and (judges.gate is None or run.done("gate", judged)):
        if version:  # another run may have taken the name since, or a person may have removed the model
            register(shipped, job.name, job.chat_family, **said)
        notes = _notes(run, job, ground, inputs["gguf"], version)
        return Exported(gguf, path, None, name, notes, more, _lines(run, judges))
    started = time.monotonic()
    certificate = None
    if options.verify:
        merged, tokenizer = merged_reference(run, job, ground), tokenizer_of(job.base, job.adapter)
        certificate = certify(shipped, job.base, reference=merged, modelfile=path, tokenizer=tokenizer)
        certificate = _with(certificate, provenance_check(shipped, run, job.base))
        _demand(certificate, run)
    if judges.gate is not None and not run.done("gate", judged):
        begun = time.monotonic()
        lines = list(judges.gate(run, shipped).lines)
        run.finish("gate", judged, [run.path / "evals"], time.monotonic() - begun, verdict="pass", lines=lines)
    if certificate:
        certificate = _with(certificate, answered(run, shipped))
    if version:
        begun = time.monotonic()
        certificate = _registered(run, job, shipped, certificate, version, said)
        given = {"gguf": inputs["gguf"], "ollama": version}
        run.finish("register", given, [], time.monotonic() - begun, model=job.name)
    if certificate:
        outputs = write_certificate(certificate, run.path)
        run.finish("certify", inputs, outputs, time.monotonic() - started, verdict="pass")
    notes = _notes(run, job, ground, inputs["gguf"], version)
    return Exported(gguf, path, certificate, name, notes, more, _lines(run, judges))


def _lines(run: Run, judges: Judges) -> tuple[str, ...]:
    return tuple(run.manifest()["stages"]["gate"].get("lines", ())) if judges.gate else ()


def _registered(
    run: Run, job: Job, shipped: Path, certificate: Certificate | None, version: str, said: dict[str, Any]
) -> Certificate | None:
    """Hand the file to Ollama; with a certificate it gets its name only when what the server makes of it is right."""
    if certificate is None:
        register(shipped, job.name, job.chat_family, **said)
        return None
    unchecked = f"{job.name}-unchecked"
    try:
        register(shipped, unchecked, job.chat_family, **said)
        certificate = certify_ollama(certificate, shipped, unchecked, version)
        _demand(certificate, run)
        rename(unchecked, job.name)
    except SqlLlamaError:
        remove(unchecked)
        raise
    return certificate


def _beside(run: Run, job: Job, ground: Ground) -> tuple[Path, ...]:
    """The merged folder and the adapter with its base as GGUF files, where asked for."""
    made = []
    if job.options.merged:
        out = run.path / "merged"
        _once(
            run,
            "merged",
            {**job.inputs, "ground": ground},
            [out],
            lambda: merged_folder(
                job.base, job.adapter, out, ground=ground, dtype=job.dtype, template=job.chat_family.jinja
            ),
        )
        made.append(out)
    if job.options.adapter_gguf:
        lora = _lora(run, job)
        facts = provenance(job.recipe, base=job.base, adapter=job.adapter, run=run, ground=ground)
        _once(
            run,
            "adapter",
            {**job.inputs, "ground": ground},
            [lora],
            lambda: adapter_gguf(job.base, job.adapter, lora, name=job.name, facts=facts),
        )
        made.append(lora)
    return tuple(made)


def _lora(run: Run, job: Job) -> Path:
    return run.gguf / f"{job.name}-lora-F16.gguf"


def _once(run: Run, stage: str, inputs: dict[str, str], outputs: list[Path], make: Callable[[], object]) -> None:
    if not run.done(stage, inputs):
        started = time.monotonic()
        run.begin(stage)
        make()
        run.finish(stage, inputs, outputs, time.monotonic() - started)


def _said(run: Run, job: Job) -> dict[str, Any]:
    """What the Modelfile and the model in Ollama say beside the template."""
    pairs, options = run.path / "data" / "train.jsonl", job.options
    schema = render_schema(introspect(options.schema_from)) if options.schema_from else ""
    examples: list[tuple[str, str]] = []
    if options.examples and schema:
        examples = over(options.schema_from, options.examples)
    elif options.examples:
        examples = [(chat[-1].content, sql) for chat, sql in prompts(pairs, options.examples)]
    num_ctx = job.recipe.export.num_ctx or context_for(job.base, job.chat_family, pairs, schema, examples)
    return {"num_ctx": num_ctx, "license": job.recipe.base.license, "schema": schema, "examples": examples}


def _with(certificate: Certificate, check: Check) -> Certificate:
    """The certificate with one more line."""
    return replace(certificate, checks=(*certificate.checks, check))


def _demand(certificate: Certificate, run: Run) -> None:
    """Raise when a check failed; the certificate that says which is kept."""
    if certificate.passed:
        return
    written = write_certificate(certificate, run.path)[1]
    said = "; ".join(f"{check.name}: {check.said}" for check in certificate.checks if check.verdict == "fail")
    raise SqlLlamaError(
        f"{written}: {certificate.file} fails its checks ({said})", fix="train longer, then export again"
    )


def _notes(run: Run, job: Job, ground: Ground, shipped: str, version: str | None) -> tuple[str, ...]:
    notes = []
    if job.options.adapter_gguf:
        beneath = adapter_base(run, ground, "Q8_0")
        notes.append(f"The adapter goes over {beneath}: sql-llama chat --model {beneath}+{_lora(run, job)}")
    if job.options.llama_cpp is not None and not known(job.base):
        notes.append(f"Converted by {job.options.llama_cpp}: its family is not one that sql-llama converts itself")
    certified = run.manifest()["stages"].get("certify", {}).get("inputs", {}).get("gguf")
    if not job.options.verify and certified != shipped:
        notes.append(f"Not checked: sql-llama verify {run.path}")
    if version is None:
        notes.append(HOW_TO_GET_ONE)
    return tuple(notes)
