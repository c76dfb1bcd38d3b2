"""Beam search in a llama.cpp context: the several most probable answers to one prompt."""

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.records import Answer
from .decoding import Context


@dataclass(frozen=True)
class Beam:
    """An answer under way: its tokens, the sum of their log-probabilities, and the cache sequence that holds it."""

    tokens: tuple[int, ...]
    log_probability: float
    sequence: int

    def score(self, ended: bool) -> float:
        """Return the log-probability per token, the end token included: else short answers would always win."""
        return self.log_probability / max(1, len(self.tokens) + ended)


def beam_search(
    context: Context, prompt: Sequence[int], width: int, limit: int, stopped: Callable[[], bool] = lambda: False
) -> list[Answer]:
    """Return the `width` best answers of at most `limit` tokens, the best first; with a width of one the greedy answer.

    Answers that ended come before those cut by the limit; among each, by mean log-probability. Fewer than `width` come
    where an answer could end in two ways. The context needs 2 * `width` sequences, those of one step and those of the
    next, and cells for the prompt and `width` * `limit` tokens. It ends early with nothing once `stopped` says so.
    """
    import llama_cpp

    started = time.monotonic()
    for _ in context.read(prompt):
        if stopped():
            return []
    alive = [Beam((), 0.0, 0)]
    rows = context.logits(1)
    ended: list[Beam] = []
    for step in range(limit):
        if stopped():
            return []
        grown: list[tuple[float, int, int]] = []  # log-probability, beam, token
        for place, (beam, row) in enumerate(zip(alive, rows, strict=True)):
            grown += [(beam.log_probability + log, place, token) for log, token in _best(row, 2 * width)]
        following: list[tuple[Beam, int]] = []
        for rank, (log, place, token) in enumerate(heapq.nlargest(2 * width, grown)):
            beam = alive[place]
            if not llama_cpp.llama_vocab_is_eog(context.vocab, token):
                if len(following) < width:
                    following.append((Beam((*beam.tokens, token), log, -1), beam.sequence))
            # an end that is not among the best continuations does not count yet
            elif rank < width and all(beam.tokens != other.tokens for other in ended):
                ended.append(Beam(beam.tokens, log, -1))
        ended = heapq.nlargest(width, ended, key=lambda beam: beam.score(True))
        worst = ended[-1].score(True) if len(ended) == width else -math.inf
        cut = [beam for beam, _ in following]
        if not cut or cut[0].score(False) <= worst:
            break
        if step + 1 < limit:
            alive = _move(context, following, width if alive[0].sequence < width else 0)
            _decode(context, alive, len(prompt) + step)
            rows = context.logits(len(alive))
    finished = [(beam, True) for beam in ended]
    finished += [(beam, False) for beam in heapq.nlargest(width - len(ended), cut, key=lambda beam: beam.score(False))]
    seconds = time.monotonic() - started
    return [
        Answer(context.text(beam.tokens), len(beam.tokens), seconds, stopped, math.exp(beam.log_probability))
        for beam, stopped in finished
    ]


def _best(row: Any, count: int) -> list[tuple[float, int]]:
    """The most probable tokens of one row of logits, each with its log-probability."""
    import numpy as np

    tokens = np.argpartition(row, -count)[-count:]
    top = float(row.max())
    total = top + math.log(float(np.exp(row - top).sum()))
    return [(float(row[token]) - total, int(token)) for token in tokens]


def _move(context: Context, following: Sequence[tuple[Beam, int]], bank: int) -> list[Beam]:
    """Give each beam a sequence of its own from `bank` on, with its parent's cache; the other bank is emptied."""
    import llama_cpp

    moved = []
    for place, (beam, parent) in enumerate(following):
        llama_cpp.llama_memory_seq_cp(context.memory, parent, bank + place, -1, -1)
        moved.append(Beam(beam.tokens, beam.log_probability, bank + place))
    keep = {beam.sequence for beam in moved}
    for sequence in range(context.sequences):
        if sequence not in keep:
            llama_cpp.llama_memory_seq_rm(context.memory, sequence, -1, -1)
    return moved


def _decode(context: Context, beams: Sequence[Beam], position: int) -> None:
    """Read the newest token of every beam in one pass."""
    import llama_cpp

    batch = llama_cpp.llama_batch_init(len(beams), 0, 1)
    try:
        batch.n_tokens = len(beams)
        for place, beam in enumerate(beams):
            batch.token[place] = beam.tokens[-1]
            batch.pos[place] = position
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = beam.sequence
            batch.logits[place] = 1
        context.submit(batch)
    finally:
        llama_cpp.llama_batch_free(batch)
