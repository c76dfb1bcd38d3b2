"""A zip of databases, unpacked once into the cache folder."""

import zipfile
from pathlib import Path

from ...core.errors import DataError
from ...core.files import atomic_folder, need_space


def unpacked(packed: Path, cache: Path) -> Path:
    """Unpack a zip of databases once into the cache folder; returns the folder of the databases."""
    stat = packed.stat()
    target = cache / "databases" / f"{packed.parent.name}-{stat.st_size:x}-{int(stat.st_mtime):x}"
    if not target.is_dir():
        try:
            with zipfile.ZipFile(packed) as archive:
                need_space(cache, sum(item.file_size for item in archive.infolist()), "unpacking the databases")
                with atomic_folder(target) as temporary:
                    archive.extractall(temporary)
        except zipfile.BadZipFile:
            raise DataError(f"{packed}: not a zip file", fix="fetch it again") from None
    inner = target / "database"
    return inner if inner.is_dir() else target
