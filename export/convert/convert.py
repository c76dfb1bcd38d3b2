"""A model in Hugging Face layout to GGUF files of any type, in one pass over its weights.

There are no files in between: rows are merged, rounded once to each file's type, and written. llama.cpp chooses the
type of each tensor: it gets a file with the right header and a hole instead of weights.
Tensors and metadata are those of llama.cpp's convert_hf_to_gguf.py and llama_model_quantize, which the tests compare.
"""

import contextlib
import ctypes
import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ...core.errors import DataError, RecipeError, SqlLlamaError
from ...core.files import atomic, need_space, remove_leftovers
from ...core.progress import progress
from ...modelfiles.templates import Family
from ...models.architecture import (
    add_metadata,
    architecture,
    gguf_name,
    left_out,
    permute,
    read_config,
    rope_factors,
    rotary_heads,
)
from ...models.read_vocabulary import read_vocabulary
from ...models.tokens import missing_bos
from ...models.vocabulary import Vocabulary, add_tokenizer
from ..merge.merge import Weights, merge
from .ggml import FLOATS, row_bytes, type_number
from .quantize import HEADER, Importance, file_type, plan, read_matrix
from .stream import Place, Stream, stream

if TYPE_CHECKING:
    import torch

ALIGNMENT = 32  # bytes: where each tensor may start


def convert(
    base: Path,
    out: Path,
    chat_family: Family,
    tensors: Iterable[Weights] | None = None,
    *,
    quant: str = "F16",
    name: str = "sql-llama",
    license: str = "",
) -> Path:
    """Write one GGUF file of `base` with our chat template; see `convert_all`."""
    convert_all(base, {quant: out}, chat_family, tensors, name=name, license=license)
    return out


def convert_all(
    base: Path,
    outs: Mapping[str, Path],
    chat_family: Family,
    tensors: Iterable[Weights] | None = None,
    *,
    name: str = "sql-llama",
    license: str = "",
    facts: Mapping[str, str | int | float] | None = None,
    imatrix: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    tokenizer: Path | None = None,
    threads: int = 0,
) -> None:
    """Write a GGUF file for each type (F16, Q4_K_M, ...) in `outs`, from `tensors` of `merge` (default: the base's).

    `facts` are further metadata, `imatrix` is an importance matrix in GGUF, `overrides` maps patterns in tensor names
    to tensor types, `tokenizer` is the folder with the tokenizer (default: the base). Vectors stay float32. All files
    are whole, or none is there. Raises RecipeError for an unknown type or one that needs an importance matrix,
    UnknownFamily for a model that this converter does not know, DataError for weights that do not fit, SqlLlamaError
    when the disk is too full.
    """
    weights = {tensor.name: tensor for tensor in (merge(base, None) if tensors is None else tensors)}
    model = _read_model(base, tokenizer or base, weights, chat_family, name, license, facts or {})
    importance = read_matrix(imatrix)
    _check_patterns(overrides or {}, model.shapes, outs)
    files = _plan(model, outs, importance, overrides or {})
    names = ", ".join(f"{file.quant} ({file.size / 2**20:.0f} MiB)" for file in files)
    need_space(files[0].path, sum(file.size + HEADER for file in files), f"writing {names}")
    with contextlib.ExitStack() as stack:
        places: dict[str, list[Place]] = {tensor: [] for tensor in model.shapes}
        for file in files:
            temporary = stack.enter_context(atomic(file.path))
            start = _write_header(model, file, temporary, importance)
            number = stack.enter_context(temporary.open("r+b")).fileno()
            for tensor, (kind, offset) in file.tensors.items():
                columns = None if kind in FLOATS else importance.columns.get(tensor)
                places[tensor].append(Place(number, start + offset, kind, columns))
        streams = [_stream(model, tensor, places[tensor]) for tensor in model.shapes]
        blocks = sum(len(list(item.blocks())) for item in streams)
        _release_memory()
        with progress(f"writing {names}", blocks, "blocks") as advance:
            stream(streams, advance, threads=threads)


@dataclass(frozen=True)
class _Model:
    """All that a file holds but its types; `shapes` and `weights` are by llama.cpp's names."""

    base: Path
    config: Mapping[str, Any]
    vocabulary: Vocabulary
    chat_family: Family
    name: str
    license: str
    facts: Mapping[str, str | int | float]
    shapes: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, Weights]


@dataclass(frozen=True)
class _File:
    """A file to write: type and offset of each tensor, bytes of all of them."""

    quant: str
    path: Path
    tensors: Mapping[str, tuple[str, int]]
    size: int


def _read_model(
    base: Path,
    tokenizer: Path,
    weights: Mapping[str, Weights],
    chat_family: Family,
    name: str,
    license: str,
    facts: Mapping[str, str | int | float],
) -> _Model:
    import torch

    config, vocabulary = check_model(
        base, tokenizer, {tensor.name: tensor.shape for tensor in weights.values()}, chat_family
    )
    tensors = {gguf_name(base, name): tensor for name, tensor in weights.items() if not left_out(config, name)}
    factors = rope_factors(config)
    if factors is not None:
        values = torch.from_numpy(factors)
        tensors = {"rope_freqs.weight": Weights("rope_freqs", factors.shape, lambda start, stop: values), **tensors}
    shapes = {name_in_file: tensor.shape for name_in_file, tensor in tensors.items()}
    return _Model(base, config, vocabulary, chat_family, name, license, facts, shapes, tensors)


def check_model(
    base: Path, tokenizer: Path, shapes: Mapping[str, tuple[int, ...]], chat_family: Family
) -> tuple[dict[str, Any], Vocabulary]:
    """Return the config and the tokenizer of a merged model; raises DataError for anything that cannot be converted.

    `shapes` are those of `merged_shapes`. No weights are read.
    """
    config = read_config(base, shapes)
    vocabulary = read_vocabulary(tokenizer, int(config["vocab_size"]))
    if chat_family.end_of_turn not in vocabulary.tokens:
        problem = f"{tokenizer}: its tokenizer has no {chat_family.end_of_turn}, which ends a turn in the family"
        raise DataError(f"{problem} {chat_family.name}", fix="set base.family to the family of this model")
    if chat_family.bos and "bos" not in vocabulary.special:  # llama.cpp would take token 1 or 11, whatever that is
        raise missing_bos(tokenizer, chat_family)
    return config, vocabulary


def _plan(
    model: _Model, outs: Mapping[str, Path], importance: Importance, overrides: Mapping[str, str]
) -> tuple[_File, ...]:
    """The type and place of each tensor in each file, as llama.cpp chooses them."""
    from gguf import GGMLQuantizationType, GGUFWriter

    with _hole() as file:
        writer = GGUFWriter(file.name, architecture(model.config))
        add_metadata(writer, model.config, model.name, model.license)
        for tensor, shape in model.shapes.items():
            writer.add_tensor_info(tensor, shape, None, 4 * math.prod(shape), GGMLQuantizationType.F32)
        _close_header(writer)
        # the weights are a hole: it takes no room on the disk, and llama.cpp does not look at it
        weights = sum(_padded(4 * math.prod(shape)) for shape in model.shapes.values())
        file.truncate(_padded(Path(file.name).stat().st_size) + weights)
        hole = Path(file.name)
        planned = {quant: plan(hole, quant, importance, overrides, name=model.base).types for quant in outs}
    files = []
    for quant, types in planned.items():
        tensors, offset = {}, 0
        for tensor, shape in model.shapes.items():
            kind = types.get(tensor, "F32")
            tensors[tensor] = kind, offset
            _check_importance(importance, tensor, shape, kind)
            offset += _padded(math.prod(shape[:-1]) * row_bytes(kind, shape[-1]))
        files.append(_File(quant, outs[quant], tensors, offset))
    return tuple(files)


@contextlib.contextmanager
def _hole() -> "Iterator[IO[bytes]]":
    """A temporary file, in the system's folder for those: the disk of the outputs may not support holes."""
    remove_leftovers(Path(tempfile.gettempdir()), "sql-llama-plan-*")
    try:
        with tempfile.NamedTemporaryFile(prefix="sql-llama-plan-", suffix=".gguf") as file:
            yield file
    except OSError as error:
        raise SqlLlamaError(
            f"{tempfile.gettempdir()}: no temporary file can be written ({error.strerror})", fix="set TMPDIR"
        ) from None


def _release_memory() -> None:
    """Return the memory of reading the tokenizer to the system: glibc would keep it for the whole export."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _check_patterns(overrides: Mapping[str, str], shapes: Iterable[str], outs: Iterable[str]) -> None:
    """Raise RecipeError for a pattern that llama.cpp would ignore: without a tensor, or for a file of floats."""
    for pattern in overrides:
        try:
            matches = any(re.search(pattern, tensor) for tensor in shapes)
        except re.error as error:
            raise RecipeError(
                f"--tensor-type {pattern}: not a pattern ({error})", fix="for example ffn_down=Q6_K"
            ) from None
        if not matches:
            raise RecipeError(
                f"--tensor-type {pattern}: matches no tensor", fix="sql-llama inspect FILE.gguf --tensors"
            )
    floats = [quant for quant in outs if quant in FLOATS]
    if overrides and floats:
        raise RecipeError(f"--tensor-type: all tensors of {floats[0]} are floats", fix="leave it out, or take Q8_0")


def _check_importance(importance: Importance, tensor: str, shape: tuple[int, ...], kind: str) -> None:
    columns = importance.columns.get(tensor)
    if columns is not None and columns.shape != shape[-1:]:
        problem = f"has {columns.size} columns of {tensor}, the model {shape[-1]}"
    elif importance.columns and columns is None and tensor.startswith("blk.") and kind.startswith("IQ"):
        problem = f"has nothing about {tensor}"
    else:
        return
    raise DataError(f"{importance.path}: {problem}", fix="make the importance matrix with this model")


def _write_header(model: _Model, file: _File, temporary: Path, importance: Importance) -> int:
    """Write everything before the weights; returns where they start."""
    from gguf import GGUFWriter

    writer = GGUFWriter(temporary, architecture(model.config))
    add_metadata(writer, model.config, model.name, model.license)
    writer.kv_data[0].pop("general.file_type")
    writer.add_file_type(file_type(file.quant))
    for key, value in {**importance.facts, **model.facts}.items():
        _add_fact(writer, key, value)
    add_tokenizer(writer, model.vocabulary, model.chat_family)
    for tensor, (kind, _) in file.tensors.items():
        shape = model.shapes[tensor]
        size = math.prod(shape[:-1]) * row_bytes(kind, shape[-1])
        writer.add_tensor_info(tensor, shape, None, size, type_number(kind))
    _close_header(writer)
    start = _padded(temporary.stat().st_size)
    with temporary.open("r+b") as opened:
        opened.truncate(start + file.size)
    return start


def _add_fact(writer: Any, key: str, value: str | int | float) -> None:
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        (writer.add_uint32 if 0 <= value < 2**32 else writer.add_int64)(key, value)
    else:
        writer.add_float64(key, value)


def _close_header(writer: Any) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
    finally:
        writer.close()


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _stream(model: _Model, tensor: str, places: Iterable[Place]) -> Stream:
    """A tensor with its rows as llama.cpp wants them, for `stream`."""
    weights = model.weights[tensor]
    heads = rotary_heads(model.config, weights.name)
    if not heads:
        return Stream(model.base, weights.name, weights.shape, weights.rows, tuple(places))
    size = weights.shape[0] // heads  # rows of a head

    def rows(start: int, stop: int) -> "torch.Tensor":
        import torch

        return torch.from_numpy(permute(weights.rows(start, stop).numpy(), (stop - start) // size))

    return Stream(model.base, weights.name, weights.shape, rows, tuple(places), size)
