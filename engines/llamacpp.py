"""Run a GGUF file in this process, through llama.cpp's C interface.

The prompt is rendered with the template that the file carries and tokenized as the file says, so what is measured here
is what any other llama.cpp-based runtime will be given. Not covered: files split into parts, encoder-decoder models.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError
from ..core.files import sha256
from ..core.records import Answer, Message
from ..modelfiles.templates import render_chat
from ..models.gguf_header import check_gguf
from ..models.tokens import with_bos
from .beams import beam_search
from .decoding import CHUNK, Context
from .engine import fitting
from .gguf_model import GgufModel, open_model
from .lora import Loras
from .native import check_llamacpp

if TYPE_CHECKING:
    from ..core.progress import Advance

SMALL = 2**30  # bytes; smaller models gain more from one thread an answer than from all threads on one answer


def load_llamacpp(
    path: Path, *, adapter: Path | None = None, num_ctx: int = 4096, threads: int | None = None
) -> "LlamaCpp":
    """Load a GGUF file with `num_ctx` tokens of context, at most what the model was trained for.

    `adapter` is a LoRA in GGUF, applied while the model runs. `threads` is by default the number of cores that this
    process may use. Raises DataError when the file is missing, truncated, no GGUF, has no chat template or is of a kind
    that llama.cpp does not run; SqlLlamaError when llama.cpp itself dies on this processor.
    """
    check_llamacpp()
    return open_gguf(path, adapter=adapter, num_ctx=num_ctx, threads=threads)


def open_gguf(
    path: Path, *, adapter: Path | None = None, num_ctx: int = 4096, threads: int | None = None
) -> "LlamaCpp":
    """Do what `load_llamacpp` does, without trying first whether llama.cpp works on this processor."""
    engine = LlamaCpp(open_model(path), num_ctx, threads or cores())
    try:
        if adapter is not None:
            engine.add_adapter(adapter)
    except DataError:
        engine.close()
        raise
    return engine


def cores() -> int:
    """Return the number of physical cores that this process may use; twice as many threads would be slower."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


class LlamaCpp:
    """A loaded GGUF model: an engines.engine.Engine with SeveralAnswers, and Adaptable.

    One of its adapters at a time is applied, or none; `use` changes it between two answers. Not for two threads at a
    time: one context holds the state of the answer under way.
    """

    def __init__(self, model: GgufModel, num_ctx: int, threads: int) -> None:
        self.name = model.path.stem
        self.path = model.path
        self.template = model.template
        self.threads = threads
        self.num_ctx = min(num_ctx, model.trained_context)
        self.vocabulary = model.vocabulary
        self.adapter = ""  # the name of the one in use
        self._model = model.join()
        self._loras = Loras(model)
        self._context: Context | None = None
        self._closed = False

    def beside(self) -> "LlamaCpp":
        """Return another engine over the same weights, without an adapter; both may answer at the same time."""
        return LlamaCpp(self._model, self.num_ctx, self.threads)

    @property
    def model(self) -> GgufModel:
        """The weights and the vocabulary, for what this class has no method for."""
        return self._model

    @property
    def adapters(self) -> dict[str, Path]:
        """The files of the loaded adapters by their names."""
        return self._loras.files

    def add_adapter(self, path: Path) -> None:
        """Answer with this LoRA from now on; raises DataError when it is none or is for another model."""
        self.use(self._loras.load(path))

    def use(self, adapter: str) -> None:
        """Answer with the adapter of that name from now on, or with none (''); raises DataError when there is none."""
        if adapter and adapter not in self.adapters:
            raise DataError(f"{adapter}: no adapter of that name", fix=f"one of {', '.join(self.adapters) or 'none'}")
        self.adapter = adapter
        self.name = f"{self.path.stem}+{adapter}" if adapter else self.path.stem
        if self._context is not None:
            self._loras.apply(adapter, self._context)

    @property
    def facts(self) -> dict[str, Any]:
        """See engines.engine.Engine."""
        facts = {
            "engine": "llama.cpp",
            "description": self._model.description(),
            "architecture": check_gguf(self.path).get("general.architecture"),
            "bytes": self.path.stat().st_size,
            "parameters": self._model.parameters(),
            "context": self.num_ctx,
            "threads": self.threads,
        }
        return {**facts, "adapter": self.adapters[self.adapter].name} if self.adapter else facts

    @property
    def identity(self) -> str:
        """See engines.engine.Engine."""
        return "+".join(sha256(path) for path in (self.path, self.adapters.get(self.adapter)) if path is not None)

    def render(self, chat: Sequence[Message]) -> str:
        """Return the prompt's text, up to where the answer begins."""
        return render_chat(self.template, chat, bos_token=self._model.bos_text, eos_token=self._model.eos_text)

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text; control tokens that stand in it are read as such, nothing is added."""
        return self._model.tokenize(text)

    def end_tokens(self) -> list[int]:
        """Return every token that llama.cpp takes as the end of an answer."""
        return self._model.end_tokens()

    def prompt_tokens(self, chat: Sequence[Message]) -> list[int]:
        """Return the token ids of a prompt, with one BOS token where the file wants it."""
        return with_bos(self.tokenize(self.render(chat)), self._model.bos)

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Tell whether the chat and an answer of `max_tokens` fit the context."""
        return len(self.prompt_tokens(chat)) + max_tokens <= self.num_ctx

    def fitting_prompt(self, chat: Sequence[Message]) -> list[int]:
        """Do what `prompt_tokens` does; raises SqlLlamaError when the context has no room left for an answer."""
        return fitting(self.name, self.prompt_tokens(chat), self.num_ctx)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine. Empty pieces come while the prompt is read, so that a caller can stop early."""
        prompt = self.fitting_prompt(chat)
        if self._context is None:
            self._context = self.new_context(self.num_ctx, self.threads)
        return (yield from self._context.greedy(prompt, min(max_tokens, self.num_ctx - len(prompt))))

    def answer_many(
        self, chats: Sequence[Sequence[Message]], *, max_tokens: int = 256, advance: "Advance | None" = None
    ) -> Iterator[Answer]:
        """Yield the answer to each chat, in order; `advance` is called with each."""
        for answers in self.candidates(chats, max_tokens=max_tokens):
            if advance:
                advance(1)
            yield answers[0]

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        """Yield for each chat, in order, its `beams` most probable answers, the best first; one chat on each thread.

        With one beam the same answers as one at a time, bit by bit. (One batch for several chats was tried: with
        prompts of 360 tokens and answers of 30 it was no faster on a CPU, and its rounding changed answers.)
        """
        prompts = [self.fitting_prompt(chat) for chat in chats]
        if not prompts:
            return
        # several beams hold more tokens than the longest of them
        longest = max(len(prompt) + beams * min(max_tokens, self.num_ctx - len(prompt)) for prompt in prompts)
        closed = threading.Event()  # `stop` is the caller's own: another engine may listen to it

        def stopped() -> bool:
            return closed.is_set() or (stop is not None and stop.is_set())

        with self._contexts(longest, len(prompts), sequences=1 if beams == 1 else 2 * beams) as contexts:
            free: queue.SimpleQueue[Context] = queue.SimpleQueue()
            for context in contexts:
                free.put(context)

            def answers(prompt: list[int]) -> list[Answer]:
                context = free.get()
                try:
                    limit = min(max_tokens, self.num_ctx - len(prompt))
                    if beams == 1:
                        return [_finish(context.greedy(prompt, limit), stopped)]
                    return beam_search(context, prompt, beams, limit, stopped)
                finally:
                    free.put(context)

            with ThreadPoolExecutor(len(contexts)) as pool:
                try:
                    for future in [pool.submit(answers, prompt) for prompt in prompts]:
                        yield future.result()
                finally:
                    closed.set()
                    pool.shutdown(cancel_futures=True)

    def answer_logits(self, rows: Sequence[tuple[Sequence[int], int]]) -> Iterator[Any]:
        """Yield for each (ids, length of the prompt) the logits of its answer, float32 (answer tokens, vocabulary).

        Row n of the logits is what the model says before it reads token n of the answer.
        """
        if not rows:
            return
        longest = max(len(ids) for ids, _ in rows)
        with self._contexts(longest, len(rows), outputs=CHUNK) as contexts, ThreadPoolExecutor(len(contexts)) as pool:
            for start in range(0, len(rows), len(contexts)):  # no more logits in memory than are looked at
                group = rows[start : start + len(contexts)]
                yield from pool.map(lambda context, row: context.answer_logits(*row), contexts, group)

    @contextlib.contextmanager
    def _contexts(self, cells: int, tasks: int, *, sequences: int = 1, outputs: int = 0) -> Iterator[list[Context]]:
        """A context for each thread that works on one of `tasks`; a large model has one context with all threads."""
        workers = min(self.threads, tasks) if self.path.stat().st_size < SMALL else 1
        contexts: list[Context] = []
        try:
            for _ in range(workers):
                contexts.append(self.new_context(cells, self.threads // workers, sequences, outputs))
            yield contexts
        finally:
            for context in contexts:
                context.close()

    def new_context(self, cells: int, threads: int, sequences: int = 1, outputs: int = 0) -> Context:
        """Return a context of its own (see engines.decoding.Context) with the adapter in use; the caller closes it."""
        context = Context(self._model, cells, threads, sequences=sequences, outputs=outputs)
        self._loras.apply(self.adapter, context)
        return context

    def close(self) -> None:
        """Free the context and the adapters, and the model with its last engine; safe to call twice."""
        if self._context is not None:
            self._context.close()
            self._context = None
        self._loras.close()
        if not self._closed:
            self._closed = True
            self._model.leave()


def _finish(pieces: Generator[str, None, Answer], stopped: Callable[[], bool]) -> Answer:
    """Run an answer to its end, or until `stopped` says so."""
    while not stopped():
        try:
            next(pieces)
        except StopIteration as end:
            result: Answer = end.value
            return result
    pieces.close()
    return Answer("", stopped=False)
