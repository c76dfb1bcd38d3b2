"""A careful look at a GGUF file's header before llama.cpp, which trusts it, gets the file.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little endian.
"""

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from .errors import DataError

MOST_KEYS = 10_000
MOST_TENSORS = 100_000
MOST_ITEMS = 4_000_000  # of one array
LONGEST_KEY = 65_535
LONGEST_STRING = 2**26
FIX = "get the file again, or make it again with sql-llama export"

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class _Bad(Exception):
    """What is wrong with the header."""


class _Header:
    """The header's bytes, never read past the end of the file; `left` counts what remains."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    @property
    def left(self) -> int:
        return self.size - self.file.tell()

    def bytes(self, count: int) -> bytes:
        if count > self.left:
            raise _Bad("the file ends inside its header")
        return self.file.read(count)

    def scalar(self, code: str) -> Any:
        return struct.unpack("<" + code, self.bytes(struct.calcsize("<" + code)))[0]

    def string(self, longest: int = LONGEST_STRING) -> str:
        length = self.scalar("Q")
        if length > longest:
            raise _Bad(f"a text of {length} bytes in its header")
        return self.bytes(length).decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            raise _Bad(f"a value of unknown kind {kind}")
        item, count = self.scalar("I"), self.scalar("Q")
        if count > MOST_ITEMS:
            raise _Bad(f"an array of {count} items in its header")
        if item == _STRING:
            return [self.string() for _ in range(count)]
        if item not in _SCALARS:
            raise _Bad(f"an array of unknown kind {item}")
        return list(
            struct.unpack(f"<{count}{_SCALARS[item]}", self.bytes(count * struct.calcsize("<" + _SCALARS[item])))
        )


def check_gguf(path: Path, *, model: bool = True) -> dict[str, Any]:
    """The metadata of a GGUF file, arrays as lists, after checking that every tensor lies inside the file.

    Without `model` the file may be an importance matrix, which names no architecture.
    Raises DataError when the file is missing, truncated, or its header cannot be true. Weights are not looked at.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="give a GGUF file, for example one that sql-llama export made")
    try:
        with path.open("rb") as file:
            return _check(_Header(file, path.stat().st_size), model)
    except _Bad as problem:
        raise DataError(f"{path}: not a usable GGUF file: {problem}", fix=FIX) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="check its permissions") from None


def _check(header: _Header, model: bool) -> dict[str, Any]:
    if header.left < 24 or header.bytes(4) != b"GGUF":
        raise _Bad("it does not start as one")
    version, tensors, keys = header.scalar("I"), header.scalar("Q"), header.scalar("Q")
    if version not in (2, 3):
        raise _Bad(f"version {version} (2 and 3 are known)")
    if keys > MOST_KEYS or tensors > MOST_TENSORS:
        raise _Bad(f"{keys} keys and {tensors} tensors in its header")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        key = header.string(LONGEST_KEY)
        if key in metadata:
            raise _Bad(f"the key {key!r} twice")
        metadata[key] = header.value(header.scalar("I"))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
        raise _Bad(f"an alignment of {alignment}")
    _check_tensors(header, tensors, alignment)
    if model and not isinstance(metadata.get("general.architecture"), str):
        raise _Bad("no general.architecture")
    return metadata


def _check_tensors(header: _Header, count: int, alignment: int) -> None:
    from gguf.constants import GGML_QUANT_SIZES

    sizes = {int(kind): size for kind, size in GGML_QUANT_SIZES.items()}
    names: set[str] = set()
    end = 0
    for _ in range(count):
        name = header.string(LONGEST_KEY)
        if name in names:
            raise _Bad(f"the tensor {name!r} twice")
        names.add(name)
        dimensions = header.scalar("I")
        if not 1 <= dimensions <= 4:
            raise _Bad(f"the tensor {name!r} has {dimensions} dimensions")
        shape = [header.scalar("Q") for _ in range(dimensions)]
        kind, offset = header.scalar("I"), header.scalar("Q")
        if kind not in sizes:
            raise _Bad(f"the tensor {name!r} is of unknown type {kind}")
        block, size = sizes[kind]
        if 0 in shape or shape[0] % block:
            raise _Bad(f"the tensor {name!r} has the shape {shape}")
        if offset % alignment:
            raise _Bad(f"the tensor {name!r} starts at {offset}, off its alignment")
        end = max(end, offset + math.prod(shape) // block * size)
    start = -(-header.file.tell() // alignment) * alignment
    if start + end > header.size:
        missing = start + end - header.size
        raise _Bad(f"truncated, {missing} of {start + end} bytes are missing")
