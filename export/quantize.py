"""A float16 GGUF file to a smaller one, by llama.cpp."""

import ctypes
import re
from pathlib import Path

from ..core.errors import RecipeError, SqlLlamaError
from ..core.files import atomic, need_space
from ..core.gguf_file import check_gguf
from ..core.progress import progress

TENSOR_LINE = re.compile(rb"\[\s*(\d+)/\s*(\d+)\]")


def quant_types() -> list[str]:
    """The types that the installed llama.cpp can write, such as Q4_K_M."""
    import llama_cpp

    prefix = "LLAMA_FTYPE_MOSTLY_"
    return sorted(name.removeprefix(prefix) for name in dir(llama_cpp) if name.startswith(prefix))


def check_quant(quant: str) -> None:
    """Raise RecipeError when llama.cpp knows no such type."""
    if quant not in quant_types():
        raise RecipeError(f"{quant}: no GGUF type", fix="for example Q4_K_M or Q8_0")


def quantize(source: Path, out: Path, quant: str, *, threads: int = 0) -> Path:
    """Write `out`, the weights of `source` in the type `quant`; `threads` 0 is all cores.

    Raises RecipeError for an unknown type, SqlLlamaError when the disk is too full or llama.cpp fails.
    """
    import llama_cpp

    check_quant(quant)
    check_gguf(source)
    need_space(out, source.stat().st_size, f"writing {out.name}")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quant}")
    params.nthread = threads
    errors: list[str] = []
    with progress(f"quantizing to {quant}", 100, "%") as advance, atomic(out) as temporary:
        done = 0

        # llama.cpp says how far it is only in its log
        @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
        def listen(level: int, text: bytes, data: object) -> None:
            nonlocal done
            line = TENSOR_LINE.search(text)
            if line:
                percent = int(line[1]) * 100 // max(int(line[2]), 1)
                advance(percent - done)
                done = percent
            elif level == 4:  # GGML_LOG_LEVEL_ERROR
                errors.append(text.decode(errors="replace").strip())

        before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
        llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
        llama_cpp.llama_log_set(listen, ctypes.c_void_p(0))
        try:
            code = llama_cpp.llama_model_quantize(bytes(source), bytes(temporary), ctypes.byref(params))
        finally:
            llama_cpp.llama_log_set(before, data)
        if code != 0:
            said = errors[0] if errors else f"code {code}"
            raise SqlLlamaError(f"{source}: llama.cpp cannot write it as {quant} ({said})", fix="try --quant Q8_0")
    return out
