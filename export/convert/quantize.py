"""A GGUF file to a smaller one, by llama.cpp; and what llama.cpp would make of each tensor, without doing it."""

import contextlib
import ctypes
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import RecipeError, SqlLlamaError
from ...core.files import atomic, need_space
from ...core.progress import progress
from ...models.gguf_header import check_gguf
from .ggml import type_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COUNTED = re.compile(r"\[\s*\d+/\s*\d+\] (\S+)")  # one such line for each tensor
PLANNED = re.compile(r"\[\s*\d+/\s*\d+\] (\S+) .*\((\w+)\)$", re.MULTILINE)  # and its new type, where it gets one
NEEDS_IMPORTANCE = "will require an imatrix"
# llama.cpp lists them but cannot write the first, and the gguf package cannot read the second
NOT_OFFERED = ("NVFP4", "Q2_0")
HEADER = 2**25  # bytes that are more than a header has
PREFIX = "LLAMA_FTYPE_MOSTLY_"


@dataclass(frozen=True)
class Importance:
    """An importance matrix: mean squares of the columns' inputs by tensor name, and what a file made with it says."""

    path: Path | None = None
    columns: "Mapping[str, NDArray[np.float32]]" = field(default_factory=dict)
    facts: Mapping[str, str | int] = field(default_factory=dict)


def quant_types() -> list[str]:
    """The types that the installed llama.cpp can write, such as Q4_K_M."""
    import llama_cpp

    names = (name.removeprefix(PREFIX) for name in dir(llama_cpp) if name.startswith(PREFIX))
    return sorted(("F32", *(name for name in names if name not in NOT_OFFERED)))


def check_quant(quant: str) -> None:
    """Raise RecipeError when llama.cpp knows no such type."""
    if quant not in quant_types():
        raise RecipeError(f"{quant}: no GGUF type", fix="for example Q4_K_M or Q8_0")


def file_type(quant: str) -> int:
    """GGUF's number of a file's type (general.file_type); raises RecipeError for an unknown one."""
    import llama_cpp

    check_quant(quant)
    return int(llama_cpp.LLAMA_FTYPE_ALL_F32 if quant == "F32" else getattr(llama_cpp, PREFIX + quant))


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
    """What llama.cpp would make of a file: new types by tensor name (others stay), tensors, bytes of all weights."""

    types: Mapping[str, str]
    tensors: int
    size: int


def plan(
    source: Path,
    quant: str,
    importance: Importance | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    called: Path | None = None,
) -> Plan:
    """Ask llama.cpp what it would make of `source`, of which only the header is read: the weights may be a hole.

    `called` is what a message names instead of `source`. Raises RecipeError for an unknown type or one that needs an
    importance matrix, SqlLlamaError when llama.cpp refuses.
    """
    importance = importance or Importance()
    log = _llama_cpp(source, None, quant, importance, overrides, called=called)
    if NEEDS_IMPORTANCE in log:
        raise RecipeError(f"{quant} needs an importance matrix", fix="give one with --imatrix, or take Q3_K_M or more")
    size = re.search(r"quant size\s*=\s*([\d.]+) MiB", log)
    types = {name: kind.upper() for name, kind in PLANNED.findall(log)}
    return Plan(types, len(COUNTED.findall(log)), int(float(size[1]) * 2**20) if size else source.stat().st_size)


def read_matrix(path: Path | None) -> Importance:
    """The importance matrix in a GGUF file, with the facts that llama-quantize writes beside it; empty without one."""
    from .importance import read_importance

    if path is None:
        return Importance()
    columns = read_importance(path)
    said = check_gguf(path, model=False)
    facts: dict[str, str | int] = {"quantize.imatrix.file": _short(path.name)}
    if said["imatrix.datasets"]:
        facts["quantize.imatrix.dataset"] = _short(said["imatrix.datasets"][0])
    facts["quantize.imatrix.entries_count"] = len(columns)
    facts["quantize.imatrix.chunks_count"] = int(said["imatrix.chunk_count"])
    return Importance(path, columns, facts)


def _short(text: str) -> str:
    """What fits llama.cpp's 128 bytes for such a text."""
    return text.encode()[:127].decode(errors="ignore")


def _llama_cpp(
    source: Path,
    out: Path | None,
    quant: str,
    importance: Importance,
    overrides: Mapping[str, str] | None,
    threads: int = 0,
    advance: Callable[[], None] = lambda: None,
    called: Path | None = None,
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
        if level == 4:  # GGML_LOG_LEVEL_ERROR
            errors.append(text.strip())
        if COUNTED.search(text):
            advance()

    with _listening(listen):
        target = bytes(out) if out else b"dry"
        code = llama_cpp.llama_model_quantize(bytes(source), target, ctypes.byref(params))
    if code != 0:
        said = errors[0] if errors else f"code {code}"
        raise SqlLlamaError(
            f"{called or source}: llama.cpp cannot write it as {quant} ({said})", fix="try --quant Q8_0"
        )
    return "".join(log)


@contextlib.contextmanager
def _listening(listen: Callable[[int, str], None]) -> Iterator[None]:
    """llama.cpp says what it does only in its log; it gets its own listener back afterwards."""
    import llama_cpp

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(level: int, text: bytes, data: object) -> None:
        listen(level, text.decode(errors="replace"))

    before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    llama_cpp.llama_log_set(hear, ctypes.c_void_p(0))
    try:
        yield
    finally:
        llama_cpp.llama_log_set(before, data)


def _columns(importance: Importance) -> Any:
    """The matrix as an array in C, ended by an empty entry; None without one."""
    import llama_cpp

    if not importance.columns:
        return None
    found = (llama_cpp.llama_model_imatrix_data * (len(importance.columns) + 1))()
    for entry, (name, values) in zip(found, importance.columns.items(), strict=False):
        entry.name, entry.size = name.encode(), values.size
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return found


def _facts(importance: Importance) -> Any:
    import llama_cpp

    if not importance.facts:
        return None
    found = (llama_cpp.llama_model_kv_override * (len(importance.facts) + 1))()
    for entry, (key, value) in zip(found, importance.facts.items(), strict=False):
        entry.key = key.encode()
        if isinstance(value, str):
            entry.tag, entry.value.val_str = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, value.encode()
        else:
            entry.tag, entry.value.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
    return found


def _patterns(overrides: Mapping[str, str]) -> Any:
    import llama_cpp

    if not overrides:
        return None
    found = (llama_cpp.llama_model_tensor_override * (len(overrides) + 1))()
    for entry, (pattern, kind) in zip(found, overrides.items(), strict=False):
        entry.pattern, entry.type = pattern.encode(), type_number(kind)
    return found
