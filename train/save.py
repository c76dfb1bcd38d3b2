"""What a training leaves in the run directory: the adapter and a drawing of the loss. One process alone writes them."""

import json
from pathlib import Path
from typing import Any

from ..core.files import write_text


def save_adapter(model: Any, folder: Path, base: Path) -> None:
    """Save a PeftModel's adapter in bfloat16, half the bytes of what is trained; no path of this machine is in it."""
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder)
    weights = folder / "adapter_model.safetensors"
    save_file({name: tensor.bfloat16().contiguous() for name, tensor in load_file(weights).items()}, weights)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base.name
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # a set in peft, whose order differs from process to process
    write_text(folder / "adapter_config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)


def draw_loss(metrics: Path, path: Path, title: str) -> None:
    """Draw the loss of a metrics.jsonl over the steps, as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot([line["step"] for line in lines], [line["loss"] for line in lines])
    axes.set(xlabel="step", ylabel="loss of the answer tokens", title=title, yscale="log")
    figure.savefig(path, format="svg")
    pyplot.close(figure)
