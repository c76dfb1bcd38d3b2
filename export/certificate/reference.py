"""The merged model's predictions at the tokens of answers, layer by layer: an 8B model needs the memory of one layer.

The layers are transformers' own, in float32: the same code that training and evaluation run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError, UnknownFamily
from ...core.progress import progress
from ...models.tokens import Answered
from ..merge.merge import Weights

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

KNOWN = ("llama", "mistral", "qwen2")
ROWS = 8192  # of the head at a time


@dataclass(frozen=True)
class Reference:
    """Log-probabilities of every token at every answer token, float16 (answer tokens, vocabulary), answer by answer.

    float16 is precise enough: it is coarse only for improbable tokens, which hardly count in a mean over probabilities.
    """

    answers: tuple[Answered, ...]
    log_probabilities: "NDArray[np.float16]"

    @property
    def vocabulary(self) -> int:
        """Return the number of tokens in the vocabulary."""
        return int(self.log_probabilities.shape[1])


def reference(base: Path, weights: Iterable[Weights], answers: Sequence[Answered]) -> Reference:
    """Run the model `weights` (of `merge`), whose config is in the folder `base`, over `answers`.

    Raises UnknownFamily for a model that is no Llama, Mistral or Qwen2, DataError for weights that do not
    fit its config.
    """
    import torch

    config = _config(base)
    tensors = {item.name: item for item in weights}
    layers = int(config.num_hidden_layers)
    with torch.inference_mode(), progress("running the merged model", layers + 1, "layers") as advance:
        embeddings = _tensor(base, tensors, "model.embed_tokens.weight")
        states = _embedded(embeddings, answers)
        layer, norm, rotary = _parts(config)
        positions = torch.arange(max(state.shape[1] for state in states))[None]
        turns = rotary(states[0], positions)
        for number in range(layers):
            _fill(base, layer, tensors, f"model.layers.{number}.")
            for place, state in enumerate(states):
                length = state.shape[1]
                states[place] = layer(
                    state,
                    attention_mask=None,  # a plain causal one
                    position_ids=positions[:, :length],
                    position_embeddings=tuple(turn[:, :length] for turn in turns),
                )
            advance()
        _fill(base, norm, tensors, "model.norm.")
        last_states = torch.cat(
            [norm(state[0, item.prompt - 1 :]) for state, item in zip(states, answers, strict=True)]
        )
        # the adapter may have given the model an output matrix of its own
        tied = config.tie_word_embeddings and "lm_head.weight" not in tensors
        head = embeddings if tied else _tensor(base, tensors, "lm_head.weight")
        result = Reference(tuple(answers), _log_probabilities(last_states, head))
        advance()
    return result


def _embedded(embeddings: Weights, answers: Sequence[Answered]) -> "list[torch.Tensor]":
    """The embedding of every token but the last of each answer, float32 (1, tokens, width)."""
    import torch

    ids = [torch.tensor(item.ids[:-1]) for item in answers]
    states = [torch.empty(1, len(item), embeddings.shape[1]) for item in ids]
    for start in range(0, embeddings.shape[0], ROWS):
        rows = embeddings.rows(start, min(start + ROWS, embeddings.shape[0]))
        for state, item in zip(states, ids, strict=True):
            here = (item >= start) & (item < start + len(rows))
            state[0, here] = rows[item[here] - start]
    return states


def _config(base: Path) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base)
    if config.model_type not in KNOWN:
        raise UnknownFamily(
            f"{base}: a {config.model_type} cannot be run layer by layer", fix=f"use {', '.join(KNOWN)}"
        )
    return config


def _parts(config: Any) -> tuple[Any, Any, Any]:
    """One decoder layer and the last norm, both still empty, and the rotary embedding."""
    import copy

    import torch
    from transformers import AutoModel

    single = copy.deepcopy(config)
    single.num_hidden_layers = 1
    with torch.device("meta"):
        model = AutoModel.from_config(single, dtype=torch.float32, attn_implementation="sdpa").eval()
    return model.layers[0], model.norm, type(model.rotary_emb)(config)


def _tensor(base: Path, tensors: Mapping[str, Weights], name: str) -> Weights:
    if name not in tensors:
        raise DataError(f"{base}: no {name}", fix="check the base's folder")
    return tensors[name]


def _fill(base: Path, module: Any, tensors: Mapping[str, Weights], prefix: str) -> None:
    """Put the tensors whose names start with `prefix` into a module, in place of what it held."""
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    for name in tensors:
        part = name.removeprefix(prefix)
        if part != name and part not in shapes and not part.endswith("rotary_emb.inv_freq"):
            raise DataError(f"{base}: {name} is not a part of its model", fix="check the base's config.json")
    filled = {}
    for part, shape in shapes.items():
        tensor = _tensor(base, tensors, prefix + part)
        if tensor.shape != shape:
            raise DataError(f"{base}: {tensor.name} has the shape {tensor.shape}, not {shape}", fix="check config.json")
        filled[part] = tensor.whole()
    module.load_state_dict(filled, assign=True)


def _log_probabilities(states: "torch.Tensor", head: Weights) -> "NDArray[np.float16]":
    import torch

    logits = torch.empty(len(states), head.shape[0])
    for start in range(0, head.shape[0], ROWS):
        stop = min(start + ROWS, head.shape[0])
        logits[:, start:stop] = states @ head.rows(start, stop).T
    result = torch.empty(logits.shape, dtype=torch.float16)
    for row, line in zip(result, logits, strict=True):
        row[:] = line.log_softmax(0)
    log_probabilities: NDArray[np.float16] = result.numpy()
    return log_probabilities
