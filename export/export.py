"""From a trained adapter to the files that people run: GGUF, Modelfile, certificate, and a model in Ollama.

Each step is a stage of the run (core/stage.py), so that a killed export goes on where it was and a finished one is not
done again.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import DataError, RecipeError, SqlLlamaError
from ..core.files import sha256, write_text
from ..core.recipe import Base, Export, Recipe, Train
from ..core.render_recipe import render_recipe
from ..core.run import Run, fresh_run
from ..databases.introspect import introspect
from ..engines.native import check_llamacpp, check_training_libraries
from ..engines.ollama import server_version
from ..modelfiles.modelfile import modelfile
from ..modelfiles.templates import family_of
from ..models.base import resolve_base
from ..models.folder import fingerprint
from ..prompts.schema_text import render_schema
from .certificate.certificate import Certificate, Check, write_certificate
from .certificate.certify import certify, certify_ollama
from .certificate.provenance import provenance
from .convert.adapter_gguf import adapter_gguf
from .gguf_files import GgufFiles, gguf_files, known_base, merged_reference
from .keep_adapter import keep_adapter
from .merge.adapter_bin import in_safetensors
from .merge.merge import MergeBase, tokenizer_of
from .merge.merged_folder import merged_folder
from .pick_adapter import pick_adapter
from .plan import Judges, Options, Plan, plan_export
from .prompts import context_for, examples_about, prompts
from .quantized_base import lora_base
from .register import HOW_TO_GET_ONE, register, remove, rename
from .verify import accuracy_check, provenance_check

ADAPTER = "adapter"  # recipe of an adapter that no run of ours made


@dataclass(frozen=True)
class Exported:
    """What an export left in the run directory.

    `gguf` are the files in the order asked for, the one that ships first. `extras` are the merged folder and the
    adapter's own GGUF file. `certificate` is None when it was not made now. `ollama` is the model's name there.
    `gate` has a line for each comparison; `notes` are lines for the person who asked for the export.
    """

    gguf: tuple[Path, ...]
    modelfile: Path
    certificate: Certificate | None
    ollama: str = ""
    notes: tuple[str, ...] = ()
    extras: tuple[Path, ...] = ()
    gate: tuple[str, ...] = ()


def export_run(run: Run, recipe: Recipe, options: Options | None = None, judges: Judges | None = None) -> Exported:
    """Export a trained run.

    Raises DataError when the run is not trained, SqlLlamaError when a check of the certificate fails, and what `judges`
    raise.
    """
    entry = run.manifest()["stages"].get("train")
    if entry is None or not run.adapter.is_dir():
        by_hand = recipe.name == ADAPTER
        fix = "give --base, --adapter and --out again" if by_hand else f"sql-llama train {recipe.name} --run {run.path}"
        raise DataError(f"{run.path}: not trained {'here' if by_hand else 'to the end'}", fix=fix)
    base = resolve_base(recipe.base.model, recipe.base.revision)
    if entry["inputs"].get("base") not in (None, fingerprint(base)):
        raise DataError(
            f"{run.path}: the base {base} has changed since the training",
            fix="to merge it anyway, give --base, --adapter and --out",
        )
    plan = plan_export(base, run.adapter, recipe, options or Options(), entry.get("dtype", "bfloat16"))
    return _export(run, plan, judges or Judges())


def export_adapter(
    base: Path,
    adapter: Path,
    out: Path,
    options: Options | None = None,
    judges: Judges | None = None,
    *,
    merge_base: str = "nf4",
    dtype: str = "bfloat16",
    name: str = "sql-llama",
) -> Exported:
    """Export an adapter that no run of ours made, into a new run directory `out`.

    `merge_base` is the recipe's export.ground: "nf4" for the adapter of a QLoRA training, whose compute type was
    `dtype`, "base" for all others. Raises DataError when there is no adapter, and what `export_run` raises.
    """
    recipe = Recipe(
        name=ADAPTER,
        base=Base(model=str(base.resolve()), family=family_of(base).name),
        train=Train(quantization="none" if merge_base == "base" else "nf4", start=str(adapter.resolve())),
        export=Export.model_validate({"name": name, "ground": merge_base}),
    )
    if not (adapter / "adapter_config.json").is_file():
        raise DataError(
            f"{adapter}: no adapter there (no adapter_config.json)", fix="give a PEFT folder with --adapter"
        )
    with in_safetensors(adapter) as folder:
        plan = plan_export(base, folder, recipe, options or Options(), dtype)  # before the run directory is made
        with fresh_run(out, recipe.name, render_recipe(recipe)) as run:
            if folder != adapter:  # a temporary copy: the run keeps one, to be verified against
                plan = replace(plan, adapter=keep_adapter(run, folder))
            return _export(run, plan, judges or Judges())


def _export(run: Run, plan: Plan, judges: Judges) -> Exported:
    check_training_libraries()
    check_llamacpp()
    options = plan.options
    if options.llama_cpp is not None and (judges.gate or options.adapter_gguf) and not known_base(plan.base):
        fix = "--no-gate" if judges.gate else "leave out --adapter-gguf"
        raise RecipeError(
            f"{plan.base}: only sql-llama's own converter can make the GGUF file of the base, which is needed", fix=fix
        )
    plan = pick_adapter(run, plan, judges)
    files = gguf_files(run, plan, judges)
    extras = _write_extras(run, plan, files.merge_base)
    settings = _modelfile_settings(run, plan)
    page = run.path / "Modelfile"
    write_text(page, modelfile(f"./{files.shipped.relative_to(run.path).as_posix()}", plan.chat_family, **settings))
    version = server_version() or ""
    certificate = _check_and_register(run, plan, judges, files, settings, version)
    return Exported(
        gguf=tuple(files.by_type.values()),
        modelfile=page,
        certificate=certificate,
        ollama=plan.name if version else "",
        notes=_notes(run, plan, files, version),
        extras=extras,
        gate=tuple(run.manifest()["stages"]["gate"].get("lines", ())) if judges.gate else (),
    )


def _write_extras(run: Run, plan: Plan, merge_base: MergeBase) -> tuple[Path, ...]:
    """The merged folder and the adapter's own GGUF file, where asked for."""
    extras = []
    inputs = {**plan.inputs, "ground": merge_base}
    if plan.options.merged:
        out = run.path / "merged"
        with run.stage("merged", inputs) as stage:
            if not stage.done:
                template = plan.chat_family.jinja
                stage.output(out)
                merged_folder(plan.base, plan.adapter, out, merge_base=merge_base, dtype=plan.dtype, template=template)
        extras.append(out)
    if plan.options.adapter_gguf:
        lora = _lora(run, plan)
        with run.stage("adapter", inputs) as stage:
            if not stage.done:
                facts = provenance(plan.recipe, base=plan.base, adapter=plan.adapter, run=run, merge_base=merge_base)
                adapter_gguf(plan.base, plan.adapter, stage.output(lora), name=plan.name, facts=facts)
        extras.append(lora)
    return tuple(extras)


def _lora(run: Run, plan: Plan) -> Path:
    return run.gguf / f"{plan.name}-lora-F16.gguf"


def _modelfile_settings(run: Run, plan: Plan) -> dict[str, Any]:
    """What `modelfile` and `register` are called with beside the file and its template."""
    pairs, options = run.path / "data" / "train.jsonl", plan.options
    schema = render_schema(introspect(options.schema_from)) if options.schema_from else ""
    examples: list[tuple[str, str]] = []
    if options.examples and schema:
        examples = examples_about(options.schema_from, options.examples)
    elif options.examples:
        examples = [(chat[-1].content, sql) for chat, sql in prompts(pairs, options.examples)]
    num_ctx = plan.recipe.export.num_ctx or context_for(plan.base, plan.chat_family, pairs, schema, examples)
    return {"num_ctx": num_ctx, "license": _licenses(run, plan), "schema": schema, "examples": examples}


def _licenses(run: Run, plan: Plan) -> str:
    """The licence of the base, and those of the data that the run was trained on where they are known."""
    data = run.manifest()["stages"].get("data", {}).get("licenses", []) if run.manifest_path.is_file() else []
    base = plan.recipe.base.license
    return f"{base} (base model). Training data: {', '.join(data)}" if base and data else base


def _check_and_register(
    run: Run, plan: Plan, judges: Judges, files: GgufFiles, settings: dict[str, Any], version: str
) -> Certificate | None:
    """Certify the file that ships, compare it with its base, hand it to Ollama where a server answers.

    Returns the certificate, or None when it was not asked for or still holds.
    """
    shipped, page = files.shipped, run.path / "Modelfile"
    compared = {"gguf": sha256(shipped), "base": plan.inputs["base"]}
    certified = {**compared, "ollama": version, "modelfile": sha256(page)}
    compared["start"] = run.manifest()["stages"].get("train", {}).get("inputs", {}).get("start", "")
    if run.done("certify", certified) and (judges.gate is None or run.done("gate", compared)):
        if version:  # another run may have taken the name since, or a person may have removed the model
            register(shipped, plan.name, plan.chat_family, **settings)
        return None
    if not plan.options.verify:
        _gate(run, judges, shipped, compared)
        if version:
            register(shipped, plan.name, plan.chat_family, **settings)
            _record_registration(run, plan, shipped, version)
        return None
    run.forget("certify")  # from here on the certificate is replaced, by one that says what is wrong if need be
    with run.stage("certify", certified) as stage:
        merged, tokenizer = merged_reference(run, plan, files.merge_base), tokenizer_of(plan.base, plan.adapter)
        certificate = certify(shipped, plan.base, reference=merged, modelfile=page, tokenizer=tokenizer)
        certificate = _with_check(certificate, provenance_check(shipped, run, plan.base))
        _require_pass(certificate, run)
        _gate(run, judges, shipped, compared)
        certificate = _with_check(certificate, accuracy_check(run, shipped))
        if version:
            certificate = _register_checked(run, plan, shipped, certificate, version, settings)
            _record_registration(run, plan, shipped, version)
        for path in write_certificate(certificate, run.path):
            stage.output(path)
        stage.facts["verdict"] = "pass"
    return certificate


def _gate(run: Run, judges: Judges, shipped: Path, inputs: dict[str, str]) -> None:
    """Let the gate compare the file with its base and its start; raises what it raises to stop the export."""
    if judges.gate is None:
        return
    with run.stage("gate", inputs) as stage:
        if not stage.done:
            judgement = judges.gate(run, shipped)
            stage.output(run.path / "evals")
            stage.facts.update(verdict="pass", lines=list(judgement.lines))


def _register_checked(
    run: Run, plan: Plan, shipped: Path, certificate: Certificate, version: str, settings: dict[str, Any]
) -> Certificate:
    """Hand the file to Ollama under another name first: it gets its own when the server renders prompts rightly."""
    unchecked = f"{plan.name}-unchecked"
    try:
        register(shipped, unchecked, plan.chat_family, **settings)
        certificate = certify_ollama(certificate, shipped, unchecked, version)
        _require_pass(certificate, run)
        rename(unchecked, plan.name)
    except SqlLlamaError:
        remove(unchecked)
        raise
    return certificate


def _record_registration(run: Run, plan: Plan, shipped: Path, version: str) -> None:
    with run.stage("register", {"gguf": sha256(shipped), "ollama": version}) as stage:
        stage.facts["model"] = plan.name


def _with_check(certificate: Certificate, check: Check) -> Certificate:
    """The certificate with one more check."""
    return replace(certificate, checks=(*certificate.checks, check))


def _require_pass(certificate: Certificate, run: Run) -> None:
    """Raise SqlLlamaError when a check failed; the certificate that says which is written first."""
    if certificate.passed:
        return
    written = write_certificate(certificate, run.path)[1]
    failed = "; ".join(f"{check.name}: {check.said}" for check in certificate.checks if check.verdict == "fail")
    raise SqlLlamaError(
        f"{written}: {certificate.file} fails its checks ({failed})", fix="train longer, then export again"
    )


def _notes(run: Run, plan: Plan, files: GgufFiles, version: str) -> tuple[str, ...]:
    """Lines for the person who exports: what is still missing or needed."""
    notes = []
    if plan.options.adapter_gguf:
        under = lora_base(run, files.merge_base, "Q8_0")
        notes.append(f"The adapter needs the base {under}: sql-llama chat --model {under}+{_lora(run, plan)}")
    if plan.options.llama_cpp is not None and not known_base(plan.base):
        notes.append(
            f"Converted by the llama.cpp in {plan.options.llama_cpp}: sql-llama's own converter does not know this base"
        )
    certified = run.manifest()["stages"].get("certify", {}).get("inputs", {}).get("gguf")
    if not plan.options.verify and certified != sha256(files.shipped):
        notes.append(f"This file has not been checked yet. To check it: sql-llama verify {run.path}")
    if not version:
        notes.append(HOW_TO_GET_ONE)
    return tuple(notes)
