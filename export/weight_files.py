"""The tensors in the safetensors files of a model folder: where each one is, and any rows of it on demand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError

if TYPE_CHECKING:
    import torch

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
FLOATS = ("F16", "BF16", "F32", "F64")  # safetensors' names; all others are packed weights or no weights


@dataclass(frozen=True)
class Stored:
    """A tensor in a safetensors file, nothing of it in memory. May be read from several threads at once."""

    path: Path
    name: str
    shape: tuple[int, ...]

    def rows(self, start: int, stop: int) -> "torch.Tensor":
        """Rows [start, stop) in float32, a copy. A scalar has one row."""
        return self._read((slice(start, stop),) if self.shape else ())

    def columns(self, start: int, stop: int) -> "torch.Tensor":
        """Columns [start, stop) in float32, a copy."""
        return self._read((slice(None), slice(start, stop)))

    def whole(self) -> "torch.Tensor":
        """All of it in float32, a copy."""
        return self._read((slice(None),) if self.shape else ())

    def _read(self, part: tuple[slice, ...]) -> "torch.Tensor":
        import torch
        from safetensors import SafetensorError, safe_open

        try:
            # opened for each block: pages of a mapped file count as this process's memory until it is closed
            with safe_open(self.path, "pt") as file:
                weights = file.get_slice(self.name)[part] if part else file.get_tensor(self.name)
                floats: torch.Tensor = weights.to(torch.float32, copy=True)
                return floats
        except (OSError, SafetensorError) as error:
            raise DataError(f"{self.path}: {self.name} cannot be read ({error})", fix="get the file again") from None


def weight_files(base: Path) -> dict[str, Stored]:
    """Every tensor of a model folder by name, layer 10 after layer 9, from the headers of its files alone.

    Raises DataError for files that are missing, cut or foreign, an index that does not say the truth, and weights
    that are packed.
    """
    index = base / INDEX
    if index.is_file():
        found = _indexed(base, index)
    else:
        found = tensors_in(base / WHOLE, fix="get the base again")
    return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


def tensors_in(path: Path, *, fix: str) -> dict[str, Stored]:
    """The tensors of one safetensors file; raises DataError, with `fix`, where they cannot be read as floats."""
    from safetensors import SafetensorError, safe_open

    found = {}
    try:
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118, it is no mapping
                part = file.get_slice(name)
                if part.get_dtype() not in FLOATS:
                    raise DataError(f"{path}: {name} is packed ({part.get_dtype()})", fix="give weights in 16 bits")
                found[name] = Stored(path, name, tuple(part.get_shape()))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no {path.name}", fix=fix) from None
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: broken ({error})", fix=fix) from None
    return found


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
    """The JSON object in a file; raises DataError where there is none."""
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
    """Numbers by value and before words."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in name.split(".")]
