"""Files that are whole or not there at all."""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import SqlLlamaError

ABANDONED = 24 * 3600  # seconds without a write after which a temporary file belongs to no living process


@contextlib.contextmanager
def _writing(path: Path, temporary: Path) -> Iterator[None]:
    """Name the file that cannot be written: the system names the temporary one, and numpy none at all."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and temporary not in (Path(error.filename), *Path(error.filename).parents):
            raise  # about another file
        raise SqlLlamaError(
            f"{path}: cannot be written ({error.strerror or error})", fix="check the free disk space (df -h)"
        ) from None


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write; it is moved onto `path` when the block ends well, else removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with _writing(path, temporary):
            yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Do what `atomic` does, for a folder that does not exist yet or that is replaced whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        with _writing(path, temporary):
            yield temporary
        temporary.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a folder and keep other processes of this kind out of it; a process that was killed keeps nobody out.

    Raises SqlLlamaError while another process is in it.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SqlLlamaError(
                f"{folder}: another process is writing there", fix="wait until it has ended, or give another folder"
            ) from None
        except OSError:
            pass  # a disk without locks
        yield
    finally:
        os.close(handle)


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove what killed processes left in `folder` under temporary names: files and folders not touched for a day."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):  # of somebody else, or just gone
            if time.time() - max(item.stat().st_mtime for item in (path, *path.rglob("*"))) < ABANDONED:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files by name and content, as hexadecimal text."""
    if path.is_dir():
        parts = [f"{p.relative_to(path).as_posix()} {sha256(p)}" for p in sorted(path.rglob("*")) if p.is_file()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    stat = path.stat()
    return _digest(path.resolve(), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _digest(path: Path, inode: int, size: int, changed: int) -> str:
    """The hash of a file, kept until the file changes: an export asks for that of a model five times."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(path: Path) -> int:
    """Count the bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def need_space(folder: Path, wanted: int, what: str) -> None:
    """Raise before long work when `folder`'s disk has less than `wanted` bytes free."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < wanted:
        raise SqlLlamaError(
            f"{folder}: {what} needs {wanted / 2**20:.0f} MiB of disk and {free / 2**20:.0f} MiB are free",
            fix="free some space, or put the folder elsewhere",
        )
