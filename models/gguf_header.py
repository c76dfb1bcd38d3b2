"""A careful look at a GGUF file's header before llama.cpp, which trusts it, gets the file.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little endian.
"""

import functools
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..core.errors import DataError

MOST_KEYS = 10_000
MOST_TENSORS = 100_000
MOST_ITEMS = 4_000_000  # of all arrays together; the largest vocabularies need a third of it
MOST_BYTES = 2**27  # of the whole header; real ones have some 10 MB
LONGEST_KEY = 65_535
PIECE = 2**18  # bytes read at a time
FIX = "get the file again, or make it again with sql-llama export"


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file: `shape` as GGUF has it (the row's length first), `kind` such as Q4_K, where it lies."""

    name: str
    shape: tuple[int, ...]
    kind: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class Gguf:
    """A GGUF file's header; offsets of the tensors count from the start of the file."""

    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]


class _BadHeader(Exception):
    """The problem of a header, without the file's name."""


class _Header:
    """The header's bytes, read in pieces, never past the end of the file and never more than a header can have."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self.items = 0
        self._file, self._data, self._at, self._before = file, b"", 0, 0

    @property
    def place(self) -> int:
        """Bytes read so far."""
        return self._before + self._at

    def bytes(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            if self.place + count > self.size:
                raise _BadHeader("the file ends inside its header")
            if self.place + count > MOST_BYTES:
                raise _BadHeader(f"a header of more than {MOST_BYTES} bytes")
            self._before += self._at
            self._data = self._data[self._at :]
            self._data += self._file.read(max(PIECE, count - len(self._data)))
            self._at, end = 0, count
            if end > len(self._data):
                raise _BadHeader("the file ends inside its header")  # it became shorter while it was read
        data = self._data[self._at : end]
        self._at = end
        return data

    def scalar(self, code: str) -> Any:
        return struct.unpack("<" + code, self.bytes(struct.calcsize("<" + code)))[0]

    def string(self, longest: int = MOST_BYTES) -> str:
        length = int.from_bytes(self.bytes(8), "little")
        if length > longest:
            raise _BadHeader(f"a text of {length} bytes in its header")
        return self.bytes(length).decode("utf-8", errors="replace")

    def strings(self, count: int) -> list[str]:
        """Many texts, those that were read already without a call for each: vocabularies have half a million."""
        texts, data, at = [], self._data, self._at
        for _ in range(count):
            start = at + 8
            end = start + int.from_bytes(data[at:start], "little")
            if start <= len(data) and end <= len(data):
                texts.append(data[start:end].decode("utf-8", errors="replace"))
                at = end
            else:
                self._at = at
                texts.append(self.string())
                data, at = self._data, self._at
        self._at = at
        return texts

    def value(self, kind: int) -> Any:
        """A value of a gguf.GGUFValueType."""
        from gguf import GGUFValueType

        codes = _codes()
        if kind in codes:
            return self.scalar(codes[kind])
        if kind == GGUFValueType.STRING:
            return self.string()
        if kind != GGUFValueType.ARRAY:
            raise _BadHeader(f"a value of unknown kind {kind}")
        item, count = self.scalar("I"), self.scalar("Q")
        self.items += count
        if self.items > MOST_ITEMS:
            raise _BadHeader(f"an array of {count} items in its header")
        if item == GGUFValueType.STRING:
            return self.strings(count)
        if item not in codes:
            raise _BadHeader(f"an array of unknown kind {item}")
        code = f"<{count}{codes[item]}"
        return list(struct.unpack(code, self.bytes(struct.calcsize(code))))


def file_type_name(metadata: Mapping[str, Any]) -> str:
    """Return the type of a whole file (`general.file_type`), such as Q4_K_M; empty for a number without a name.

    >>> file_type_name({"general.file_type": 15}), file_type_name({})
    ('Q4_K_M', 'F32')
    """
    from gguf import LlamaFileType

    try:
        name: str = LlamaFileType(metadata.get("general.file_type", LlamaFileType.ALL_F32)).name
    except ValueError:
        return ""
    return name.removeprefix("MOSTLY_").removeprefix("ALL_")


@functools.cache
def _codes() -> Mapping[int, str]:
    """The format of `struct` for each type of a value that is neither a text nor an array."""
    from gguf import GGUFValueType

    return {
        GGUFValueType.UINT8: "B",
        GGUFValueType.INT8: "b",
        GGUFValueType.UINT16: "H",
        GGUFValueType.INT16: "h",
        GGUFValueType.UINT32: "I",
        GGUFValueType.INT32: "i",
        GGUFValueType.FLOAT32: "f",
        GGUFValueType.BOOL: "?",
        GGUFValueType.UINT64: "Q",
        GGUFValueType.INT64: "q",
        GGUFValueType.FLOAT64: "d",
    }


def check_gguf(path: Path, *, model: bool = True) -> dict[str, Any]:
    """Return the metadata of a GGUF file, arrays as lists, after checking that every tensor lies inside the file.

    Without `model` the file may be an importance matrix, which names no architecture.
    Raises DataError when the file is missing, truncated, or its header cannot be true. Weights are not looked at.
    """
    return read_gguf(path, model=model).metadata


def read_gguf(path: Path, *, model: bool = True) -> Gguf:
    """Return metadata and tensors of a GGUF file; raises what `check_gguf` raises."""
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="give a GGUF file, for example one that sql-llama export made")
    try:
        with path.open("rb") as file:
            return _read(_Header(file, path.stat().st_size), model)
    except _BadHeader as problem:
        raise DataError(f"{path}: not a usable GGUF file: {problem}", fix=FIX) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="check its permissions") from None


def _read(header: _Header, model: bool) -> Gguf:
    if header.size < 24 or header.bytes(4) != b"GGUF":
        raise _BadHeader("it does not start as one")
    version, tensors, keys = header.scalar("I"), header.scalar("Q"), header.scalar("Q")
    if version not in (2, 3):
        raise _BadHeader(f"version {version} (2 and 3 are known)")
    if keys > MOST_KEYS or tensors > MOST_TENSORS:
        raise _BadHeader(f"{keys} keys and {tensors} tensors in its header")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        key = header.string(LONGEST_KEY)
        if key in metadata:
            raise _BadHeader(f"the key {_short(key)} twice")
        metadata[key] = header.value(header.scalar("I"))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
        raise _BadHeader(f"an alignment of {_short(alignment)}")
    read = _tensors(header, tensors, alignment)
    if model and not isinstance(metadata.get("general.architecture"), str):
        raise _BadHeader("no general.architecture")
    _check_tokenizer(metadata)
    return Gguf(metadata, read)


def _tensors(header: _Header, count: int, alignment: int) -> tuple[Tensor, ...]:
    from gguf.constants import GGML_QUANT_SIZES

    sizes = {int(kind): (kind.name, *size) for kind, size in GGML_QUANT_SIZES.items()}
    tensors: dict[str, Tensor] = {}
    for _ in range(count):
        name = header.string(LONGEST_KEY)
        if name in tensors:
            raise _BadHeader(f"the tensor {_short(name)} twice")
        dimensions = header.scalar("I")
        if not 1 <= dimensions <= 4:
            raise _BadHeader(f"the tensor {_short(name)} has {dimensions} dimensions")
        shape = tuple(header.scalar("Q") for _ in range(dimensions))
        kind, offset = header.scalar("I"), header.scalar("Q")
        if kind not in sizes:
            raise _BadHeader(f"the tensor {_short(name)} is of unknown type {kind}")
        type_name, block, size = sizes[kind]
        if 0 in shape or shape[0] % block:
            raise _BadHeader(f"the tensor {_short(name)} has the shape {list(shape)}")
        if offset % alignment:
            raise _BadHeader(f"the tensor {_short(name)} starts at {offset}, off its alignment")
        tensors[name] = Tensor(name, shape, type_name, offset, math.prod(shape) // block * size)
    start = -(-header.place // alignment) * alignment
    end = start + max((tensor.offset + tensor.bytes for tensor in tensors.values()), default=0)
    if end > header.size:
        raise _BadHeader(f"truncated, {end - header.size} of {end} bytes are missing")
    return tuple(Tensor(t.name, t.shape, t.kind, start + t.offset, t.bytes) for t in tensors.values())


def _check_tokenizer(metadata: dict[str, Any]) -> None:
    """Refuse lists that llama.cpp reads by the number of tokens, or ends the process over."""
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    for key, kind in (("tokens", str), ("merges", str), ("scores", float), ("token_type", int)):
        items = metadata.get(f"tokenizer.ggml.{key}", [])
        if not isinstance(items, list) or not all(type(item) is kind for item in items):
            raise _BadHeader(f"tokenizer.ggml.{key} is no list of {kind.__name__}")
        if items and key in ("scores", "token_type") and len(items) != len(tokens):
            raise _BadHeader(f"{len(items)} tokenizer.ggml.{key} for {len(tokens)} tokens")
    if not isinstance(metadata.get("tokenizer.chat_template", ""), str):
        raise _BadHeader("tokenizer.chat_template is no text")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
