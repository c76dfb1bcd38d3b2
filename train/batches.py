"""The order of training: epochs laid out one after the other, rows of like length side by side."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.progress import progress
from ..core.recipe import Recipe
from ..core.records import Example
from ..data.rows import make_row, smallest_row
from ..modelfiles.templates import Family
from .tokens import Tokens, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SORTED_TOGETHER = 24  # batches whose rows are sorted by length together: little padding, still a random order


def batch_of(wanted: int, pairs: int) -> int:
    """Return the pairs of an optimizer step: the recipe's train.batch, or for 0 a power of two for that many pairs.

    It gives an epoch about a hundred steps, with 8 to 64 pairs in each. It does not depend on the machine, so that a
    run can go on on another one.
    """
    if wanted:
        return wanted
    power = round(math.log2(max(1, pairs / 100)))
    return min(64, max(8, int(2**power)))


def lay_out(
    examples: Sequence[Example], recipe: Recipe, tokenizer: "PreTrainedTokenizerBase", family: Family
) -> tuple[list[Tokens], dict[str, int]]:
    """Lay out the rows of all epochs in the order of training, whole batches only; and count the skipped pairs.

    The same recipe and pairs give the same order, so that a resumed run sees what a whole one would have seen.
    """
    data, train = recipe.data, recipe.train
    batch = batch_of(train.batch, len(examples))
    tables = [table for example in examples if len(example.schema.tables) == 1 for table in example.schema.tables]
    out: list[Tokens] = []
    left_out: Counter[str] = Counter()
    epochs = math.ceil(train.epochs)
    with progress("tokenizing", epochs, "epochs") as advance:
        for epoch in range(epochs):
            rng = random.Random(f"{train.seed} {data.seed} {epoch}")
            others = rng.sample(tables, min(len(tables), 4000))
            chosen = list(examples)
            rng.shuffle(chosen)
            if epoch + 1 > train.epochs:
                chosen = chosen[: round(len(chosen) * (train.epochs - epoch))]
            tokens = tokenize([make_row(example, data, rng, others) for example in chosen], tokenizer, family)
            long = [i for i, item in enumerate(tokens) if len(item.ids) > train.max_tokens]
            for i, item in zip(long, tokenize([smallest_row(chosen[i]) for i in long], tokenizer, family), strict=True):
                tokens[i] = item
            fitting = [item for item in tokens if len(item.ids) <= train.max_tokens]
            left_out["longer than train.max_tokens"] += len(tokens) - len(fitting)
            left_out["thinned to fit train.max_tokens"] += len(long) - (len(tokens) - len(fitting))
            out += _grouped(fitting, batch, rng)
            advance()
            if train.max_steps and len(out) >= train.max_steps * batch:
                out = out[: train.max_steps * batch]
                break
    return out, {reason: count for reason, count in left_out.items() if count}


def _grouped(tokens: list[Tokens], batch: int, rng: random.Random) -> list[Tokens]:
    """Whole batches of rows of like length, the batches in random order."""
    batches: list[list[Tokens]] = []
    step = batch * SORTED_TOGETHER
    for start in range(0, len(tokens), step):
        chunk = sorted(tokens[start : start + step], key=lambda item: len(item.ids))
        batches += [chunk[i : i + batch] for i in range(0, len(chunk), batch)]
    whole = [rows for rows in batches if len(rows) == batch]
    if not whole and tokens:
        # fewer pairs than one batch: repeat them to fill it
        whole = [[tokens[i % len(tokens)] for i in range(batch)]]
    rng.shuffle(whole)
    return [row for rows in whole for row in rows]
