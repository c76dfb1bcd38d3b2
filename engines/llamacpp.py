"""Run a GGUF file in this process, through llama.cpp's C interface.

The prompt is rendered with the template that the file carries and tokenized as the file says, so what is measured here
is what any other llama.cpp-based runtime will be given. Not covered: files split into parts, encoder-decoder models.
"""

import ctypes
import os
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError, SqlLlamaError
from ..core.files import sha256
from ..core.records import Answer, Message
from ..modelfiles.templates import render_chat
from ..models.gguf_header import check_gguf, read_gguf
from .beams import beam_search
from .decoding import CHUNK, Context
from .engine import fitting
from .native import AMX, check_llamacpp

if TYPE_CHECKING:
    from ..core.progress import Advance

SMALL = 2**30  # bytes; smaller models gain more from one thread an answer than from all threads on one answer

_said: list[str] = []  # what llama.cpp logged as an error since the last load
_callback: Any = None  # llama.cpp keeps a pointer to it, so it has to live as long as the process


def load_llamacpp(
    path: Path, *, adapter: Path | None = None, num_ctx: int = 4096, threads: int | None = None
) -> "LlamaCpp":
    """Load a GGUF file with `num_ctx` tokens of context, at most what the model was trained for.

    `adapter` is a LoRA in GGUF, laid over the model at run time. `threads` default to the cores that this process may
    use.

    Raises DataError when the file is missing, truncated, no GGUF, has no chat template or is of a kind that llama.cpp
    does not run; SqlLlamaError when llama.cpp itself dies on this processor.
    """
    check_llamacpp()
    return open_gguf(path, adapter=adapter, num_ctx=num_ctx, threads=threads)


def open_gguf(
    path: Path, *, adapter: Path | None = None, num_ctx: int = 4096, threads: int | None = None
) -> "LlamaCpp":
    """`load_llamacpp` without trying first whether llama.cpp works on this processor."""
    # threads that wait for each other sleep soon: spinning, they take most of a machine that has other work to do
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import llama_cpp

    if not path.is_file():
        raise DataError(f"{path}: no such model file", fix="sql-llama export, or give a .gguf file with --model")
    check_gguf(path)
    _quiet(llama_cpp)
    llama_cpp.llama_backend_init()
    _said.clear()
    wanted = llama_cpp.llama_model_default_params()
    # layouts of the weights for one processor's own instructions; AMX is one of them, and gcc compiles it wrongly
    wanted.use_extra_bufts = AMX not in llama_cpp.llama_print_system_info().decode(errors="replace")
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), wanted)
    if not model:
        reason = next((line for line in _said if "error" in line), "llama.cpp cannot load it")
        raise DataError(
            f"{path}: broken or unknown model file ({reason})", fix="sql-llama export, or download it again"
        )
    template = llama_cpp.llama_model_chat_template(model, None)
    if not template or llama_cpp.llama_model_has_encoder(model) or not llama_cpp.llama_model_has_decoder(model):
        llama_cpp.llama_model_free(model)
        raise DataError(f"{path}: not a chat model with a template of its own", fix="use a GGUF of an instruct model")
    engine = LlamaCpp(path, _Weights(model), template.decode(errors="replace"), num_ctx, threads or cores())
    try:
        if adapter is not None:
            engine.add_adapter(adapter)
    except DataError:
        engine.close()
        raise
    return engine


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


class _Weights:
    """A model in memory, freed when the last engine that uses it is closed."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.users = 0

    def leave(self) -> None:
        import llama_cpp

        self.users -= 1
        if not self.users:
            llama_cpp.llama_model_free(self.handle)
            self.handle = None


class LlamaCpp:
    """A loaded GGUF model: an engines.engine.Engine that also answers many chats at once, with several beams each.

    Over the model lies one of its `adapters` (their files by name) at a time, or none; `use` changes it between two
    answers. Not for two threads at a time: one context holds the state of the answer under way.
    """

    def __init__(self, path: Path, weights: _Weights, template: str, num_ctx: int, threads: int) -> None:
        import llama_cpp

        model = weights.handle
        weights.users += 1
        self.name = path.stem
        self.path = path
        self.template = template
        self.threads = threads
        self.num_ctx: int = min(num_ctx, llama_cpp.llama_model_n_ctx_train(model))
        self._weights: _Weights | None = weights
        self._model = model
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self.vocabulary: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._context: Context | None = None
        self.adapters: dict[str, Path] = {}
        self.adapter = ""  # the name of the one in use
        self._handles: dict[str, Any] = {}
        bos, eos = llama_cpp.llama_vocab_bos(self._vocab), llama_cpp.llama_vocab_eos(self._vocab)
        self._bos = bos if bos >= 0 and llama_cpp.llama_vocab_get_add_bos(self._vocab) else None
        self._bos_text = self._piece(bos, special=True).decode(errors="replace") if bos >= 0 else ""
        self._eos_text = self._piece(eos, special=True).decode(errors="replace") if eos >= 0 else ""

    def beside(self) -> "LlamaCpp":
        """Another engine over the same weights, without an adapter; both may answer at the same time."""
        assert self._weights is not None
        return LlamaCpp(self.path, self._weights, self.template, self.num_ctx, self.threads)

    def add_adapter(self, path: Path) -> None:
        """Answer with this LoRA from now on; raises DataError when it is none or is for another model."""
        import llama_cpp

        name = path.stem
        if name in self.adapters:
            if not path.exists() or not path.samefile(self.adapters[name]):
                raise DataError(f"{path}: an adapter called {name} is there already", fix="rename one of the files")
            return self.use(name)
        self._check_adapter(path)
        _said.clear()
        handle = llama_cpp.llama_adapter_lora_init(self._model, os.fsencode(path))
        if not handle:  # no None, but a null pointer
            reason = next((line for line in _said if "fail" in line or "error" in line), "llama.cpp cannot load it")
            raise DataError(f"{path}: no adapter for {self.path.name} ({reason})", fix="give a LoRA of this very base")
        self.adapters[name], self._handles[name] = path, handle
        self.use(name)

    def _check_adapter(self, path: Path) -> None:
        """Raise DataError for what llama.cpp, which ends the process over it, must not be given."""
        header = read_gguf(path)
        facts = header.metadata
        if (facts.get("general.type"), facts.get("adapter.type")) != ("adapter", "lora"):
            raise DataError(f"{path}: no LoRA adapter", fix="give a LoRA in GGUF, or a model without the +")
        if not isinstance(facts.get("adapter.lora.alpha"), float):
            raise DataError(f"{path}: a LoRA without its adapter.lora.alpha", fix="convert the adapter again")
        tensors = {tensor.name for tensor in read_gguf(self.path).tensors}
        if any(one.name.startswith("token_embd.") for one in header.tensors) and "output.weight" not in tensors:
            raise DataError(
                f"{path}: a LoRA of the embedding, which {self.path.name} uses as its output layer too",
                fix="merge the adapter into its base",
            )

    def use(self, adapter: str) -> None:
        """Answer with the adapter of that name from now on, or with none (''); raises DataError when there is none."""
        if adapter and adapter not in self.adapters:
            raise DataError(f"{adapter}: no adapter of that name", fix=f"one of {', '.join(self.adapters) or 'none'}")
        self.adapter = adapter
        self.name = f"{self.path.stem}+{adapter}" if adapter else self.path.stem
        if self._context is not None:
            self._lay_over(self._context)

    def _lay_over(self, context: Context) -> None:
        """Bring the context to compute with the adapter in use and no other."""
        import llama_cpp

        used = [self._handles[self.adapter]] if self.adapter else []
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * len(used))(*used)
        scales = (ctypes.c_float * len(used))(*[1.0] * len(used))
        if llama_cpp.llama_set_adapters_lora(context.handle, adapters, len(used), scales):
            context.close()
            raise SqlLlamaError(f"{self.name}: llama.cpp does not take the adapter", fix="sql-llama doctor")

    @property
    def facts(self) -> dict[str, Any]:
        """See engines.engine.Engine."""
        import llama_cpp

        text = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self._model, text, 256)
        facts = {
            "engine": "llama.cpp",
            "description": text.value.decode(errors="replace"),
            "architecture": check_gguf(self.path).get("general.architecture"),
            "bytes": self.path.stat().st_size,
            "parameters": int(llama_cpp.llama_model_n_params(self._model)),
            "context": self.num_ctx,
            "threads": self.threads,
        }
        return {**facts, "adapter": self.adapters[self.adapter].name} if self.adapter else facts

    @property
    def identity(self) -> str:
        """See engines.engine.Engine."""
        return "+".join(sha256(path) for path in (self.path, self.adapters.get(self.adapter)) if path is not None)

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

    def end_tokens(self) -> list[int]:
        """Every token that llama.cpp takes as the end of an answer."""
        import llama_cpp

        return [token for token in range(self.vocabulary) if llama_cpp.llama_vocab_is_eog(self._vocab, token)]

    def prompt_tokens(self, chat: Sequence[Message]) -> list[int]:
        """Token ids of a prompt, with one BOS token where the file asks for it, even if the template writes one too."""
        ids = self.tokenize(self.render(chat))
        return [self._bos, *ids] if self._bos is not None and ids[:1] != [self._bos] else ids

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Whether the chat and an answer of `max_tokens` fit the context."""
        return len(self.prompt_tokens(chat)) + max_tokens <= self.num_ctx

    def fitting_prompt(self, chat: Sequence[Message]) -> list[int]:
        """Like `prompt_tokens`; raises SqlLlamaError when no room for an answer is left in the context."""
        return fitting(self.name, self.prompt_tokens(chat), self.num_ctx)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine. Empty pieces come while the prompt is read, so that a caller can stop early."""
        prompt = self.fitting_prompt(chat)
        if self._context is None:
            self._context = self._new_context(self.num_ctx, self.threads)
        return (yield from self._context.greedy(prompt, min(max_tokens, self.num_ctx - len(prompt))))

    def answer_many(
        self, chats: Sequence[Sequence[Message]], *, max_tokens: int = 256, advance: "Advance | None" = None
    ) -> Iterator[Answer]:
        """The answer to each chat, in order; `advance` is called with each."""
        for found in self.candidates(chats, max_tokens=max_tokens):
            if advance:
                advance(1)
            yield found[0]

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        """For each chat, in order, its `beams` most probable answers, the best first; one chat on each thread.

        With one beam the same answers as one at a time, bit by bit. (One batch for several chats was tried: with
        prompts of 360 tokens and answers of 30 it was no faster on a CPU, and its rounding changed answers.)
        """
        prompts = [self.fitting_prompt(chat) for chat in chats]
        if not prompts:
            return
        # several beams hold more tokens than the longest of them
        longest = max(len(prompt) + beams * min(max_tokens, self.num_ctx - len(prompt)) for prompt in prompts)
        workers = min(self.threads, len(prompts)) if self.path.stat().st_size < SMALL else 1
        sequences = 1 if beams == 1 else 2 * beams
        made: list[Context] = []
        contexts: queue.SimpleQueue[Context] = queue.SimpleQueue()
        ended = stop or threading.Event()

        def work(prompt: list[int]) -> list[Answer]:
            context = contexts.get()
            try:
                limit = min(max_tokens, self.num_ctx - len(prompt))
                if beams == 1:
                    return [_finish(context.greedy(prompt, limit), ended)]
                return beam_search(context, prompt, beams, limit, ended)
            finally:
                contexts.put(context)

        try:
            for _ in range(workers):
                made.append(self._new_context(longest, self.threads // workers, sequences))
                contexts.put(made[-1])
            with ThreadPoolExecutor(workers) as pool:
                try:
                    for future in [pool.submit(work, prompt) for prompt in prompts]:
                        yield future.result()
                finally:
                    ended.set()
                    pool.shutdown(cancel_futures=True)
        finally:
            for context in made:
                context.close()

    def foretold(self, rows: Sequence[tuple[Sequence[int], int]]) -> Iterator[Any]:
        """For each (ids, length of the prompt) the logits of its answer, float32 (answer tokens, vocabulary)."""
        if not rows:
            return
        longest = max(len(ids) for ids, _ in rows)
        workers = min(self.threads, len(rows)) if self.path.stat().st_size < SMALL else 1
        made: list[Context] = []
        try:
            for _ in range(workers):
                made.append(self._new_context(longest, self.threads // workers, outputs=CHUNK))
            with ThreadPoolExecutor(workers) as pool:
                for start in range(0, len(rows), workers):  # no more logits in memory than are looked at
                    group = rows[start : start + workers]
                    yield from pool.map(lambda context, row: context.foretell(*row), made, group)
        finally:
            for context in made:
                context.close()

    def _new_context(self, cells: int, threads: int, sequences: int = 1, outputs: int = 0) -> Context:

        _said.clear()
        context = Context(
            self._model,
            cells,
            threads,
            sequences=sequences,
            outputs=outputs,
            piece=self._piece,
            said=lambda: _said[-1] if _said else "",
            name=str(self.path),
        )
        self._lay_over(context)
        return context

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
        """Free the context and the adapters, and the model with its last engine; safe to call twice."""
        import llama_cpp

        if self._context is not None:
            self._context.close()
            self._context = None
        for handle in self._handles.values():
            llama_cpp.llama_adapter_lora_free(handle)
        self._handles = {}
        if self._weights is not None:
            self._weights.leave()
            self._weights = self._model = None


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
