"""Checkpoints on the disk: the best adapter beside them, those that are kept to the end, and a disk that is full."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.files import atomic_folder

KEPT = 3  # checkpoints whose adapters stay for the export to choose from
BEST = "best-"
# what torch and safetensors say, in errors of other kinds, when a file cannot be written
NOT_WRITTEN = re.compile(r"PytorchStreamWriter|inline_container|unexpected pos|I/O error|os error|write failed")


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written whole. Half a checkpoint, left by a killed process, is deleted."""
    paths = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for path in paths:
        state = path / "trainer_state.json"  # the trainer writes it last
        with contextlib.suppress(OSError, ValueError):
            json.loads(state.read_text(encoding="utf-8"))
            return path
        shutil.rmtree(path)
    return None


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


def keep_best(model: Any, folder: Path, step: int) -> None:
    """Save the adapter of the best evaluation yet. Earlier ones stay until the next checkpoint is there."""
    with said_when_full(folder, step), atomic_folder(folder / f"{BEST}{step}") as temporary:
        model.save_pretrained(temporary)


def forget_others(folder: Path, best: int | None, last: int) -> None:
    """Delete the best adapters of steps other than `best` that a training from step `last` cannot need any more."""
    for path in folder.glob(f"{BEST}*"):
        step = int(path.name.removeprefix(BEST))
        if step != best or step > last:
            shutil.rmtree(path)


def load_adapter(model: Any, folder: Path) -> None:
    """Give a PeftModel the adapter that a checkpoint or `keep_best` saved."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
