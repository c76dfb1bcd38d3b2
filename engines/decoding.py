"""Decode with one llama.cpp context: read a prompt, then write the most probable answer.

llama.cpp's sums depend, in their last digits, on how many tokens one pass reads, and sometimes that decides between two
tokens that are nearly as probable. So a prompt is always read in the same passes from its first token on, and an answer
is the same bit by bit whatever was answered before. Speculative decoding and several answers in one batch were tried:
they changed one answer in eight. Keeping the common beginning of two prompts in the cache changed the digits.
"""

import codecs
import math
import time
from collections.abc import Generator, Sequence
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.records import Answer
from .gguf_model import GgufModel
from .llamacpp_log import problems

CHUNK = 128  # prompt tokens of one pass: what a cancelled answer has to wait for


def fill(batch: Any, tokens: Sequence[int], start: int, *, logits_from: int = 0) -> None:
    """Put tokens that begin at position `start` of sequence 0 into a llama_batch; logits from `logits_from` on."""
    batch.n_tokens = len(tokens)
    for place, token in enumerate(tokens):
        batch.token[place] = token
        batch.pos[place] = start + place
        batch.n_seq_id[place] = 1
        batch.seq_id[place][0] = 0
        batch.logits[place] = start + place >= logits_from


class Context:
    """A llama_context over a model with a cache of `cells` tokens, shared by its sequences.

    One pass gives logits for at most `outputs` tokens (default: one for each sequence). Not for two threads at a time.
    """

    def __init__(self, model: GgufModel, cells: int, threads: int, *, sequences: int = 1, outputs: int = 0) -> None:
        """Raises SqlLlamaError when there is no memory for it."""
        import llama_cpp

        self.name = str(model.path)
        self.sequences = sequences
        self.vocab = model.vocab
        self.vocabulary = model.vocabulary
        self._model = model
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = CHUNK
        params.n_seq_max = sequences
        params.kv_unified = True
        params.n_outputs_max = outputs or sequences  # else the logits of every token of a pass take memory
        params.n_threads = params.n_threads_batch = threads
        # its sums depend on the threads and on where a prompt is cut; without it an answer repeats bit by bit
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.no_perf = True
        with problems() as lines:
            self.handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self.handle:
            reason = lines[-1] if lines else "not enough memory"
            raise SqlLlamaError(
                f"{self.name}: no room for {cells} tokens of context ({reason})", fix="close other programs"
            )
        self.memory = llama_cpp.llama_get_memory(self.handle)

    def read(self, prompt: Sequence[int]) -> Generator[str, None, None]:
        """Bring the cache to hold just this prompt, with the logits of its last token; yields '' after each pass."""
        import llama_cpp

        llama_cpp.llama_memory_clear(self.memory, True)
        for start in range(0, len(prompt), CHUNK):
            self.decode(prompt[start : start + CHUNK])
            yield ""

    def greedy(self, prompt: Sequence[int], limit: int) -> Generator[str, None, Answer]:
        """Yield the pieces of the most probable answer of at most `limit` tokens; an end token is not part of it."""
        import llama_cpp

        started = time.monotonic()
        yield from self.read(prompt)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text, tokens, log_probability, stopped = "", 0, 0.0, False
        while tokens < limit:
            row = self.logits(1)[0]
            token = int(row.argmax())
            log_probability += _log_probability(row, token)
            if llama_cpp.llama_vocab_is_eog(self.vocab, token):
                stopped = True
                break
            tokens += 1
            piece = decoder.decode(self._model.piece(token))
            text += piece
            yield piece
            if tokens < limit:
                self.decode([token])
        rest = decoder.decode(b"", True)
        if rest:
            yield rest
        return Answer(text + rest, tokens, time.monotonic() - started, stopped, math.exp(log_probability))

    def answer_logits(self, ids: Sequence[int], prompt: int) -> Any:
        """Return the logits from which each of `ids[prompt:]` is chosen, float32 (len(ids) - prompt, vocabulary).

        The context needs CHUNK outputs and a cell for each id.
        """
        import llama_cpp
        import numpy as np

        llama_cpp.llama_memory_clear(self.memory, True)
        logits = []
        batch = llama_cpp.llama_batch_init(CHUNK, 0, 1)
        try:
            for start in range(0, len(ids) - 1, CHUNK):
                part = ids[start : min(start + CHUNK, len(ids) - 1)]
                fill(batch, part, start, logits_from=prompt - 1)
                self.submit(batch)
                outputs = start + len(part) - max(start, prompt - 1)
                if outputs > 0:
                    logits.append(self.logits(outputs).copy())
        finally:
            llama_cpp.llama_batch_free(batch)
        return np.concatenate(logits)

    def decode(self, tokens: Sequence[int]) -> None:
        """Read tokens after those of sequence 0, and keep the logits of the last."""
        import llama_cpp

        ids = (llama_cpp.llama_token * len(tokens))(*tokens)
        self.submit(llama_cpp.llama_batch_get_one(ids, len(tokens)))

    def submit(self, batch: Any) -> None:
        """Run one llama_batch; raises SqlLlamaError when llama.cpp fails."""
        import llama_cpp

        with problems() as lines:
            code = llama_cpp.llama_decode(self.handle, batch)
        if code:
            reason = lines[-1] if lines else f"code {code}"
            raise SqlLlamaError(f"{self.name}: llama.cpp failed to decode ({reason})", fix="sql-llama doctor")

    def logits(self, count: int) -> Any:
        """Return the kept logits, float32 (count, vocabulary), one row for each output; valid until the next pass."""
        import llama_cpp
        import numpy as np

        first = llama_cpp.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(first, shape=(count, self.vocabulary))

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of the tokens of an answer."""
        return self._model.text(tokens)

    def close(self) -> None:
        """Free it; safe to call twice."""
        import llama_cpp

        if self.handle is not None:
            llama_cpp.llama_free(self.handle)
            self.handle = None


def _log_probability(row: Any, token: int) -> float:
    import numpy as np

    top = row.max()
    return float(row[token] - top - math.log(float(np.exp(row - top).sum())))
