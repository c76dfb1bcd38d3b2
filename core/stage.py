"""One stage of a run: find out whether it is done and, if not, write its files and list it in the manifest last.

    with run.stage("train", {"recipe": "9f2c...", "base": "01ab..."}) as stage:
        if not stage.done:
            checkpoints = stage.work_folder("checkpoints")
            with stage.folder(run.adapter) as temporary:
                model.save_pretrained(temporary)
            stage.facts["steps"] = 51

A process that is killed at any moment leaves no half-written file under a final name, and no entry in the manifest
whose files are not the ones that it describes: the old entry goes before the first file is replaced, the new one comes
after the last. A block that raises leaves no entry either. Only one process of a training on several GPUs may open a
stage.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .files import atomic, atomic_folder, write_json

WORK_INPUTS = "stage-inputs.json"  # in a work folder: the inputs that its content belongs to


class Stages(Protocol):
    """What keeps the list of finished stages: a run directory (run.py)."""

    @property
    def path(self) -> Path:
        """The folder that all outputs are in."""
        ...

    def manifest(self) -> dict[str, Any]:
        """Read the list, under `stages`."""
        ...

    def done(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether a stage is listed with these inputs and its outputs are whole."""
        ...

    def forget(self, stage: str) -> None:
        """Take a stage from the list."""
        ...

    def finish(
        self, stage: str, inputs: Mapping[str, str], outputs: Sequence[Path], seconds: float, **facts: Any
    ) -> None:
        """Put a stage on the list, by one move."""
        ...


@dataclass
class Stage:
    """A stage while it is open.

    `done`: the manifest lists it with these inputs, and its outputs are whole, so that there is nothing to do.
    `facts`: what is recorded beside inputs and outputs; those of the earlier entry when the stage is done.
    """

    run: Stages
    name: str
    inputs: Mapping[str, str]
    done: bool
    facts: dict[str, Any] = field(default_factory=dict)
    outputs: list[Path] = field(default_factory=list)
    work_folders: list[Path] = field(default_factory=list)

    @contextlib.contextmanager
    def file(self, path: Path) -> Iterator[Path]:
        """Yield a temporary file to write; it is moved to `path`, an output of the stage, when the block ends well."""
        with atomic(path) as temporary:
            yield temporary
            self.output(path)

    @contextlib.contextmanager
    def folder(self, path: Path) -> Iterator[Path]:
        """Yield a temporary folder to fill; it is moved to `path`, an output of the stage, when the block ends well."""
        with atomic_folder(path) as temporary:
            yield temporary
            self.output(path)

    def output(self, path: Path) -> Path:
        """Name an output before a function that is itself atomic writes it; returns `path`."""
        self.run.forget(self.name)
        self.outputs.append(path)
        return path

    def work_folder(self, name: str) -> Path:
        """Return a folder in the run that a killed stage goes on from, such as checkpoints.

        It stays when the stage fails, and is deleted when the stage is done. Folders in it that belong to other inputs
        are deleted here.
        """
        folder = self.run.path / name
        marker = folder / WORK_INPUTS
        if marker.is_file() and json.loads(marker.read_text(encoding="utf-8")) != dict(self.inputs):
            for old in folder.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
        write_json(marker, dict(self.inputs))  # after the deletion, so that a kill in between is noticed
        self.work_folders.append(folder)
        return folder


@contextlib.contextmanager
def open_stage(run: Stages, name: str, inputs: Mapping[str, str], shared_by: int) -> Iterator[Stage]:
    """Open a stage of a run and, when it is not done, list it as finished at the end; see `Run.stage`."""
    entry = run.manifest()["stages"].get(name, {})
    if run.done(name, inputs):
        facts = {key: value for key, value in entry.items() if key not in ("inputs", "outputs", "seconds")}
        yield Stage(run, name, inputs, True, facts)
        return
    stage = Stage(run, name, inputs, False)
    started = time.monotonic()
    yield stage
    run.finish(name, inputs, stage.outputs, (time.monotonic() - started) / shared_by, **stage.facts)
    for folder in stage.work_folders:
        shutil.rmtree(folder, ignore_errors=True)
