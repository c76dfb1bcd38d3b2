"""The adapter that a run keeps beside its files, to be verified against."""

import shutil
from pathlib import Path

from ..core.files import atomic_folder, sha256
from ..core.run import Run


def keep_adapter(run: Run, adapter: Path) -> Path:
    """Copy an adapter into the run, unless the run's own is the same; returns the run's own."""
    if not run.adapter.is_dir() or sha256(run.adapter) != sha256(adapter):
        with atomic_folder(run.adapter) as temporary:
            shutil.copytree(adapter, temporary, dirs_exist_ok=True)
    return run.adapter
