"""A GGUF file in memory: its weights, shared by several engines, and what its vocabulary makes of a text."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..models.gguf_header import check_gguf
from .llamacpp_log import LOG, problems
from .native import AMX


class GgufModel:
    """Weights and vocabulary of a GGUF file; freed when the last engine that uses it has left.

    `handle` is llama.cpp's pointer to the model, `vocab` to its vocabulary of `vocabulary` tokens. `trained_context` is
    the longest context, in tokens, that the model was trained for. `bos` is the id of the token that the file wants
    before each prompt, or None. `bos_text` and `eos_text` are what templates may write for the two tokens.
    """

    def __init__(self, path: Path, handle: Any, template: str) -> None:
        import llama_cpp

        self.path = path
        self.template = template
        self.handle = handle
        self.vocab = llama_cpp.llama_model_get_vocab(handle)
        self.vocabulary: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.trained_context: int = llama_cpp.llama_model_n_ctx_train(handle)
        bos, eos = llama_cpp.llama_vocab_bos(self.vocab), llama_cpp.llama_vocab_eos(self.vocab)
        adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))
        if adds_bos and bos < 0:
            llama_cpp.llama_model_free(handle)
            raise DataError(
                f"{path}: needs a BOS token before each prompt, but names none", fix="sql-llama export, or another file"
            )
        self.bos: int | None = bos if adds_bos else None
        self.bos_text = self.piece(bos, special=True).decode(errors="replace") if bos >= 0 else ""
        self.eos_text = self.piece(eos, special=True).decode(errors="replace") if eos >= 0 else ""
        self._users = 0

    def join(self) -> "GgufModel":
        """Count one more engine that uses the weights; returns the model."""
        self._users += 1
        return self

    def leave(self) -> None:
        """Count one engine less, and free the weights with the last."""
        import llama_cpp

        self._users -= 1
        if not self._users:
            llama_cpp.llama_model_free(self.handle)
            self.handle = None

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text; control tokens that stand in it are read as such, nothing is added."""
        import llama_cpp

        data = text.encode()
        room = len(data) + 16
        while True:
            ids = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self.vocab, data, len(data), ids, room, False, True)
            if count >= 0:
                return list(ids[:count])
            room = -count

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """Return the bytes of a token; those of a control token only with `special`."""
        import llama_cpp

        room = 64
        while True:
            buffer = (ctypes.c_char * room)()
            count = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, room, 0, special)
            if count >= 0:
                return bytes(buffer.raw[:count])
            room = -count

    def text(self, tokens: Iterable[int]) -> str:
        """Return the text of the tokens of an answer."""
        return b"".join(map(self.piece, tokens)).decode(errors="replace")

    def end_tokens(self) -> list[int]:
        """Return every token that llama.cpp takes as the end of an answer."""
        import llama_cpp

        return [token for token in range(self.vocabulary) if llama_cpp.llama_vocab_is_eog(self.vocab, token)]

    def description(self) -> str:
        """Return llama.cpp's own line about the model, such as `llama 135M Q4_K - Medium`."""
        import llama_cpp

        text = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self.handle, text, 256)
        return text.value.decode(errors="replace")

    def parameters(self) -> int:
        """Return the number of weights."""
        import llama_cpp

        return int(llama_cpp.llama_model_n_params(self.handle))


def open_model(path: Path) -> GgufModel:
    """Load the weights of a GGUF file.

    Raises DataError when the file is missing, truncated, no GGUF, has no chat template or is of a kind that llama.cpp
    does not run.
    """
    # threads that wait for each other sleep soon: spinning, they take most of a machine that has other work to do
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import llama_cpp

    if not path.is_file():
        raise DataError(f"{path}: no such model file", fix="sql-llama export, or give a .gguf file with --model")
    check_gguf(path)
    LOG.install()
    llama_cpp.llama_backend_init()
    params = llama_cpp.llama_model_default_params()
    # layouts of the weights for one processor's own instructions; AMX is one of them, and gcc compiles it wrongly
    params.use_extra_bufts = AMX not in llama_cpp.llama_print_system_info().decode(errors="replace")
    with problems() as lines:
        handle = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    if not handle:
        reason = next((line for line in lines if "error" in line), "llama.cpp cannot load it")
        raise DataError(
            f"{path}: broken or unknown model file ({reason})", fix="sql-llama export, or download it again"
        )
    template = llama_cpp.llama_model_chat_template(handle, None)
    if not template or llama_cpp.llama_model_has_encoder(handle) or not llama_cpp.llama_model_has_decoder(handle):
        llama_cpp.llama_model_free(handle)
        raise DataError(f"{path}: not a chat model with a template of its own", fix="use a GGUF of an instruct model")
    return GgufModel(path, handle, template.decode(errors="replace"))
