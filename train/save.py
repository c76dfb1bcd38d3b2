"""What a training leaves in the run directory: the adapter, or those of several steps. One process writes them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.files import write_text


def save_adapter(model: Any, folder: Path, base: Path, weights: Mapping[str, Any] | None = None) -> None:
    """Save a PeftModel's adapter in bfloat16, half the bytes of what is trained; no path of this machine is in it.

    `weights` are the model's own by name, where it holds only a part of them.
    """
    model.save_pretrained(folder, state_dict=weights)
    _as_kept(folder, base)


def save_checkpoints(checkpoints: Path, folder: Path, base: Path) -> None:
    """Save the adapter of each checkpoint as `save_adapter` does, in a folder `step-N` of its own."""
    for checkpoint in checkpoints.glob("checkpoint-*"):
        out = folder / f"step-{checkpoint.name.split('-')[1]}"
        out.mkdir()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(checkpoint / name, out / name)
        _as_kept(out, base)


def _as_kept(folder: Path, base: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "adapter_model.safetensors"
    save_file({name: tensor.bfloat16().contiguous() for name, tensor in load_file(weights).items()}, weights)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base.name
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # a set in peft, whose order differs from process to process
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)
