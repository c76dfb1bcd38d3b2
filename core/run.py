"""The run directory: everything one fine-tune made, and what made it.

    runs/<date>-<recipe>/
      manifest.json  recipe.toml  metrics.jsonl  data/{train,valid}.jsonl  checkpoints/  adapter/  gguf/  Modelfile
      certificate.json  certificate.md  evals/

A stage's entry in manifest.json is written last and atomically: a stage that is listed, with the same inputs and with
its outputs still in place, is done; any other is run again.
"""

import contextlib
import datetime
import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from .errors import DataError, RecipeError, SqlLlamaError
from .files import sha256, size, write_json
from .settings import settings

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class Run:
    """One run directory. All state is on the disk."""

    path: Path

    @property
    def manifest_path(self) -> Path:
        return self.path / "manifest.json"

    @property
    def recipe_path(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def gguf(self) -> Path:
        return self.path / "gguf"

    def manifest(self) -> dict[str, Any]:
        """The manifest; raises DataError when it is missing or broken."""
        try:
            manifest = json.loads(self.manifest_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise DataError(
                f"{self.path}: not a run directory (no manifest.json)", fix="sql-llama train RECIPE"
            ) from None
        except ValueError as error:
            raise DataError(f"{self.manifest_path}: broken ({error})", fix="sql-llama train RECIPE") from None
        if not isinstance(manifest, dict) or "stages" not in manifest:
            raise DataError(f"{self.manifest_path}: not a manifest of sql-llama", fix="sql-llama train RECIPE")
        return manifest

    def ground(self) -> str:
        """What the adapter was merged into by the last export: `base` or `nf4`; empty before there was one."""
        stages = self.manifest()["stages"].values()
        stated = [str(entry["inputs"]["ground"]) for entry in stages if "ground" in entry.get("inputs", {})]
        return stated[-1].split()[0] if stated else ""

    def done(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether a stage ended well with these inputs and all it wrote is still there, byte for byte in size."""
        entry = self.manifest()["stages"].get(stage)
        if entry is None or entry["inputs"] != dict(inputs):
            return False
        outputs = ((self.path / item["path"], item["bytes"]) for item in entry["outputs"])
        return all(path.exists() and size(path) == wanted for path, wanted in outputs)

    def begin(self, stage: str) -> None:
        """Forget that a stage was done, before its outputs are written over: another file may have their size."""
        manifest = self.manifest()
        if manifest["stages"].pop(stage, None) is not None:
            write_json(self.manifest_path, manifest)

    def finish(
        self, stage: str, inputs: Mapping[str, str], outputs: Sequence[Path], seconds: float, **facts: Any
    ) -> None:
        """Record a finished stage: `inputs` name to hash or value, `outputs` under the run directory."""
        manifest = self.manifest()
        manifest["stages"].pop(stage, None)  # the latest stands last
        manifest["stages"][stage] = {
            "inputs": dict(inputs),
            "outputs": [
                {"path": path.relative_to(self.path).as_posix(), "sha256": sha256(path), "bytes": size(path)}
                for path in outputs
            ],
            "seconds": round(seconds, 3),
            **facts,
        }
        write_json(self.manifest_path, manifest)

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest's top level."""
        write_json(self.manifest_path, {**self.manifest(), **facts})


def create_run(path: Path, recipe_name: str, recipe_text: str) -> Run:
    """Make a run directory, or return the one at `path` when it holds the same recipe (to resume it).

    Raises RecipeError when it holds another recipe.
    """
    run = Run(path)
    if run.manifest_path.exists():
        run.manifest()
        if not run.recipe_path.is_file() or run.recipe_path.read_text(encoding="utf-8") != recipe_text:
            raise RecipeError(
                f"{path}: holds a run of another recipe or other settings", fix="choose another folder with --run"
            )
        return run
    if path.exists() and not _may_begin(run, recipe_text):
        raise RecipeError(f"{path}: not empty and not a run directory", fix="choose another folder with --run")
    path.mkdir(parents=True, exist_ok=True)
    run.recipe_path.write_text(recipe_text, encoding="utf-8")
    write_json(
        run.manifest_path,
        {
            "manifest_version": MANIFEST_VERSION,
            "sql_llama": __version__,
            "recipe": recipe_name,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "stages": {},
        },
    )
    return run


def _may_begin(run: Run, recipe_text: str) -> bool:
    """Whether a run can begin in an existing path: an empty folder, or one that was killed while it was being made."""
    if not run.path.is_dir():
        return False
    if not run.recipe_path.is_file():
        return not any(run.path.iterdir())
    # half written at most; a recipe of the user's own is not written over
    return recipe_text.startswith(run.recipe_path.read_text(encoding="utf-8", errors="ignore"))


@contextlib.contextmanager
def fresh_run(path: Path, recipe_name: str, recipe_text: str) -> Iterator[Run]:
    """`create_run`, and away with what it made when the block fails before a first stage is finished.

    A folder that held anything before is left alone. Raises what `create_run` raises.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    held = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    try:
        run = create_run(path, recipe_name, recipe_text)
        yield run
    except Exception:
        if not held:
            with contextlib.suppress(OSError, SqlLlamaError):
                _discard(Run(path), made)
        raise


def _discard(run: Run, made: Sequence[Path]) -> None:
    """Empty a run directory that has no finished stage and remove the folders in `made`, innermost first."""
    if run.manifest_path.exists() and run.manifest()["stages"]:
        return
    for child in run.path.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()
    for folder in made:
        folder.rmdir()  # fails, and the rest stays, where another run has come into it


def new_run_path(recipe_name: str, recipe_text: str) -> Path:
    """Where a run of this recipe goes: the newest one with the very same recipe, to go on, else a new folder."""
    for run in reversed(list_runs()):
        if run.manifest().get("recipe") == recipe_name and run.recipe_path.read_text(encoding="utf-8") == recipe_text:
            return run.path
    stem = settings().runs / f"{datetime.date.today().isoformat()}-{recipe_name}"
    number, path = 1, stem
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}-{number}")
    return path


def list_runs() -> list[Run]:
    """The run directories in the runs folder, oldest first."""
    found = []
    for path in settings().runs.glob("*/manifest.json"):
        run = Run(path.parent)
        try:
            created = run.manifest()["created"]
        except (DataError, KeyError):
            continue
        if run.recipe_path.is_file():
            found.append((created, str(path), run))
    return [run for _, _, run in sorted(found, key=lambda item: item[:2])]


def latest_run() -> Run:
    """The newest run; raises DataError when there is none."""
    runs = list_runs()
    if not runs:
        raise DataError(f"{settings().runs}: no runs yet", fix="sql-llama train laptop")
    return runs[-1]
