"""What a file is that is no text in UTF-8, told by its first bytes, and what is said of one that cannot be read."""

import codecs
import gzip
import zlib
from pathlib import Path

from ...core.errors import DataError

HEAD = 4096  # bytes that are looked at
BLOCK = 1 << 20  # bytes that are read at once
KINDS = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",  # its stream
    b"SQLite format 3\0": "a SQLite database",
    b"PK\x03\x04": "a zip file (also what Excel writes)",
    b"version https://git-lfs": "a pointer of Git LFS, not the file",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
}
FIXES = {
    "a SQLite database": "--set data.db=FILE takes a database; data.jsonl takes pairs",
    "a pointer of Git LFS, not the file": "git lfs pull",
    "UTF-16": "save it as UTF-8",
    "packed with xz": "unpack it, or pack it with gzip",
    "packed with zstd": "unpack it, or pack it with gzip",
    "packed with bzip2": "unpack it, or pack it with gzip",
}


def kind_of(head: bytes) -> str:
    """Return what a file is that is no text in UTF-8; empty for text.

    >>> kind_of("SELECT 1".encode("utf-16-le")), kind_of(b"SELECT 1"), kind_of(b"ab\\0\\1")
    ('UTF-16', '', 'binary')
    """
    known = next((kind for start, kind in KINDS.items() if head.startswith(start)), "")
    if known or b"\0" not in head:
        return known
    even, odd = head[::2].count(0), head[1::2].count(0)  # every other byte of a Latin letter in UTF-16 is 0
    return "UTF-16" if min(even, odd) * 10 < max(even, odd) > 3 + len(head) // 4 else "binary"


def not_utf8(path: Path) -> DataError:
    """Return the error of a file, packed with gzip or not, that is not UTF-8, with the first line that is not."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    decoder, line, block = codecs.getincrementaldecoder("utf-8")(), 1, b"begin"
    fix = "save it as UTF-8 (iconv -f latin1 -t utf-8, if it is Latin-1)"
    with gzip.open(path) if packed else path.open("rb") as raw:
        while block:
            block = raw.read(BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += error.object.count(b"\n", 0, error.start)
                byte = error.object[error.start]
                return DataError(f"{path}:{line}: cannot be read (not UTF-8: byte 0x{byte:02x})", fix=fix)
            line += block.count(b"\n")
    return DataError(f"{path}: cannot be read (not UTF-8)", fix=fix)


def cannot_read(path: Path, error: OSError | EOFError | zlib.error) -> DataError:
    """Return the error of a file that the system does not give, or that is damaged."""
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    fix = "check its permissions" if isinstance(error, PermissionError) else "fetch it again"
    return DataError(f"{path}: cannot be read ({why})", fix=fix)
