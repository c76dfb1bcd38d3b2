"""Check an exported run, or one GGUF file, again: it is what was made, and what its certificate says still holds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ..core.errors import DataError, SqlLlamaError
from ..core.files import sha256
from ..core.recipe import Recipe, read_recipe
from ..core.run import Run
from ..engines.ollama import server_version
from ..modelfiles.modelfile import model_of
from ..modelfiles.templates import family
from ..models.base import resolve_base
from ..models.folder import fingerprint
from ..models.gguf_header import check_gguf
from .certificate.answers import answers
from .certificate.certificate import Certificate, Check, Verdict
from .certificate.certify import certify, certify_ollama
from .certificate.closeness import closeness_of_file
from .certificate.provenance import HUB_ID
from .certificate.reference import Reference, reference
from .gguf_files import known
from .merge.merge import Ground, merge, tokenizer_of

BESIDE = ("merged", "adapter", "imatrix")  # stages whose outputs lie beside the model files


def verify_run(path: Path, gguf: Path | None = None) -> Certificate:
    """The certificate of a run's file, made anew; by default of the one that its Modelfile names.

    With a line for each other file of the run that is not as near to the merged model as it may be, and Ollama's line
    where a server answers. Raises DataError when the run was not exported.
    """
    run = Run(path)
    stages = run.manifest()["stages"]
    recipe, _ = read_recipe(str(run.recipe_path))
    said = next((entry["inputs"]["ground"] for entry in stages.values() if "ground" in entry["inputs"]), "base")
    made: dict[Path, str] = {}
    grounds: dict[Path, str] = {}  # what each file was merged over: two types may have chosen differently
    for name, entry in stages.items():
        model = name.startswith("quantize ")
        for item in entry["outputs"] if model or name in BESIDE else ():
            file = run.path / item["path"]
            made[file] = item["sha256"]
            if model:
                grounds[file.resolve()] = entry["inputs"].get("ground", said)
    chosen = gguf or model_of(run.path / "Modelfile")
    if chosen is None or chosen.resolve() not in grounds:
        raise DataError(f"{path}: not exported yet", fix=f"sql-llama export {path}")
    base = resolve_base(recipe.base.model, recipe.base.revision)
    references: dict[str, Reference | None] = {}

    def merged(file: Path) -> Reference | None:
        ground = grounds[file.resolve()]
        if ground not in references:
            references[ground] = run_reference(run, recipe, base, ground)
        return references[ground]

    tokenizer = tokenizer_of(base, _adapter(run, recipe))
    beside = run.path / "Modelfile"
    certificate = certify(chosen, base, reference=merged(chosen), modelfile=beside, tokenizer=tokenizer)
    others = [
        _named(closeness_of_file(file, merged(file)), f"divergence {file.name}")
        for file in made
        if file.is_file() and file.resolve() in grounds.keys() - {chosen.resolve()}
    ]
    checks = (_files(made), *certificate.checks, *others, provenance_check(chosen, run, base), answered(run, chosen))
    certificate = replace(certificate, checks=checks, hashes={**certificate.hashes, **_hashes(run, recipe)})
    version = server_version()
    if version and stages.get("register", {}).get("inputs", {}).get("gguf") == certificate.sha256:
        certificate = certify_ollama(certificate, chosen, recipe.export.name, version)
    return certificate


def verify_file(gguf: Path, base: Path | None = None) -> Certificate:
    """The certificate of a GGUF file: as a run's file where it lies in one, else with what it says of its base.

    A base of the Hub is not downloaded for it: it is compared where `base` gives it.
    """
    metadata = check_gguf(gguf)
    run = Run(gguf.absolute().parent.parent)
    if base is None and run.manifest_path.is_file() and run.recipe_path.is_file():  # a manifest may be of anything
        try:
            return verify_run(run.path, gguf)
        except DataError as error:
            if "not exported yet" not in error.message:
                raise
    named, said = str(metadata.get("sql_llama.base", "")), ""
    if base is None and named.startswith("package:"):
        try:
            base = resolve_base(named)
        except SqlLlamaError as error:
            said = error.message
    stated = metadata.get("sql_llama.base.sha256")
    certificate = certify(gguf, base)
    if base is not None and stated:
        same = fingerprint(base) == stated
        said = f"{base.name} is {'' if same else 'not '}the base that the file says it was made from"
        check = Check("provenance", "pass" if same else "fail", said)
    elif base is None and named:
        given = f"--base {named}" if HUB_ID.match(named) else "--base DIR"
        check = Check("provenance", "skipped", said or f"made from {named}, which is not looked at without {given}")
    else:
        check = Check("provenance", "skipped", "the file says nothing of its making")
    return replace(certificate, checks=(*certificate.checks, check))


def run_reference(run: Run, recipe: Recipe, base: Path, ground: str = "base") -> Reference | None:
    """What a run's merged model says at the answers to its validation questions.

    `ground` is what a file's stage says that it was merged over: `nf4 bfloat16`, or `base`. None when the adapter is
    gone, and of a family that only llama.cpp converts.
    """
    adapter = _adapter(run, recipe)
    if adapter is None or not known(base):
        return None
    ground, _, dtype = ground.partition(" ")
    asked = answers(tokenizer_of(base, adapter), family(recipe.base.family), run.path / "data" / "valid.jsonl")
    return reference(base, merge(base, adapter, ground=cast(Ground, ground), dtype=dtype or "bfloat16"), asked)


def provenance_check(gguf: Path, run: Run, base: Path) -> Check:
    """What the file says of its making is true of the run."""
    metadata = check_gguf(gguf)
    if "sql_llama.version" not in metadata:
        return Check("provenance", "skipped", "the file says nothing of its making")
    recipe, _ = read_recipe(str(run.recipe_path))
    true = {"base": fingerprint(base), **_hashes(run, recipe)}
    stated = {name: metadata.get(f"sql_llama.{name}.sha256") for name in true}
    wrong = [name for name, digest in true.items() if stated[name] is not None and stated[name] != digest]
    checked = [name for name in true if stated[name] is not None]
    said = f"{len(checked) - len(wrong)} of {len(checked)} things that it was made from are those of the run"
    return Check("provenance", "fail" if wrong else "pass", said, tuple(wrong))


def answered(run: Run, gguf: Path) -> Check:
    """Execution accuracy of the file, from the report that the export's gate left in the run."""
    stage = run.manifest()["stages"].get("gate")
    if stage is None or stage["inputs"].get("gguf") != sha256(gguf):
        return Check("answers", "skipped", "not evaluated: sql-llama eval, or export with --gate")
    try:
        report = json.loads((run.path / "evals" / "report.json").read_text(encoding="utf-8"))
        model = next(item for item in report["models"] if Path(item["path"]).name == gguf.name)
        found: dict[str, Any] = model["metrics"]["execution_accuracy"]
        numbers = {key: float(found[key]) for key in ("value", "low", "high", "n")}
        said = "; ".join(f"{check['name']}: {check['said']}" for check in report["gate"]["checks"])
        verdict: Verdict = "pass" if report["gate"]["passed"] else "fail"
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return Check("answers", "skipped", "the run's evals/report.json is not of this file")
    score = (
        f"{numbers['value']:.1%} right ({numbers['low']:.1%} to {numbers['high']:.1%}, {numbers['n']:.0f} questions)"
    )
    return Check("answers", verdict, f"{score}; {said}", (), numbers)


def _files(made: dict[Path, str]) -> Check:
    wrong = [file.name for file, digest in made.items() if not file.exists() or sha256(file) != digest]
    verdict: Verdict = "fail" if wrong else "pass"
    said = f"{len(made) - len(wrong)} of {len(made)} files are as they were made"
    return Check("files", verdict, said, tuple(wrong))


def _named(check: Check, name: str) -> Check:
    return replace(check, name=name)


def _adapter(run: Run, recipe: Recipe) -> Path | None:
    """The adapter of a run, its own or one of elsewhere; None when it is gone."""
    folder = run.adapter if run.adapter.is_dir() else Path(recipe.train.start).expanduser()
    return folder if (folder / "adapter_config.json").is_file() else None


def _hashes(run: Run, recipe: Recipe) -> dict[str, str]:
    """Of what the run was made from and what it made, as far as it is there."""
    paths = {
        "adapter": run.adapter if run.adapter.is_dir() else Path(recipe.train.start).expanduser(),
        "data.train": run.path / "data" / "train.jsonl",
        "data.valid": run.path / "data" / "valid.jsonl",
    }
    return {name: sha256(path) for name, path in paths.items() if path.exists()}
