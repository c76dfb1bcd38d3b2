"""Check an exported run, or one GGUF file, again: whether it is still the file that was made and certified."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..core.errors import NotExported, SqlLlamaError
from ..core.files import sha256
from ..core.read_recipe import read_recipe
from ..core.recipe import Recipe
from ..core.run import Run
from ..engines.ollama import server_version
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
from .gguf_files import known_base
from .merge.merge import MergeBase, merge, tokenizer_of

EXTRAS = ("merged", "adapter", "imatrix")  # stages whose outputs are not models to run


@dataclass(frozen=True)
class _Made:
    """What a manifest says of a run's files: their hashes, and what each model was merged into.

    `merge_bases` leads from a resolved path to `base`, or to `nf4` with its compute type: the files of one run may have
    different ones.
    """

    hashes: dict[Path, str]
    merge_bases: dict[Path, str]


def verify_run(path: Path, gguf: Path | None = None) -> Certificate:
    """Make the certificate of a run's file again; by default of the one that its Modelfile names.

    It has one more check for each other file of the run, of how near that is to the merged model, and those of Ollama
    where a server answers. Raises NotExported when the run or the file was not exported.
    """
    run = Run(path)
    made = _made(run)
    recipe, _ = read_recipe(str(run.recipe_path))
    chosen = gguf or run.shipped()
    if chosen.resolve() not in made.merge_bases:
        raise NotExported(f"{path}: not exported yet", fix=f"sql-llama export {path}")
    base = resolve_base(recipe.base.model, recipe.base.revision)
    references: dict[str, Reference | None] = {}

    def merged(file: Path) -> Reference | None:
        merge_base = made.merge_bases[file.resolve()]
        if merge_base not in references:
            references[merge_base] = run_reference(run, recipe, base, merge_base)
        return references[merge_base]

    tokenizer = tokenizer_of(base, _adapter(run, recipe))
    page = run.path / "Modelfile"
    certificate = certify(chosen, base, reference=merged(chosen), modelfile=page, tokenizer=tokenizer)
    others = [
        replace(closeness_of_file(file, merged(file)), name=f"divergence {file.name}")
        for file in made.hashes
        if file.is_file() and file.resolve() in made.merge_bases.keys() - {chosen.resolve()}
    ]
    checks = (
        _unchanged(made.hashes),
        *certificate.checks,
        *others,
        provenance_check(chosen, run, base),
        accuracy_check(run, chosen),
    )
    certificate = replace(certificate, checks=checks, hashes={**certificate.hashes, **_hashes(run, recipe)})
    version = server_version()
    registered = run.manifest()["stages"].get("register", {}).get("inputs", {}).get("gguf")
    if version and registered == certificate.sha256:
        certificate = certify_ollama(certificate, chosen, recipe.export.name, version)
    return certificate


def _made(run: Run) -> _Made:
    stages = run.manifest()["stages"]
    first = next((entry["inputs"]["ground"] for entry in stages.values() if "ground" in entry["inputs"]), "base")
    made = _Made({}, {})
    for name, entry in stages.items():
        is_model = name.startswith("quantize ")
        for output in entry["outputs"] if is_model or name in EXTRAS else ():
            file = run.path / output["path"]
            made.hashes[file] = output["sha256"]
            if is_model:
                made.merge_bases[file.resolve()] = entry["inputs"].get("ground", first)
    return made


def verify_file(gguf: Path, base: Path | None = None) -> Certificate:
    """Return the certificate of a GGUF file: as a run's file where it is in a run, else by what it states of its base.

    A base on the Hub is not downloaded: the file is compared with it only where `base` is its folder.
    """
    metadata = check_gguf(gguf)
    run = Run(gguf.absolute().parent.parent)
    if base is None and run.manifest_path.is_file() and run.recipe_path.is_file():  # others have a manifest.json too
        with contextlib.suppress(NotExported):
            return verify_run(run.path, gguf)
    stated_base, problem = str(metadata.get("sql_llama.base", "")), ""
    if base is None and stated_base.startswith("package:"):
        try:
            base = resolve_base(stated_base)
        except SqlLlamaError as error:
            problem = error.message
    certificate = certify(gguf, base)
    check = _base_check(base, stated_base, str(metadata.get("sql_llama.base.sha256", "")), problem)
    return replace(certificate, checks=(*certificate.checks, check))


def _base_check(base: Path | None, stated_base: str, stated_hash: str, problem: str) -> Check:
    """Whether a file outside a run was made from the base that it states; `problem` is why that base is not here."""
    if base is not None and stated_hash:
        same = fingerprint(base) == stated_hash
        message = f"{base.name} is {'' if same else 'not '}the base that the file records"
        return Check("provenance", "pass" if same else "fail", message)
    if base is None and stated_base:
        option = f"--base {stated_base}" if HUB_ID.match(stated_base) else "--base DIR"
        message = problem or f"made from {stated_base}; give {option} to compare the file with it"
        return Check("provenance", "skipped", message)
    return Check("provenance", "skipped", "the file does not record what it was made from")


def run_reference(run: Run, recipe: Recipe, base: Path, merge_base: str = "base") -> Reference | None:
    """Return the merged model's predictions at the answers to the run's validation questions.

    `merge_base` is what the manifest states: `nf4 bfloat16`, or `base`. None when the adapter is gone, and for a base
    that only llama.cpp converts.
    """
    adapter = _adapter(run, recipe)
    if adapter is None or not known_base(base):
        return None
    weights, _, dtype = merge_base.partition(" ")
    chats = answers(tokenizer_of(base, adapter), family(recipe.base.family), run.path / "data" / "valid.jsonl")
    return reference(base, merge(base, adapter, merge_base=cast(MergeBase, weights), dtype=dtype or "bfloat16"), chats)


def provenance_check(gguf: Path, run: Run, base: Path) -> Check:
    """Compare the hashes that the file states of its base, adapter and data with those of the run."""
    metadata = check_gguf(gguf)
    if "sql_llama.version" not in metadata:
        return Check("provenance", "skipped", "the file does not record what it was made from")
    recipe, _ = read_recipe(str(run.recipe_path))
    hashes = {"base": fingerprint(base), **_hashes(run, recipe)}
    stated = {name: value for name in hashes if (value := metadata.get(f"sql_llama.{name}.sha256")) is not None}
    wrong = tuple(name for name, value in stated.items() if value != hashes[name])
    message = f"{len(stated) - len(wrong)} of {len(stated)} recorded inputs agree with the run"
    return Check("provenance", "fail" if wrong else "pass", message, wrong)


def accuracy_check(run: Run, gguf: Path) -> Check:
    """Return the execution accuracy of the file, from the report that the export's gate left in the run."""
    entry = run.manifest()["stages"].get("gate")
    if entry is None or entry["inputs"].get("gguf") != sha256(gguf):
        return Check("answers", "skipped", "not evaluated: sql-llama eval, or export with --gate")
    try:
        report = json.loads((run.path / "evals" / "report.json").read_text(encoding="utf-8"))
        model = next(item for item in report["models"] if Path(item["path"]).name == gguf.name)
        accuracy: dict[str, Any] = model["metrics"]["execution_accuracy"]
        numbers = {key: float(accuracy[key]) for key in ("value", "low", "high", "n")}
        comparisons = "; ".join(f"{check['name']}: {check['said']}" for check in report["gate"]["checks"])
        verdict: Verdict = "pass" if report["gate"]["passed"] else "fail"
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return Check("answers", "skipped", "the run's evals/report.json is not of this file")
    score = (
        f"{numbers['value']:.1%} right ({numbers['low']:.1%} to {numbers['high']:.1%}, {numbers['n']:.0f} questions)"
    )
    return Check("answers", verdict, f"{score}; {comparisons}", (), numbers)


def _unchanged(hashes: dict[Path, str]) -> Check:
    """Whether the files of a run are as the export wrote them."""
    wrong = tuple(file.name for file, digest in hashes.items() if not file.exists() or sha256(file) != digest)
    message = f"{len(hashes) - len(wrong)} of {len(hashes)} files are unchanged since the export"
    return Check("files", "fail" if wrong else "pass", message, wrong)


def _adapter(run: Run, recipe: Recipe) -> Path | None:
    """The adapter of a run, in its folder or where the recipe says; None when it is gone."""
    folder = run.adapter if run.adapter.is_dir() else Path(recipe.train.start).expanduser()
    return folder if (folder / "adapter_config.json").is_file() else None


def _hashes(run: Run, recipe: Recipe) -> dict[str, str]:
    """Hashes of a run's adapter and data, as far as they are there."""
    paths = {
        "adapter": run.adapter if run.adapter.is_dir() else Path(recipe.train.start).expanduser(),
        "data.train": run.path / "data" / "train.jsonl",
        "data.valid": run.path / "data" / "valid.jsonl",
    }
    return {name: sha256(path) for name, path in paths.items() if path.exists()}
