"""The run directory: everything one fine-tune made, and what made it.

    runs/<date>-<recipe>/
      manifest.json  recipe.toml  metrics.jsonl  data/{train,valid}.jsonl  checkpoints/  adapter/  gguf/  Modelfile
      certificate.json  certificate.md  evals/

The manifest lists the stages that are finished. A stage is done when it is listed with the same inputs and all its
outputs are still there; any other is run again (stage.py).
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
from .errors import DataError, NotExported, RecipeError, SqlLlamaError
from .files import sha256, size, write_json, write_text
from .portable import first_difference, same_training
from .settings import settings
from .stage import Stage, open_stage

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class Run:
    """One run directory. All state is on the disk."""

    path: Path

    @property
    def manifest_path(self) -> Path:
        """The file that lists the finished stages."""
        return self.path / "manifest.json"

    @property
    def recipe_path(self) -> Path:
        """The recipe as it was used, with every value written out."""
        return self.path / "recipe.toml"

    @property
    def recipe_hash(self) -> str:
        """The sha256 of the recipe that the run began with: paths and devices may be others now (portable.py)."""
        return str(self.manifest().get("recipe_sha256") or sha256(self.recipe_path))

    @property
    def adapter(self) -> Path:
        """The folder of the LoRA weights."""
        return self.path / "adapter"

    @property
    def gguf(self) -> Path:
        """The folder of the GGUF files."""
        return self.path / "gguf"

    def manifest(self) -> dict[str, Any]:
        """Read the manifest; raises DataError when it is missing or broken."""
        try:
            manifest = json.loads(self.manifest_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise self._not_a_run() from None
        except ValueError as error:
            raise DataError(f"{self.manifest_path}: broken ({error})", fix="sql-llama train RECIPE") from None
        if not isinstance(manifest, dict) or "stages" not in manifest:
            raise DataError(f"{self.manifest_path}: not a manifest of sql-llama", fix="sql-llama train RECIPE")
        return manifest

    def _not_a_run(self) -> DataError:
        inside = sorted(self.path.glob("*/manifest.json"))
        if inside:
            return DataError(
                f"{self.path}: not a run directory itself, but a folder of run directories",
                fix=f"name one of them, such as {inside[-1].parent}",
            )
        return DataError(f"{self.path}: not a run directory (it has no manifest.json)", fix="sql-llama train RECIPE")

    def shipped(self) -> Path:
        """Return the GGUF file that ships: the one that the Modelfile names. Raises NotExported when there is none."""
        try:
            lines = (self.path / "Modelfile").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        name = next((line.removeprefix("FROM ").strip() for line in lines if line.startswith("FROM ")), "")
        if not name or not (self.path / name).is_file():
            raise NotExported(f"{self.path}: not exported yet", fix=f"sql-llama export {self.path}")
        return self.path / name

    def merge_base(self) -> str:
        """Return what the last export merged the adapter into: `base` or `nf4`; empty before the first export."""
        stages = self.manifest()["stages"].values()
        recorded = [str(entry["inputs"]["ground"]) for entry in stages if "ground" in entry.get("inputs", {})]
        return recorded[-1].split()[0] if recorded else ""

    @contextlib.contextmanager
    def stage(self, name: str, inputs: Mapping[str, str], *, shared_by: int = 1) -> Iterator[Stage]:
        """Open a stage: the block looks at `stage.done`, and writes the outputs when it is not done.

        The entry in the manifest is written when the block ends without an exception. `inputs` lead from a name to a
        hash or a value. `shared_by` stages are open for the same work at once: each records its part of the seconds.
        """
        with open_stage(self, name, inputs, shared_by) as stage:
            yield stage

    def done(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Tell whether a stage is listed with these inputs and every output is there with its size."""
        entry = self.manifest()["stages"].get(stage)
        if entry is None or entry["inputs"] != dict(inputs):
            return False
        outputs = ((self.path / item["path"], item["bytes"]) for item in entry["outputs"])
        return all(path.exists() and size(path) == expected for path, expected in outputs)

    def forget(self, stage: str) -> None:
        """Take a stage out of the manifest, before its outputs are replaced: a new file may have the old one's size."""
        manifest = self.manifest()
        if manifest["stages"].pop(stage, None) is not None:
            write_json(self.manifest_path, manifest)

    def finish(
        self, stage: str, inputs: Mapping[str, str], outputs: Sequence[Path], seconds: float, **facts: Any
    ) -> None:
        """List a stage as finished, after all others; `outputs` are files and folders under the run directory."""
        manifest = self.manifest()
        manifest["stages"].pop(stage, None)
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


def create_run(path: Path, recipe_name: str, recipe_text: str) -> Run:
    """Make a run directory, or return the one at `path` when it holds the same recipe (to resume it).

    Where only paths and devices are others, it keeps the new ones. Raises RecipeError when it holds another recipe.
    """
    run = Run(path)
    if run.manifest_path.exists():
        manifest = run.manifest()
        before = run.recipe_path.read_text(encoding="utf-8") if run.recipe_path.is_file() else ""
        if before and before != recipe_text and same_training(before, recipe_text):
            write_json(run.manifest_path, {**manifest, "recipe_sha256": run.recipe_hash})
            write_text(run.recipe_path, recipe_text)
        elif before != recipe_text:
            raise _another_recipe(path, before, recipe_text)
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


def _another_recipe(path: Path, before: str, now: str) -> RecipeError:
    """The error for a run directory of another recipe; it names the first key that differs."""
    fix = "choose another folder with --run"
    if not before:
        return RecipeError(f"{path}: holds a run without its recipe.toml", fix=fix)
    key, there, here = first_difference(before, now)
    default = "the default"
    differs = f" ({key}: {default if there is None else there}; now {default if here is None else here})" if key else ""
    return RecipeError(f"{path}: holds a run of another recipe or other settings{differs}", fix=fix)


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
    """Do what `create_run` does, and remove what it made when the block fails before a first stage is finished.

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
    """Return the folder for a run of this recipe: the newest run with the same recipe, to go on, else a new folder."""
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
    """List the run directories in the runs folder, oldest first."""
    dated = []
    for path in settings().runs.glob("*/manifest.json"):
        run = Run(path.parent)
        try:
            created = run.manifest()["created"]
        except (DataError, KeyError):
            continue
        if run.recipe_path.is_file():
            dated.append((created, str(path), run))
    return [run for _, _, run in sorted(dated, key=lambda item: item[:2])]


def newest_run() -> Run:
    """Return the run that `export` takes when none is named; raises DataError when there is no run."""
    runs = list_runs()
    if not runs:
        raise DataError(f"{settings().runs}: no runs yet", fix="sql-llama train laptop")
    return runs[-1]


def newest_exported_run() -> Run:
    """Return the run that `verify`, `inspect`, `ask` and `chat` take when none is named; raises NotExported."""
    for run in reversed(list_runs()):
        with contextlib.suppress(NotExported):
            run.shipped()
            return run
    raise NotExported(f"{settings().runs}: no run has been exported yet", fix="sql-llama export, or name a GGUF file")
