"""Run a GGUF file in this process, through llama.cpp's C interface.

The prompt is rendered with the template that the file carries and tokenized as the file says, so what is measured here
is what any other llama.cpp-based runtime will be given. Not covered: files split into parts, encoder-decoder models.
"""

import codecs
import ctypes
import os
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError, SqlLlamaError
from ..core.gguf_file import check_gguf
from ..core.records import Answer, Message
from ..modelfiles.templates import render_chat

if TYPE_CHECKING:
    from ..core.progress import Advance

CHUNK = 128  # prompt tokens of one pass when streaming: what a cancelled answer has to wait for
SMALL = 2**30  # bytes; smaller models gain more from one thread an answer than from all threads on one answer

_said: list[str] = []  # what llama.cpp logged as an error since the last load
_callback: Any = None  # llama.cpp keeps a pointer to it, so it has to live as long as the process


def load_llamacpp(path: Path, *, num_ctx: int = 4096, threads: int | None = None) -> "LlamaCpp":
    """Load a GGUF file with `num_ctx` tokens of context, at most what the model was trained for.

    `threads` default to the cores that this process may use.

    Raises DataError when the file is missing, truncated, no GGUF, has no chat template or is of a kind that llama.cpp
    does not run.
    """
    # threads that wait for each other sleep soon: spinning, they take most of a machine that has other work to do
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import llama_cpp

    if not path.is_file():
        raise DataError(f"{path}: no such model file", fix="sql-llama export, or give a .gguf file with --model")
    check_gguf(path)
    _quiet(llama_cpp)
    llama_cpp.llama_backend_init()
    _said.clear()
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), llama_cpp.llama_model_default_params())
    if not model:
        reason = next((line for line in _said if "error" in line), "llama.cpp cannot load it")
        raise DataError(
            f"{path}: broken or unknown model file ({reason})", fix="sql-llama export, or download it again"
        )
    template = llama_cpp.llama_model_chat_template(model, None)
    if not template or llama_cpp.llama_model_has_encoder(model) or not llama_cpp.llama_model_has_decoder(model):
        llama_cpp.llama_model_free(model)
        raise DataError(f"{path}: not a chat model with a template of its own", fix="use a GGUF of an instruct model")
    return LlamaCpp(path, model, template.decode(errors="replace"), num_ctx, threads or cores())


def cores() -> int:
    """Physical cores that this process may use; twice as many threads only get in each other's way."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def _quiet(llama_cpp: Any) -> None:
    """Send llama.cpp's log to `_said` instead of standard error."""
    global _callback

    def keep(level: int, text: bytes, _: object) -> None:
        if level >= 3 and len(_said) < 50:
            _said.append(text.decode(errors="replace").strip())

    if _callback is None:
        _callback = llama_cpp.llama_log_callback(keep)
        llama_cpp.llama_log_set(_callback, ctypes.c_void_p(0))


class LlamaCpp:
    """A loaded GGUF model: an engines.engine.Engine that also answers many chats at once.

    Not for two threads at a time: one context holds the state of the answer under way.
    """

    def __init__(self, path: Path, model: Any, template: str, num_ctx: int, threads: int) -> None:
        import llama_cpp

        self.name = path.stem
        self.path = path
        self.template = template
        self.threads = threads
        self.num_ctx: int = min(num_ctx, llama_cpp.llama_model_n_ctx_train(model))
        self._model = model
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._context: Any = None
        bos, eos = llama_cpp.llama_vocab_bos(self._vocab), llama_cpp.llama_vocab_eos(self._vocab)
        self._bos = bos if bos >= 0 and llama_cpp.llama_vocab_get_add_bos(self._vocab) else None
        self._bos_text = self._piece(bos, special=True).decode(errors="replace") if bos >= 0 else ""
        self._eos_text = self._piece(eos, special=True).decode(errors="replace") if eos >= 0 else ""

    def render(self, chat: Sequence[Message]) -> str:
        """The prompt's text, up to where the answer begins."""
        return render_chat(self.template, chat, bos_token=self._bos_text, eos_token=self._eos_text)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text; control tokens that stand in it are read as such, nothing is added."""
        import llama_cpp

        data = text.encode()
        room = len(data) + 16
        while True:
            ids = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self._vocab, data, len(data), ids, room, False, True)
            if count >= 0:
                return list(ids[:count])
            room = -count

    def prompt_tokens(self, chat: Sequence[Message]) -> list[int]:
        """Token ids of a prompt, with one BOS token where the file asks for it, even if the template writes one too."""
        ids = self.tokenize(self.render(chat))
        return [self._bos, *ids] if self._bos is not None and ids[:1] != [self._bos] else ids

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Whether the chat and an answer of `max_tokens` fit the context."""
        return len(self.prompt_tokens(chat)) + max_tokens <= self.num_ctx

    def fitting_prompt(self, chat: Sequence[Message]) -> list[int]:
        """Like `prompt_tokens`; raises SqlLlamaError when no room for an answer is left in the context."""
        prompt = self.prompt_tokens(chat)
        if len(prompt) >= self.num_ctx:
            raise SqlLlamaError(
                f"{self.name}: the prompt has {len(prompt)} tokens, the context holds {self.num_ctx}",
                fix="ask about fewer tables",
            )
        return prompt

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine. Empty pieces come while the prompt is read, so that a caller can stop early."""
        prompt = self.fitting_prompt(chat)
        if self._context is None:
            self._context = self._new_context(self.num_ctx, self.threads)
        return (yield from self._generate(self._context, prompt, max_tokens))

    def answer_many(
        self, chats: Sequence[Sequence[Message]], *, max_tokens: int = 256, advance: "Advance | None" = None
    ) -> Iterator[Answer]:
        """Answers in the order of the chats, one on each thread; `advance` is called as each one ends.

        The same answers as one at a time, bit by bit. (One batch for all of them was tried: with prompts of 360 tokens
        and answers of 30 it was no faster on a CPU, and its rounding changed answers.)
        """
        prompts = [self.fitting_prompt(chat) for chat in chats]
        if not prompts:
            return
        longest = min(self.num_ctx, max(len(prompt) for prompt in prompts) + max_tokens)
        workers = min(self.threads, len(prompts)) if self.path.stat().st_size < SMALL else 1
        contexts: queue.SimpleQueue[Any] = queue.SimpleQueue()
        made = [self._new_context(longest, self.threads // workers) for _ in range(workers)]
        stop = threading.Event()

        def work(prompt: list[int]) -> Answer:
            context = contexts.get()
            try:
                result = _finish(self._generate(context, prompt, max_tokens), stop)
            finally:
                contexts.put(context)
            if advance:
                advance(1)
            return result

        try:
            for context in made:
                contexts.put(context)
            with ThreadPoolExecutor(workers) as pool:
                try:
                    for future in [pool.submit(work, prompt) for prompt in prompts]:
                        yield future.result()
                finally:
                    stop.set()
                    pool.shutdown(cancel_futures=True)
        finally:
            import llama_cpp

            for context in made:
                llama_cpp.llama_free(context)

    def _generate(self, context: Any, prompt: list[int], max_tokens: int) -> Generator[str, None, Answer]:
        import llama_cpp
        import numpy as np

        started = time.monotonic()
        limit = min(max_tokens, self.num_ctx - len(prompt))
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        for start in range(0, len(prompt), CHUNK):
            self._decode(context, prompt[start : start + CHUNK])
            yield ""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text, tokens, stopped = "", 0, False
        while tokens < limit:
            logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, -1), shape=(self._vocabulary,))
            token = int(logits.argmax())
            if llama_cpp.llama_vocab_is_eog(self._vocab, token):
                stopped = True
                break
            tokens += 1
            piece = decoder.decode(self._piece(token))
            text += piece
            yield piece
            if tokens < limit:
                self._decode(context, [token])
        rest = decoder.decode(b"", True)
        if rest:
            yield rest
        return Answer(text + rest, tokens, time.monotonic() - started, stopped)

    def _new_context(self, cells: int, threads: int) -> Any:
        """A llama_context for one sequence of `cells` tokens."""
        import llama_cpp

        wanted = llama_cpp.llama_context_default_params()
        wanted.n_ctx = cells
        wanted.n_batch = wanted.n_ubatch = CHUNK
        wanted.n_seq_max = 1
        wanted.n_outputs_max = 1  # else room for the logits of every token of a chunk is kept
        wanted.n_threads = wanted.n_threads_batch = threads
        # its sums depend on the threads and on where a prompt is cut; without it an answer repeats bit by bit
        wanted.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        wanted.no_perf = True
        _said.clear()
        context = llama_cpp.llama_init_from_model(self._model, wanted)
        if not context:
            reason = _said[0] if _said else "not enough memory"
            raise SqlLlamaError(
                f"{self.path}: no room for {cells} tokens of context ({reason})", fix="close other programs"
            )
        return context

    def _decode(self, context: Any, tokens: Sequence[int]) -> None:
        import llama_cpp

        ids = (llama_cpp.llama_token * len(tokens))(*tokens)
        code = llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(ids, len(tokens)))
        if code:
            reason = _said[-1] if _said else f"code {code}"
            raise SqlLlamaError(f"{self.path}: llama.cpp failed to decode ({reason})", fix="sql-llama doctor")

    def _piece(self, token: int, *, special: bool = False) -> bytes:
        import llama_cpp

        room = 64
        while True:
            buffer = (ctypes.c_char * room)()
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, room, 0, special)
            if count >= 0:
                return bytes(buffer.raw[:count])
            room = -count

    def close(self) -> None:
        """Free the model; safe to call twice."""
        import llama_cpp

        if self._context is not None:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._model is not None:
            llama_cpp.llama_model_free(self._model)
            self._model = None


def _finish(pieces: Generator[str, None, Answer], stop: threading.Event) -> Answer:
    """Run an answer to its end, or to where it is told to stop."""
    while not stop.is_set():
        try:
            next(pieces)
        except StopIteration as end:
            result: Answer = end.value
            return result
    pieces.close()
    return Answer("", stopped=False)
