"""The tensors in the safetensors files of a model folder: where each one is, and any rows of it on demand."""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError

if TYPE_CHECKING:
    import torch

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
# safetensors' names of types, and torch's; all others are packed weights, or no weights
FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Stored:
    """A tensor in a safetensors file, nothing of it in memory. May be read from several threads at once."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: str  # a key of FLOATS
    offset: int  # byte of the file at which it begins

    def rows(self, start: int, stop: int) -> "torch.Tensor":
        """Return rows [start, stop) in float32, a copy. A scalar has one row."""
        row = math.prod(self.shape[1:])
        return self._read(start * row, (stop - start) * row).reshape(stop - start, *self.shape[1:])

    def columns(self, start: int, stop: int) -> "torch.Tensor":
        """Return columns [start, stop) of a matrix in float32, a copy."""
        import torch

        return torch.stack([self._read(row * self.shape[1] + start, stop - start) for row in range(self.shape[0])])

    def whole(self) -> "torch.Tensor":
        """Return all of it in float32, a copy."""
        return self._read(0, math.prod(self.shape)).reshape(self.shape)

    def _read(self, first: int, count: int) -> "torch.Tensor":
        """`count` values from the `first` on. Not mapped: pages of a mapped file count as this process's memory."""
        import torch

        values = torch.empty(count, dtype=getattr(torch, FLOATS[self.dtype]))
        buffer = values.view(torch.uint8).numpy().data
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.offset + first * values.element_size())
                while buffer:
                    count_read = file.readinto(buffer)
                    if not count_read:
                        raise OSError("it is cut off")
                    buffer = buffer[count_read:]
        except OSError as error:
            raise DataError(f"{self.path}: {self.name} cannot be read ({error})", fix="get the file again") from None
        return values.float()


def weight_files(base: Path) -> dict[str, Stored]:
    """Return every tensor of a model folder by name, layer 10 after layer 9, from the headers of its files alone.

    Raises DataError for files that are missing, truncated or of another format, for an index that does not fit the
    files, and for packed weights.
    """
    index = base / INDEX
    if index.is_file():
        tensors = _indexed(base, index)
    else:
        tensors = tensors_in(base / WHOLE, fix="get the base again")
    return dict(sorted(tensors.items(), key=lambda item: _natural(item[0])))


def tensors_in(path: Path, *, fix: str) -> dict[str, Stored]:
    """Return the tensors of one safetensors file; raises DataError, with `fix`, when they cannot be read as floats."""
    from safetensors import SafetensorError, safe_open

    refuse_pointer(path)
    try:
        with safe_open(path, "pt"):  # it checks the whole header
            pass
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no {path.name}", fix=fix) from None
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{path}: broken ({error})", fix=fix) from None
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if entry["dtype"] not in FLOATS:
            raise DataError(f"{path}: {name} is packed ({entry['dtype']})", fix="give weights in 16 bits")
    return {
        name: Stored(path, name, tuple(entry["shape"]), entry["dtype"], 8 + size + entry["data_offsets"][0])
        for name, entry in header.items()
    }


def refuse_pointer(path: Path) -> None:
    """Raise DataError for a pointer of Git LFS, which stands in the place of a file that was not fetched."""
    with contextlib.suppress(OSError), path.open("rb") as file:  # its reader refuses a file that cannot be opened
        if file.read(len(POINTER)) == POINTER:
            raise DataError(f"{path}: a pointer of Git LFS, not the file itself", fix="git lfs pull, in its folder")


def _indexed(base: Path, index: Path) -> dict[str, Stored]:
    where = read_json(index).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(file, str) for file in where.values()):
        raise DataError(f"{index}: has no weight_map of tensor and file names", fix="get the base again")
    files: dict[str, Mapping[str, Stored]] = {}
    for name, file in where.items():
        if file not in files:
            if file in ("", "..") or Path(file).name != file:
                raise DataError(f"{index}: names a file outside its folder ({file})", fix="get the base again")
            files[file] = tensors_in(base / file, fix="get the base again")
        if name not in files[file]:
            raise DataError(f"{base / file}: has no {name}, which {index.name} says it has", fix="get the base again")
    return {name: files[file][name] for name, file in where.items()}


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raises DataError where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no {path.name}", fix="check the folder") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="get or make it again") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: not a JSON object", fix="get or make it again")
    return value


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key for sorting: numbers by their value, and before words."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in name.split(".")]


VALUES_AT_ONCE = 2**22  # in one block of a tensor that is read from end to end: 16 MiB in float32


def blocks(shape: tuple[int, ...], values: int = VALUES_AT_ONCE) -> Iterator[tuple[int, int]]:
    """Yield rows [start, stop) that cover a tensor, about `values` values in each.

    >>> list(blocks((5, 10), values=20))
    [(0, 2), (2, 4), (4, 5)]
    """
    total = shape[0] if shape else 1
    step = max(1, values // max(1, math.prod(shape[1:])))
    for start in range(0, total, step):
        yield start, min(start + step, total)
