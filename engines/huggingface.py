"""Run a folder in Hugging Face layout, with or without an adapter, through transformers.

The reference that the GGUF files are held against. The prompt is rendered with the template family that was trained
on, never with a stock template, which may put a date into it.
"""

import hashlib
import itertools
import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import DataError, SqlLlamaError
from ..core.files import sha256
from ..core.records import Answer, Message
from ..modelfiles.templates import Family, family_of
from ..models.folder import fingerprint
from ..models.tokens import chat_tokens, first_line, read_tokenizer
from .engine import fitting
from .native import processor

if TYPE_CHECKING:
    import torch

BATCH = 8  # chats at once on a CPU
GPU_BATCH = 64
IMPOSSIBLE = -1e8  # log-probability that the search gives to an answer that does not exist
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux lists them, of x86 and of Arm


def compute_dtype(wanted: str = "auto") -> "torch.dtype":
    """Return the type that a recipe's train.dtype names; of "auto" what suits the hardware.

    That is bfloat16 where the hardware has it, else float16 on a GPU and float32 on a CPU. oneDNN offers bfloat16 on
    every CPU with AVX-512, but without instructions for it that is a third as fast as float32. So the processor's own
    flags count. Raises SqlLlamaError for float16 on a CPU, which has no fast float16 and no loss scaling.
    """
    import torch

    if wanted == "float16" and not torch.cuda.is_available():
        raise SqlLlamaError("train.dtype = float16 requires a GPU", fix="--set train.dtype=auto")
    if wanted != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[wanted]
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if torch.backends.mps.is_available():
        return torch.float32
    return torch.bfloat16 if BFLOAT16_FLAGS & set(processor().split()) else torch.float32


def load_huggingface(
    base: Path, *, adapter: Path | None = None, merge_base: Literal["base", "nf4"] = "base", num_ctx: int = 4096
) -> "HuggingFace":
    """Load a model folder, on the GPU where there is one, in the dtype that `compute_dtype` chooses.

    With `merge_base` "nf4" the weights are rounded to NF4 and back: QLoRA trains its adapter over those.

    Raises DataError when the folder is not a whole model or the adapter is of another model, and UnknownFamily when the
    model fits no template family.
    """
    import torch
    from transformers import BitsAndBytesConfig
    from transformers.utils import logging

    chat_family = family_of(base)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    dtype = compute_dtype()
    quantization = None
    if merge_base == "nf4":
        quantization = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    place = {"": 0} if torch.cuda.is_available() else {"": "cpu"}
    model = _model(base, dtype=dtype, quantization_config=quantization, attn_implementation="sdpa", device_map=place)
    if merge_base == "nf4":
        model = model.dequantize(dtype=dtype)
    if adapter is not None:
        model = _with_adapter(model, base, adapter)
    name = base.name if adapter is None else f"{base.name}+{adapter.name}"
    engine = HuggingFace(name, model.eval(), read_tokenizer(base), chat_family, num_ctx)
    parts = [merge_base, str(dtype), chat_family.jinja, fingerprint(base), sha256(adapter) if adapter else ""]
    engine.identity = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return engine


def _model(base: Path, **options: Any) -> Any:
    """The folder's model; transformers would draw a missing weight at random, with a warning."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model, report = AutoModelForCausalLM.from_pretrained(base, output_loading_info=True, **options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        raise DataError(f"{base}: cannot be loaded ({first_line(error)})", fix="get the model again") from None
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise DataError(f"{base}: has no weights for {missing[0]}", fix="get the model again")
    return model


def _with_adapter(model: Any, base: Path, adapter: Path) -> Any:
    """The model with an adapter merged into it; peft alone accepts an adapter that fits only a part of the model."""
    import pickle
    import warnings

    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    weights, in_bin = adapter / "adapter_model.safetensors", adapter / "adapter_model.bin"
    if not (weights.is_file() or in_bin.is_file()):
        raise DataError(f"{adapter}: no adapter there (no {weights.name})", fix="give the folder of a LoRA adapter")
    try:
        if weights.is_file():
            with safe_open(weights, framework="pt") as file:
                keys = set(file.keys())
        else:
            keys = set(torch.load(in_bin, map_location="cpu", weights_only=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing keys, which are an error here
            tuned = PeftModel.from_pretrained(model, adapter)
            unmatched = keys ^ set(get_peft_model_state_dict(tuned))
            if unmatched:
                raise ValueError(f"{len(unmatched)} tensors are only in one of the two, such as {min(unmatched)}")
            return tuned.merge_and_unload()
    except (
        *(RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError, SafetensorError),
        pickle.UnpicklingError,
    ) as error:
        raise DataError(
            f"{adapter}: cannot be put on {base.name} ({first_line(error)})",
            fix="give an adapter that was trained on this base",
        ) from None


class HuggingFace:
    """A loaded transformers model: an engines.engine.Engine with SeveralAnswers.

    `model` and `tokenizer` are transformers' own; the model is None after `close`.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, chat_family: Family, num_ctx: int) -> None:
        from transformers import GenerationConfig

        self.name = name
        self.family = chat_family
        self.num_ctx = min(num_ctx, int(getattr(model.config, "max_position_embeddings", num_ctx)))
        self.model = model
        self.tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        self._eos_ids = [vocabulary[stop] for stop in chat_family.stops if stop in vocabulary]
        model.generation_config = GenerationConfig()  # the folder's may forbid repeating words, or ask for a sample
        self.identity = name
        self.facts: dict[str, Any] = {
            "engine": "transformers",
            "architecture": str(model.config.model_type),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "dtype": str(model.dtype).removeprefix("torch."),
            "device": str(model.device),
            "context": self.num_ctx,
        }

    def prompt_tokens(self, chat: Sequence[Message]) -> list[int]:
        """Return the token ids of a prompt, with one BOS token where the family has one."""
        return chat_tokens(chat, self.tokenizer, self.family)

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Tell whether the chat and an answer of `max_tokens` fit the context."""
        return len(self.prompt_tokens(chat)) + max_tokens <= self.num_ctx

    def fitting_prompt(self, chat: Sequence[Message]) -> list[int]:
        """Do what `prompt_tokens` does; raises SqlLlamaError when the context has no room left for an answer."""
        return fitting(self.name, self.prompt_tokens(chat), self.num_ctx)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine; the whole answer comes as one piece."""
        answer = next(self.candidates([chat], max_tokens=max_tokens))[0]
        yield answer.text
        return answer

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        """Yield for each chat, in order, its `beams` most probable answers, the best first; fewer if some are equal.

        `stop` is looked at between two batches.
        """
        import torch

        size = max(1, (GPU_BATCH if torch.cuda.is_available() else BATCH) // beams)
        prompts = [self.fitting_prompt(chat) for chat in chats]
        # a batch has one limit: prompts that leave less room in the context are not mixed with others
        for limit, group in itertools.groupby(prompts, lambda prompt: min(max_tokens, self.num_ctx - len(prompt))):
            alike = list(group)
            for start in range(0, len(alike), size):
                if stop is not None and stop.is_set():
                    return
                yield from self._batch(alike[start : start + size], beams, limit)

    def _batch(self, prompts: Sequence[list[int]], beams: int, limit: int) -> Iterator[list[Answer]]:
        import torch

        started = time.monotonic()
        longest = max(map(len, prompts))
        pad = self._eos_ids[-1]
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        greedy = GreedyProbabilities()
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                max_new_tokens=limit,
                do_sample=False,
                num_beams=beams,
                num_return_sequences=beams,
                eos_token_id=self._eos_ids,
                pad_token_id=pad,
                logits_processor=[greedy] if beams == 1 else None,
                return_dict_in_generate=True,
                output_scores=beams > 1,
            )
        seconds = (time.monotonic() - started) / len(prompts)
        rows = output.sequences[:, longest:].tolist()
        scores = output.sequences_scores.tolist() if beams > 1 else []
        for start in range(0, len(rows), beams):
            answers: dict[tuple[int, ...], Answer] = {}
            for place in range(start, start + beams):
                row = rows[place]
                length = next((i for i, token in enumerate(row) if token in self._eos_ids), len(row))
                stopped = length < len(row)
                # the search's score is the mean over tokens, the end token counted
                total = scores[place] * (length + stopped) if beams > 1 else greedy.total(place, length + stopped)
                if answers and total < IMPOSSIBLE:
                    continue  # the search found fewer answers than beams
                text = self.tokenizer.decode(row[:length], skip_special_tokens=True)
                answer = Answer(text, length, seconds, stopped, math.exp(min(0.0, total)))
                answers.setdefault(tuple(row[:length]), answer)  # one answer may end with either of two end tokens
            yield list(answers.values())

    def close(self) -> None:
        """Free the model."""
        import gc

        import torch

        self.model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class GreedyProbabilities:
    """A logits processor that changes nothing and notes the log-probability of the token that is taken."""

    def __init__(self) -> None:
        self.steps: list[list[float]] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.steps.append(scores.float().log_softmax(-1).max(-1).values.tolist())
        return scores

    def total(self, place: int, length: int) -> float:
        """Return the log-probability of the first `length` tokens of the answer at `place` in the batch."""
        return sum(step[place] for step in self.steps[:length])
