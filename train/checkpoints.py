"""Checkpoints on the disk: which are whole, the best adapter beside them, and a disk that is full."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.files import atomic_folder, write_json
from .processes import here

KEPT = 3  # checkpoints whose adapters stay for the export to choose from
BEST = "best-"
COMPLETE = "complete.json"  # in a checkpoint, written last: its files and their bytes
# what torch and safetensors say, in errors of other kinds, when a file cannot be written
NOT_WRITTEN = re.compile(r"PytorchStreamWriter|inline_container|unexpected pos|I/O error|os error|write failed")


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written whole. Half a checkpoint, left by a killed process, is deleted."""
    paths = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for path in paths:
        if _whole(path):
            return path
        if here().main:
            shutil.rmtree(path)
    return None


def mark_complete(checkpoint: Path) -> None:
    """List the files of a checkpoint in it, when every process has written its own."""
    write_json(checkpoint / COMPLETE, {path.name: path.stat().st_size for path in sorted(checkpoint.iterdir())})


def _whole(checkpoint: Path) -> bool:
    """Whether every file of a checkpoint is there with all its bytes."""
    with contextlib.suppress(OSError, ValueError):
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        if (checkpoint / COMPLETE).is_file():
            listed = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
            return all((checkpoint / name).stat().st_size == size for name, size in listed.items())
        # of an earlier version, in which one process wrote that file last; several have not finished
        return not list(checkpoint.glob("rng_state_*.pth"))
    return False


@contextlib.contextmanager
def said_when_full(folder: Path, step: int) -> Iterator[None]:
    """Turn the errors of a checkpoint that cannot be written into SqlLlamaError; what is there of it is deleted."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not isinstance(error, OSError) and not NOT_WRITTEN.search(str(error)):
            raise
        shutil.rmtree(folder / f"checkpoint-{step}", ignore_errors=True)
        earlier = last_checkpoint(folder)
        goes_on = f"goes on from step {earlier.name.split('-')[1]}" if earlier else "begins again"
        full = "No space left on device"
        reason = getattr(error, "strerror", None) or (full if full in str(error) else "the file is not whole")
        raise SqlLlamaError(
            f"{folder / f'checkpoint-{step}'}: cannot be written ({reason})",
            fix=f"free some disk space (df -h) and give the same command again: it {goes_on}",
        ) from None


def keep_best(model: Any, folder: Path, step: int, weights: Mapping[str, Any] | None = None) -> None:
    """Save the adapter of the best evaluation yet. Earlier ones stay until the next checkpoint is there.

    `weights` are the model's own by name, where it holds only a part of them.
    """
    with said_when_full(folder, step), atomic_folder(folder / f"{BEST}{step}") as temporary:
        model.save_pretrained(temporary, state_dict=weights)


def forget_others(folder: Path, best: int | None, last: int) -> None:
    """Delete the best adapters of steps other than `best` that a training from step `last` cannot need any more."""
    for path in folder.glob(f"{BEST}*"):
        step = int(path.name.removeprefix(BEST))
        if step != best or step > last:
            shutil.rmtree(path)


def load_adapter(model: Any, folder: Path) -> None:
    """Give a PeftModel the adapter that a checkpoint or `keep_best` saved."""
    from safetensors.torch import load_file

    from .shards import give_adapter

    give_adapter(model, load_file(folder / "adapter_model.safetensors"))
