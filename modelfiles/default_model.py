"""The model that is asked when nobody names one."""

from pathlib import Path

from ..core.errors import DataError
from ..core.run import list_runs
from .modelfile import model_of


def default_model() -> Path:
    """The GGUF that the newest exported run's Modelfile names. Raises DataError when no run has been exported."""
    for found in reversed(list_runs()):
        shipped = model_of(found.path / "Modelfile")
        if shipped and shipped.is_file():
            return shipped
        ggufs = sorted(path for path in found.gguf.glob("[!.]*.gguf") if not path.stem.endswith("-lora-F16"))
        if ggufs:
            return ggufs[0]
    raise DataError("no run has been exported yet", fix="sql-llama export, or give a file with --model")
