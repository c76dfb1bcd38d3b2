"""The plan of a training: which rows in which order, and how many go through the model at once. It needs no weights."""

import json
import random
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ..core.errors import RecipeError, SqlLlamaError
from ..core.recipe import Recipe
from ..data.pairs import read_pairs
from ..data.rows import make_row
from ..modelfiles.templates import family
from .batches import batch_of, lay_out
from .memory import ON_CPU, Passes, choose_passes, free_memory, used_memory
from .model import load_tokenizer
from .preflight import preflight
from .processes import everyones, here
from .tokens import Tokens, tokenize

PREFLIGHT_ROWS = 200
MOST_VALID = 400  # validation rows whose loss is measured


@dataclass(frozen=True)
class Plan:
    """What is trained.

    `rows` are the rows of all epochs in the order in which they are trained, in whole batches of `batch`; `valid` are
    rows that are only measured. `left_out` counts by reason the pairs that are not trained or not shown whole. A batch
    goes through the model in `passes`. `pad` is the id of the padding token.
    """

    rows: tuple[Tokens, ...]
    valid: tuple[Tokens, ...]
    left_out: dict[str, int]
    batch: int
    passes: Passes
    pad: int

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return len(self.rows) // self.batch

    @property
    def tokens_after_step(self) -> list[int]:
        """How many tokens, without padding, are trained after each optimizer step; as long as `steps`."""
        after_row = list(accumulate(len(row.ids) for row in self.rows))
        return after_row[self.batch - 1 :: self.batch]


def plan_training(recipe: Recipe, base: Path, train_pairs: Path, valid_pairs: Path) -> Plan:
    """Lay out a training over files of pairs; the same recipe and pairs give the same rows in the same order.

    Raises SqlLlamaError when the loss would not teach the answers (preflight.py), when no pair fits train.max_tokens,
    and when not even one row fits into the free memory; RecipeError when several processes cannot share a batch.
    """
    import torch

    from ..engines.huggingface import compute_dtype

    chat_family = family(recipe.base.family)
    tokenizer = load_tokenizer(base)
    examples = list(read_pairs(train_pairs))
    rng = random.Random(recipe.data.seed)
    sampled = rng.sample(examples, min(len(examples), PREFLIGHT_ROWS))
    sample = [make_row(example, recipe.data, rng) for example in sampled]
    preflight(sample, tokenize(sample, tokenizer, chat_family), tokenizer, chat_family)
    rows, left_out = lay_out(examples, recipe, tokenizer, chat_family)
    if not rows:
        raise SqlLlamaError("no pair fits train.max_tokens", fix="--set train.max_tokens=2048")
    valid_examples = list(read_pairs(valid_pairs))[:MOST_VALID]
    valid = tokenize([make_row(example, recipe.data, rng) for example in valid_examples], tokenizer, chat_family)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    on_gpu, batch = torch.cuda.is_available(), batch_of(recipe.train.batch, len(examples))
    most, width = 0 if on_gpu else ON_CPU, compute_dtype(recipe.train.dtype).itemsize
    share = _share(batch, recipe.train.micro_batch)
    free = free_memory() // (1 if on_gpu else here().local_count)
    passes = choose_passes(recipe, config, rows, width, free, used_memory(), most, batch=share, on_gpu=on_gpu)
    passes = min(everyones(passes), key=lambda choice: (choice.rows, not choice.checkpointing))
    return Plan(
        rows=tuple(rows),
        valid=tuple(row for row in valid if len(row.ids) <= recipe.train.max_tokens),
        left_out=left_out,
        batch=batch,
        passes=passes,
        pad=int(tokenizer.pad_token_id or 0),
    )


def _share(batch: int, micro_batch: int) -> int:
    """The rows of an optimizer step that each process computes."""
    processes = here().count
    if batch % processes:
        raise RecipeError(
            f"train.batch = {batch} cannot be shared by {processes} processes",
            fix=f"--set train.batch={max(1, round(batch / processes)) * processes}",
        )
    share = batch // processes
    if micro_batch and share % min(micro_batch, share):
        raise RecipeError(
            f"train.micro_batch = {micro_batch} does not divide the {share} pairs of each of {processes} processes",
            fix="--set train.micro_batch=0",
        )
    return share
