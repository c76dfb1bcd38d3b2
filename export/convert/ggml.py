"""ggml's own quantization of float32 rows, called by ctypes: the functions that llama_model_quantize itself calls.

Every type quantizes row by row, so any split of a matrix into whole rows gives the same bytes. ctypes releases
Python's lock during a call, so several threads quantize at the same time.
"""

import ctypes
import functools
from typing import TYPE_CHECKING, Any

from ...core.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

# types of a tensor to which weights cannot be rounded: ggml would end the process
NOT_WRITTEN = frozenset(("I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"))
FLOATS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def quantize_rows(
    kind: str, rows: "torch.Tensor", out: "NDArray[np.uint8]", importance: "NDArray[np.float32] | None" = None
) -> bool:
    """Round contiguous float32 `rows` (rows, columns) to `kind` into `out`; False when a scale is not finite.

    `out` holds exactly rows times `row_bytes`; `importance` (columns,) weighs the columns. The caller must give it for
    a kind that needs it: ggml ends the process without it.
    """
    import torch

    if kind in FLOATS:
        # the same rounding, to the nearest even, several times faster
        torch.from_numpy(out).view(getattr(torch, FLOATS[kind])).copy_(rows.view(-1))
        return True
    columns = rows.shape[-1]
    count = rows.numel() // columns
    number = type_number(kind)
    weights = None if importance is None else importance.ctypes.data
    ggml = _ggml()
    size = ggml.ggml_quantize_chunk(number, rows.data_ptr(), out.ctypes.data, 0, count, columns, weights)
    assert size == out.nbytes, f"{kind}: {size} bytes, not {out.nbytes}"
    return bool(ggml.ggml_validate_row_data(number, out.ctypes.data, size))


def row_bytes(kind: str, columns: int) -> int:
    """Return the bytes of one row of `columns` values, which have to fill whole blocks of the kind."""
    return int(_ggml().ggml_row_size(type_number(kind), columns))


def type_number(kind: str) -> int:
    """Return GGUF's number of a tensor type such as Q4_K; raises RecipeError when weights cannot be rounded to it."""
    number = _numbers().get(kind.upper())
    if number is None:
        raise RecipeError(f"{kind}: not a tensor type", fix=f"give one of {', '.join(sorted(_numbers()))}")
    return number


@functools.cache
def _numbers() -> dict[str, int]:
    import llama_cpp
    from gguf import GGMLQuantizationType

    known = (kind for kind in GGMLQuantizationType if kind < llama_cpp.GGML_TYPE_COUNT)
    return {kind.name: kind for kind in known if kind.name not in NOT_WRITTEN}


@functools.cache
def _ggml() -> Any:
    from llama_cpp._ggml import libggml

    integer, address, size = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t
    shapes: dict[str, tuple[Any, list[Any]]] = {
        "ggml_quantize_chunk": (size, [integer, address, address, *[ctypes.c_int64] * 3, address]),
        "ggml_validate_row_data": (ctypes.c_bool, [integer, address, size]),
        "ggml_row_size": (size, [integer, ctypes.c_int64]),
    }
    for name, (result, arguments) in shapes.items():
        function = getattr(libggml, name)
        function.restype, function.argtypes = result, arguments
    return libggml
