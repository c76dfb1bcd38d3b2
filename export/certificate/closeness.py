"""The check that a file predicts what the merged model predicts, as nearly as the file's type can."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError
from ...models.gguf_header import check_gguf, file_type_name
from .certificate import Check
from .divergence import divergence
from .reference import Reference

if TYPE_CHECKING:
    from ...engines.llamacpp import LlamaCpp

# Mean KL in nats that a file may be from the merged model, by its type or the bits of its type: three times and more
# what the starter (SmolLM2-135M) measures: F16 0.000002, Q8_0 0.0005, Q6_K 0.002, Q5_K_M 0.007, Q4_K_M 0.015, Q4_0
# 0.045, Q3_K_M 0.043, Q2_K 0.07. The Q4_K_M with one layer of its thirty zeroed measures 0.07 to 14.
LIMITS = {16: 0.001, 8: 0.005, 6: 0.02, 5: 0.03, 4: 0.05, 3: 0.15, 2: 0.3, 1: 0.6}
COARSE = {"Q4_0": 0.15, "Q4_1": 0.15, "Q5_0": 0.06, "Q5_1": 0.06}


def closeness(engine: "LlamaCpp", metadata: Mapping[str, Any], reference: Reference | None) -> Check:
    """Return the check `divergence` of a loaded file with this metadata; skipped without a merged model."""
    if reference is None:
        return Check("divergence", "skipped", "no merged model to compare with")
    kind, limit = kl_limit(metadata)
    try:
        result = divergence(reference, engine)
    except DataError as error:
        return Check("divergence", "fail", error.message)
    numbers = {**asdict(result), "limit": limit}
    text = (
        f"{kind}: KL {result.kl:.2g} ± {result.kl_error:.1g} from the merged model (at most {limit:g}), same best "
        f"token {result.top1:.1%}, perplexity {result.perplexity:.4g} "
        f"(merged model: {result.reference_perplexity:.4g}) over {result.tokens} answer tokens"
    )
    # a KL that is not a number is not within any limit
    return Check("divergence", "pass" if result.kl <= limit else "fail", text, (), numbers)


def closeness_of_file(gguf: Path, reference: Reference | None) -> Check:
    """Do what `closeness` does for a file that is not loaded; raises DataError for a broken one."""
    from ...engines.llamacpp import load_llamacpp
    from .answers import LONGEST

    metadata = check_gguf(gguf)
    if reference is None:
        return Check("divergence", "skipped", "no merged model to compare with")
    engine = load_llamacpp(gguf, num_ctx=LONGEST)
    try:
        return closeness(engine, metadata, reference)
    finally:
        engine.close()


def kl_limit(metadata: Mapping[str, Any]) -> tuple[str, float]:
    """Return a file's type, such as Q4_K_M, and the mean KL in nats that it may have."""
    kind = file_type_name(metadata) or "unknown type"
    bits = re.search(r"\d+", kind)
    return kind, COARSE.get(kind, LIMITS.get(min(int(bits[0]), 16) if bits else 16, LIMITS[16]))
