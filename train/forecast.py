"""How much memory a training takes on a GPU, by part, from the shapes alone.

The layers' part counts what autograd keeps of each token for the backward pass; a test compares it with what torch
really keeps. It holds for the layers of train/fused_lora.py, for attention that keeps no matrix of scores (SDPA), and
for Liger's norms and feed-forward layers, which layers that are not compiled have on a GPU.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import DataError
from ..core.recipe import Recipe

NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes of a weight: four bits, a byte per 64, four bytes per 64 * 256
STATES = {"adamw": 8, "adamw_8bit": 2.04, "paged_adamw": 8, "paged_adamw_8bit": 2.04}  # bytes of a trained weight
COMPILED = 0.85  # share of the kept bytes that is left when the layers are compiled
LIBRARIES = 0.7 * 2**30  # bytes of CUDA's own, which torch does not count
SPARE = 0.06  # share of the memory that fragments take


@dataclass(frozen=True)
class Dimensions:
    """Widths and counts of a decoder, in values: `queries` and `keys` are those of all heads together."""

    hidden: int
    inner: int
    layers: int
    heads: int
    queries: int
    keys: int
    vocabulary: int
    tied: bool

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Width in and out of each linear layer of one decoder layer."""
        hidden, inner = self.hidden, self.inner
        attention = {"q_proj": (hidden, self.queries), "k_proj": (hidden, self.keys), "v_proj": (hidden, self.keys)}
        rest = {"gate_proj": (hidden, inner), "up_proj": (hidden, inner), "down_proj": (inner, hidden)}
        return {**attention, "o_proj": (self.queries, hidden), **rest}

    @property
    def matrices(self) -> int:
        """Weights of all linear layers of the decoder."""
        return self.layers * sum(width_in * width_out for width_in, width_out in self.linear.values())

    @property
    def tables(self) -> int:
        """Weights of the embedding, the output layer and the norms."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2) + (2 * self.layers + 1) * self.hidden

    @property
    def parameters(self) -> int:
        """All weights of the base."""
        return self.matrices + self.tables


@dataclass(frozen=True)
class Forecast:
    """Bytes by part. `adapter` is its weights and gradients.

    `activations` are what a pass keeps and what the backward pass of one layer takes; `logits` are what the logits and
    their gradients take beyond the latter.
    """

    weights: int
    adapter: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """The most that torch will have allocated."""
        return sum(asdict(self).values())


def read_dimensions(config: Mapping[str, Any]) -> Dimensions:
    """Read the dimensions of a config.json; raises DataError for one without them."""
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        head = int(config.get("head_dim") or hidden // heads)
        return Dimensions(
            hidden=hidden,
            inner=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            queries=heads * head,
            keys=int(config.get("num_key_value_heads") or heads) * head,
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings")),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise DataError(
            f"the base's config.json does not say its shape ({error})", fix="give [shape] in the recipe"
        ) from None


def trainable(recipe: Recipe, shape: Dimensions) -> int:
    """Count the weights of the recipe's adapter."""
    wanted = recipe.lora.target_modules
    widths = [width for name, width in shape.linear.items() if wanted == ("all-linear",) or name in wanted]
    dora = sum(width_out for _, width_out in widths) if recipe.lora.dora else 0
    return shape.layers * (recipe.lora.r * sum(width_in + width_out for width_in, width_out in widths) + dora)


def forecast(
    recipe: Recipe,
    shape: Dimensions,
    rows: int,
    length: int,
    answers: int,
    width: int,
    *,
    checkpointing: bool,
    liger: bool = True,
) -> Forecast:
    """Forecast a training whose fullest pass has `rows` padded rows of `length` tokens, `answers` of them with logits.

    `width` is the bytes of a computed value (2 or 4). `liger`: whether liger-kernel is installed.
    """
    quantization, adapter = recipe.train.quantization, trainable(recipe, shape)
    frozen = shape.matrices * (NF4 if quantization == "nf4" else width) + shape.tables * width
    unpacked = max(w_in * w_out for w_in, w_out in shape.linear.values()) * width if quantization == "nf4" else 0
    liger = liger and not recipe.train.compile
    kept = kept_of_token(recipe, shape, width, checkpointing=checkpointing, liger=liger)
    # of one layer in the backward pass: the gradients of its feed-forward part, and all that is computed again
    each: float = width * (3 * shape.inner + 2 * shape.hidden)
    if checkpointing:
        each += _kept_of_layer(recipe, shape, width, liger)
    elif recipe.train.compile:
        kept *= COMPILED
    passing = rows * length * each + unpacked
    logits = rows * answers * shape.vocabulary * (3 * width + 8)
    return Forecast(
        weights=int(frozen),
        adapter=adapter * 8,
        optimizer=int(adapter * STATES[recipe.train.optimizer]),
        activations=int(rows * length * kept + passing),
        logits=int(max(0, logits - passing)),  # they are gone when the first layer's gradients come
    )


def kept_of_token(recipe: Recipe, shape: Dimensions, width: int, *, checkpointing: bool, liger: bool = False) -> float:
    """Bytes that autograd keeps of each token between the forward and the backward pass of the decoder."""
    layer = width * shape.hidden if checkpointing else _kept_of_layer(recipe, shape, width, liger)
    return shape.layers * layer + 4 * shape.hidden  # the last norm's input in float32


def _kept_of_layer(recipe: Recipe, shape: Dimensions, width: int, liger: bool) -> float:
    wanted = recipe.lora.target_modules
    adapted = [name for name in shape.linear if wanted == ("all-linear",) or name in wanted]
    norms = 2 * (width if liger else 4) * shape.hidden  # in float32, also where the rest is computed in 16 bits
    inputs = 2 * shape.hidden  # of the queries, keys and values, and of the feed-forward layer
    attention = 2 * shape.queries + 2 * shape.keys  # queries, keys and values, and the result
    forward = (3 if liger else 4) * shape.inner  # gate, up, their product, and without Liger the gate's activation
    kept = width * (inputs + attention + forward + recipe.lora.r * len(adapted))
    return norms + kept + 4 * shape.heads
