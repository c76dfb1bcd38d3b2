"""LoRA adapters in GGUF over a loaded model: several may be loaded, one at most is used at a time."""

import ctypes
import os
from pathlib import Path
from typing import Any

from ..core.errors import DataError, SqlLlamaError
from ..models.gguf_header import read_gguf
from .decoding import Context
from .gguf_model import GgufModel
from .llamacpp_log import problems


class Loras:
    """The adapters that are loaded over one model; `files` are their files by name."""

    def __init__(self, model: GgufModel) -> None:
        self.files: dict[str, Path] = {}
        self._model = model
        self._handles: dict[str, Any] = {}

    def load(self, path: Path) -> str:
        """Load an adapter, unless it is loaded already, and return its name: the file's, without its ending.

        Raises DataError when the file is no LoRA, is for another model, or has the name of another adapter.
        """
        import llama_cpp

        name = path.stem
        if name in self.files:
            if not path.exists() or not path.samefile(self.files[name]):
                raise DataError(f"{path}: an adapter called {name} is there already", fix="rename one of the files")
            return name
        _check(path, self._model.path)
        with problems() as lines:
            handle = llama_cpp.llama_adapter_lora_init(self._model.handle, os.fsencode(path))
        if not handle:  # no None, but a null pointer
            reason = next((line for line in lines if "fail" in line or "error" in line), "llama.cpp cannot load it")
            raise DataError(
                f"{path}: no adapter for {self._model.path.name} ({reason})", fix="give a LoRA of this very base"
            )
        self.files[name], self._handles[name] = path, handle
        return name

    def apply(self, name: str, context: Context) -> None:
        """Let a context compute with the adapter of that name and no other; with none where the name is empty.

        Raises SqlLlamaError, and closes the context, when llama.cpp refuses.
        """
        import llama_cpp

        handles = [self._handles[name]] if name else []
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * len(handles))(*handles)
        scales = (ctypes.c_float * len(handles))(*[1.0] * len(handles))
        if llama_cpp.llama_set_adapters_lora(context.handle, adapters, len(handles), scales):
            context.close()
            raise SqlLlamaError(f"{name}: llama.cpp does not take the adapter", fix="sql-llama doctor")

    def close(self) -> None:
        """Free the adapters; safe to call twice."""
        import llama_cpp

        for handle in self._handles.values():
            llama_cpp.llama_adapter_lora_free(handle)
        self._handles = {}


def _check(path: Path, model: Path) -> None:
    """Raise DataError for an adapter that would make llama.cpp end the process."""
    header = read_gguf(path)
    facts = header.metadata
    if (facts.get("general.type"), facts.get("adapter.type")) != ("adapter", "lora"):
        raise DataError(f"{path}: no LoRA adapter", fix="give a LoRA in GGUF, or a model without the +")
    if not isinstance(facts.get("adapter.lora.alpha"), float):
        raise DataError(f"{path}: a LoRA without its adapter.lora.alpha", fix="convert the adapter again")
    tensors = {tensor.name for tensor in read_gguf(model).tensors}
    if any(tensor.name.startswith("token_embd.") for tensor in header.tensors) and "output.weight" not in tensors:
        raise DataError(
            f"{path}: a LoRA of the embedding, which {model.name} uses as its output layer too",
            fix="merge the adapter into its base",
        )
