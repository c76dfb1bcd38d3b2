"""Check an exported run again: its files are those that were made, and what the certificate says still holds."""

from dataclasses import replace
from pathlib import Path

from ..core.base_model import resolve_base
from ..core.errors import DataError
from ..core.files import sha256
from ..core.recipe import read_recipe
from ..core.run import Run
from ..engines.ollama import server_version
from .certify import Certificate, Check, Verdict, certify, certify_ollama


def verify_run(path: Path) -> Certificate:
    """The certificate of the file that the run's Modelfile names, made anew; with Ollama's line where a server answers.

    Raises DataError when the run was not exported.
    """
    run = Run(path)
    stages = run.manifest()["stages"]
    recipe, _ = read_recipe(str(run.recipe_path))
    made = {
        run.path / item["path"]: item["sha256"]
        for name, entry in stages.items()
        if name.startswith("quantize ")
        for item in entry["outputs"]
    }
    shipped = _shipped(run)
    if not made or shipped not in made:
        raise DataError(f"{path}: not exported yet", fix=f"sql-llama export {path}")
    certificate = certify(shipped, resolve_base(recipe.base.model, recipe.base.revision))
    wrong = [file.name for file, digest in made.items() if not file.is_file() or sha256(file) != digest]
    verdict: Verdict = "fail" if wrong else "pass"
    files = Check(
        "files", verdict, f"{len(made) - len(wrong)} of {len(made)} files are as they were made", tuple(wrong)
    )
    certificate = replace(certificate, checks=(files, *certificate.checks))
    version = server_version()
    if version and stages.get("register", {}).get("inputs", {}).get("gguf") == certificate.sha256:
        certificate = certify_ollama(certificate, shipped, recipe.export.name, version)
    return certificate


def _shipped(run: Run) -> Path:
    """The GGUF file that the Modelfile names."""
    try:
        first = (run.path / "Modelfile").read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        raise DataError(f"{run.path}: has no Modelfile", fix=f"sql-llama export {run.path}") from None
    return run.path / first.removeprefix("FROM ").removeprefix("./")
