"""What an adapter does to one tensor of its base, and the fixes for an adapter that cannot be used."""

from dataclasses import dataclass

from ...models.weight_files import Stored

HEAD, EMBEDDING = "lm_head.weight", "embed_tokens.weight"

OTHER_BASE = "give the base that the adapter was trained on"
AGAIN = "copy the adapter's folder again from where it was made, or train it again"
WHOLE = "give the whole folder that the training saved, with adapter_config.json and adapter_model.safetensors"
PLAIN = "train LoRA, rsLoRA or DoRA without it"


@dataclass(frozen=True)
class Change:
    """The steps for one tensor, in this order; a step without its tensors is left out.

    `whole` takes the place of the base's tensor. scale * b @ a is added (for an embedding its transpose). Each output
    is brought to its `magnitude` (DoRA). `tokens` replace the rows `indices`. `bias` times scale is added to a bias.
    """

    whole: Stored | None = None
    a: Stored | None = None
    b: Stored | None = None
    scale: float = 1.0
    is_embedding: bool = False
    magnitude: Stored | None = None
    tokens: Stored | None = None
    indices: tuple[int, ...] = ()
    bias: Stored | None = None
