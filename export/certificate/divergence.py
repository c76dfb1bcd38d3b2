"""How far a GGUF file is from the merged model that it was made from: at each token of known answers, in llama.cpp.

The mean of KL(merged || file) shows how much the file's next-token probabilities differ, top-1 agreement how often the
two would write the same token, perplexity how improbable each finds the right answer.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from ...core.progress import progress
from ...engines.llamacpp import LlamaCpp, load_llamacpp
from .answers import LONGEST
from .reference import Reference


@dataclass(frozen=True)
class Divergence:
    """Means over `tokens` answer tokens; `kl` in nats, `kl_error` its standard error (tokens of an answer go together).

    `top1` is the share of tokens where both find the same one most probable.
    """

    kl: float
    kl_error: float
    top1: float
    perplexity: float
    reference_perplexity: float
    tokens: int


def divergence_of_file(reference: Reference, gguf: Path, *, threads: int | None = None) -> Divergence:
    """Load a GGUF file and compare it with the merged model; raises DataError for a vocabulary of another size."""
    engine = load_llamacpp(gguf, num_ctx=LONGEST, threads=threads)
    try:
        return divergence(reference, engine)
    finally:
        engine.close()


def divergence(reference: Reference, engine: LlamaCpp) -> Divergence:
    """Compare a loaded GGUF file with the merged model; raises DataError for a vocabulary of another size."""
    import numpy as np

    if engine.vocabulary != reference.vocabulary:
        raise DataError(
            f"{engine.path}: {engine.vocabulary} tokens, not {reference.vocabulary}",
            fix="export again, from the base that was trained on",
        )
    rows = [(item.ids, item.prompt) for item in reference.answers]
    kls, agreements, in_file, in_reference = [], [], [], []
    start = 0
    with progress(f"comparing {engine.path.name}", len(rows), "answers") as advance:
        for (ids, prompt), logits in zip(rows, engine.answer_logits(rows), strict=True):
            right = np.arange(len(logits)), np.array(ids[prompt:])
            expected = reference.log_probabilities[start : start + len(logits)].astype(np.float32)
            start += len(logits)
            logits -= logits.max(axis=1, keepdims=True)
            logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
            kls.append((np.exp(expected) * (expected - logits)).sum(axis=1, dtype=np.float64))
            agreements.append(expected.argmax(axis=1) == logits.argmax(axis=1))
            in_file.append(logits[right])
            in_reference.append(expected[right])
            advance()
    kl = np.concatenate(kls)
    mean = float(kl.mean())
    sums = np.array([(item - mean).sum() for item in kls])
    return Divergence(
        mean,
        float(math.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1)) / len(kl)),
        float(np.concatenate(agreements).mean()),
        float(np.exp(-np.concatenate(in_file).mean(dtype=np.float64))),
        float(np.exp(-np.concatenate(in_reference).mean(dtype=np.float64))),
        len(kl),
    )
