"""A GGUF file to a smaller one, by llama.cpp; and the type that llama.cpp would give to each tensor, as a dry run."""

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import RecipeError, SqlLlamaError
from ...core.files import atomic, need_space
from ...core.progress import progress
from ...engines.llamacpp_log import ERROR, LOG
from ...models.gguf_header import check_gguf
from .ggml import type_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COUNTED = re.compile(r"\[\s*\d+/\s*\d+\] (\S+)")  # one such line for each tensor
PLANNED = re.compile(r"\[\s*\d+/\s*\d+\] (\S+) .*\((\w+)\)$", re.MULTILINE)  # and its new type, where it gets one
NEEDS_IMPORTANCE = "will require an imatrix"
NOT_OFFERED = "NVFP4"  # llama.cpp lists it but cannot write it
HEADER = 2**25  # bytes that are more than a header has


@dataclass(frozen=True)
class Importance:
    """An importance matrix: mean squares of the columns' inputs by tensor name, metadata of files made with it."""

    path: Path | None = None
    columns: "Mapping[str, NDArray[np.float32]]" = field(default_factory=dict)
    facts: Mapping[str, str | int] = field(default_factory=dict)


def quant_types() -> list[str]:
    """Return the types that the installed llama.cpp can write, such as Q4_K_M."""
    import llama_cpp
    from gguf import LlamaFileType

    names = (kind.name for kind in LlamaFileType if hasattr(llama_cpp, f"LLAMA_FTYPE_{kind.name}"))
    mostly = (name.removeprefix("MOSTLY_") for name in names if name.startswith("MOSTLY_"))
    return sorted(("F32", *(name for name in mostly if name != NOT_OFFERED)))


def check_quant(quant: str) -> None:
    """Raise RecipeError when llama.cpp knows no such type."""
    if quant not in quant_types():
        raise RecipeError(f"{quant}: not a GGUF type", fix="for example Q4_K_M or Q8_0")


def file_type(quant: str) -> int:
    """Return GGUF's number of a file's type (general.file_type); raises RecipeError for an unknown one."""
    from gguf import LlamaFileType

    check_quant(quant)
    return int(LlamaFileType["ALL_F32" if quant == "F32" else f"MOSTLY_{quant}"])


def quantize(
    source: Path,
    out: Path,
    quant: str,
    *,
    imatrix: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    threads: int = 0,
) -> Path:
    """Write `out`, the weights of `source` in the type `quant`; `threads` 0 is all cores.

    `imatrix` is an importance matrix in GGUF; `overrides` maps patterns in tensor names to tensor types. Raises
    RecipeError for an unknown type or one that needs a matrix, DataError for a broken file, SqlLlamaError when the
    disk is too full or llama.cpp fails.
    """
    check_gguf(source)
    importance = read_matrix(imatrix)
    planned = plan(source, quant, importance, overrides)
    need_space(out, planned.size + HEADER, f"writing {out.name}")
    with progress(f"quantizing to {quant}", planned.tensors, "tensors") as advance, atomic(out) as temporary:
        _llama_cpp(source, temporary, quant, importance, overrides, threads, advance)
    return out


@dataclass(frozen=True)
class Plan:
    """llama.cpp's plan for a file: new types by tensor name (others stay), number of tensors, bytes of all weights."""

    types: Mapping[str, str]
    tensors: int
    size: int


def plan(
    source: Path,
    quant: str,
    importance: Importance | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    name: Path | None = None,
) -> Plan:
    """Ask llama.cpp which types it would give to the tensors of `source`; only its header is read.

    `name` stands in messages instead of `source`. Raises RecipeError for an unknown type or one that needs an
    importance matrix, SqlLlamaError when llama.cpp refuses.
    """
    importance = importance or Importance()
    log = _llama_cpp(source, None, quant, importance, overrides, name=name)
    if NEEDS_IMPORTANCE in log:
        raise RecipeError(f"{quant} needs an importance matrix", fix="give one with --imatrix, or take Q3_K_M or more")
    size = re.search(r"quant size\s*=\s*([\d.]+) MiB", log)
    types = {tensor: kind.upper() for tensor, kind in PLANNED.findall(log)}
    return Plan(types, len(COUNTED.findall(log)), int(float(size[1]) * 2**20) if size else source.stat().st_size)


def read_matrix(path: Path | None) -> Importance:
    """Return the importance matrix in a GGUF file, with the metadata that llama-quantize adds; empty without a file."""
    from .importance import read_importance

    if path is None:
        return Importance()
    columns = read_importance(path)
    metadata = check_gguf(path, model=False)
    facts: dict[str, str | int] = {"quantize.imatrix.file": _short(path.name)}
    if metadata["imatrix.datasets"]:
        facts["quantize.imatrix.dataset"] = _short(metadata["imatrix.datasets"][0])
    facts["quantize.imatrix.entries_count"] = len(columns)
    facts["quantize.imatrix.chunks_count"] = int(metadata["imatrix.chunk_count"])
    return Importance(path, columns, facts)


def _short(text: str) -> str:
    """As much of a text as fits llama.cpp's 128 bytes."""
    return text.encode()[:127].decode(errors="ignore")


def _llama_cpp(
    source: Path,
    out: Path | None,
    quant: str,
    importance: Importance,
    overrides: Mapping[str, str] | None,
    threads: int = 0,
    advance: Callable[[], None] = lambda: None,
    name: Path | None = None,
) -> str:
    """Call llama_model_quantize, dry without `out`; returns its log. `advance` is called for each tensor."""
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.dry_run = file_type(quant), threads, out is None
    kept = (_columns(importance), _facts(importance), _patterns(overrides or {}))
    params.imatrix, params.kv_overrides, params.tt_overrides = kept
    log: list[str] = []
    errors: list[str] = []

    def listen(level: int, text: str) -> None:
        log.append(text)
        if level == ERROR:
            errors.append(text.strip())
        if COUNTED.search(text):
            advance()

    with LOG.listening(listen):
        target = bytes(out) if out else b"dry"
        code = llama_cpp.llama_model_quantize(bytes(source), target, ctypes.byref(params))
    if code != 0:
        reason = errors[0] if errors else f"code {code}"
        raise SqlLlamaError(
            f"{name or source}: llama.cpp cannot write it as {quant} ({reason})", fix="try --quant Q8_0"
        )
    return "".join(log)


def _columns(importance: Importance) -> Any:
    """The matrix as an array in C, ended by an empty entry; None without one."""
    import llama_cpp

    if not importance.columns:
        return None
    entries = (llama_cpp.llama_model_imatrix_data * (len(importance.columns) + 1))()
    for entry, (name, values) in zip(entries, importance.columns.items(), strict=False):
        entry.name, entry.size = name.encode(), values.size
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return entries


def _facts(importance: Importance) -> Any:
    import llama_cpp

    if not importance.facts:
        return None
    entries = (llama_cpp.llama_model_kv_override * (len(importance.facts) + 1))()
    for entry, (key, value) in zip(entries, importance.facts.items(), strict=False):
        entry.key = key.encode()
        if isinstance(value, str):
            entry.tag, entry.value.val_str = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, value.encode()
        else:
            entry.tag, entry.value.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
    return entries


def _patterns(overrides: Mapping[str, str]) -> Any:
    import llama_cpp

    if not overrides:
        return None
    entries = (llama_cpp.llama_model_tensor_override * (len(overrides) + 1))()
    for entry, (pattern, kind) in zip(entries, overrides.items(), strict=False):
        entry.pattern, entry.type = pattern.encode(), type_number(kind)
    return entries
