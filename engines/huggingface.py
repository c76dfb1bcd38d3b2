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

from ..core.errors import DataError
from ..core.files import sha256
from ..core.records import Answer, Message
from ..modelfiles.templates import Family, family_of, render_chat
from .engine import fitting

if TYPE_CHECKING:
    import torch

BATCH = 8  # chats at once on a CPU
GPU_BATCH = 64
UNHEARD_OF = "\ue000"  # a character that no tokenizer has a token for
NEVER = -1e8  # log-probability that the search gives to what does not exist


def compute_dtype() -> "torch.dtype":
    """bfloat16 where the hardware has it, else float16 on a GPU and float32 on a CPU.

    oneDNN says that it can do bfloat16 on every CPU with AVX-512, but where there are no instructions for it that is a
    third as fast as float32.
    """
    import platform

    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if torch.backends.mps.is_available():
        return torch.float32
    if platform.machine().lower() in ("x86_64", "amd64"):
        has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        has_bf16 = bool(onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.bfloat16 if has_bf16 else torch.float32


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder as transformers has it; raises DataError for one that it cannot load."""
    from transformers import AutoTokenizer
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # of a tokenizer.model it says in five lines what is missing
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer(UNHEARD_OF)  # one whose own unknown token is not in it is loaded all the same
        return tokenizer
    except Exception as error:  # tokenizers raises plain Exception
        if (folder / "tokenizer.model").is_file() and not (folder / "tokenizer.json").is_file():
            raise DataError(
                f"{folder}: transformers cannot read its tokenizer.model",
                fix="pip install sentencepiece protobuf, or get the model's tokenizer.json",
            ) from None
        raise DataError(
            f"{folder}: its tokenizer cannot be loaded ({_first_line(error)})", fix="get its tokenizer files again"
        ) from None
    finally:
        logging.set_verbosity(level)


def load_huggingface(
    base: Path, *, adapter: Path | None = None, ground: Literal["base", "nf4"] = "base", num_ctx: int = 4096
) -> "HuggingFace":
    """Load a model folder, on the GPU where there is one, in the dtype that `compute_dtype` chooses.

    `ground` "nf4" gives the weights the values of their NF4 copy first, which is what QLoRA trains its adapter over.

    Raises DataError when the folder is no whole model or fits no template family, or the adapter is for another model.
    """
    import torch
    from transformers import BitsAndBytesConfig
    from transformers.utils import logging

    chat_family = family_of(base)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    dtype = compute_dtype()
    quantization = None
    if ground == "nf4":
        quantization = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    place = {"": 0} if torch.cuda.is_available() else {"": "cpu"}
    model = _model(base, dtype=dtype, quantization_config=quantization, attn_implementation="sdpa", device_map=place)
    if ground == "nf4":
        model = model.dequantize(dtype=dtype)
    if adapter is not None:
        model = _with_adapter(model, base, adapter)
    name = base.name if adapter is None else f"{base.name}+{adapter.name}"
    engine = HuggingFace(name, model.eval(), read_tokenizer(base), chat_family, num_ctx)
    parts = [ground, str(dtype), chat_family.jinja, _fingerprint(base), sha256(adapter) if adapter else ""]
    engine.identity = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return engine


def _model(base: Path, **options: Any) -> Any:
    """The folder's model; a weight that is not there would be drawn at random, with a warning."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model, found = AutoModelForCausalLM.from_pretrained(base, output_loading_info=True, **options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        raise DataError(f"{base}: cannot be loaded ({_first_line(error)})", fix="get the model again") from None
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise DataError(f"{base}: has no weights for {missing[0]}", fix="get the model again")
    return model


def _with_adapter(model: Any, base: Path, adapter: Path) -> Any:
    """The model with an adapter merged into it. peft itself takes an adapter that fits only a part of the model."""
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
                given = set(file.keys())
        else:
            given = set(torch.load(in_bin, map_location="cpu", weights_only=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of keys that are missing; said below
            tuned = PeftModel.from_pretrained(model, adapter)
            alone = given ^ set(get_peft_model_state_dict(tuned))
            if alone:
                raise ValueError(f"{len(alone)} tensors are only in one of the two, such as {min(alone)}")
            return tuned.merge_and_unload()
    except (
        *(RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError, SafetensorError),
        pickle.UnpicklingError,
    ) as error:
        raise DataError(
            f"{adapter}: cannot be put on {base.name} ({_first_line(error)})",
            fix="give an adapter that was trained on this base",
        ) from None


def _first_line(error: Exception) -> str:
    """What an error says, in one line: the first that is not a headline of others."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.endswith(":")), type(error).__name__)[:300]


def _fingerprint(base: Path) -> str:
    """The small files of a folder by content, its weights by name, size and time: hashing 16 GB takes a minute."""
    parts = [sha256(path) for path in sorted(base.glob("*.json"))]
    for path in sorted(base.glob("*.safetensors")):
        parts.append(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}")
    return " ".join(parts)


class HuggingFace:
    """A loaded transformers model: an engines.engine.Engine that answers many chats at once, with beams if wanted."""

    def __init__(self, name: str, model: Any, tokenizer: Any, chat_family: Family, num_ctx: int) -> None:
        from transformers import GenerationConfig

        self.name = name
        self.family = chat_family
        self.num_ctx = min(num_ctx, int(getattr(model.config, "max_position_embeddings", num_ctx)))
        self._model = model
        self._tokenizer = tokenizer
        known = tokenizer.get_vocab()
        self._ends = [known[stop] for stop in chat_family.stops if stop in known]
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
        """Token ids of a prompt, with one BOS token where the family has one."""
        text = render_chat(self.family.jinja, chat)
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return [self._tokenizer.bos_token_id, *ids] if self.family.bos else ids

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Whether the chat and an answer of `max_tokens` fit the context."""
        return len(self.prompt_tokens(chat)) + max_tokens <= self.num_ctx

    def fitting_prompt(self, chat: Sequence[Message]) -> list[int]:
        """Like `prompt_tokens`; raises SqlLlamaError when no room for an answer is left in the context."""
        return fitting(self.name, self.prompt_tokens(chat), self.num_ctx)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine; the whole answer comes as one piece."""
        found = next(self.candidates([chat], max_tokens=max_tokens))[0]
        yield found.text
        return found

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        """For each chat, in order, its `beams` most probable answers, the best first; fewer where some are the same.

        `stop` is looked at between two batches.
        """
        import torch

        size = max(1, (GPU_BATCH if torch.cuda.is_available() else BATCH) // beams)
        prompts = [self.fitting_prompt(chat) for chat in chats]
        # those that the context leaves less room are not mixed with others: a batch has one limit
        for limit, group in itertools.groupby(prompts, lambda prompt: min(max_tokens, self.num_ctx - len(prompt))):
            same = list(group)
            for start in range(0, len(same), size):
                if stop is not None and stop.is_set():
                    return
                yield from self._batch(same[start : start + size], beams, limit)

    def _batch(self, prompts: Sequence[list[int]], beams: int, limit: int) -> Iterator[list[Answer]]:
        import torch

        started = time.monotonic()
        longest = max(map(len, prompts))
        pad = self._ends[-1]
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        sure = _Sure()
        with torch.inference_mode():
            said = self._model.generate(
                input_ids=ids.to(self._model.device),
                attention_mask=mask.to(self._model.device),
                max_new_tokens=limit,
                do_sample=False,
                num_beams=beams,
                num_return_sequences=beams,
                eos_token_id=self._ends,
                pad_token_id=pad,
                logits_processor=[sure] if beams == 1 else None,
                return_dict_in_generate=True,
                output_scores=beams > 1,
            )
        seconds = (time.monotonic() - started) / len(prompts)
        rows = said.sequences[:, longest:].tolist()
        scores = said.sequences_scores.tolist() if beams > 1 else []
        for start in range(0, len(rows), beams):
            found: dict[tuple[int, ...], Answer] = {}
            for place in range(start, start + beams):
                row = rows[place]
                length = next((i for i, token in enumerate(row) if token in self._ends), len(row))
                stopped = length < len(row)
                # the search's score is the mean over tokens, the end token counted
                total = scores[place] * (length + stopped) if beams > 1 else sure.total(place, length + stopped)
                if found and total < NEVER:
                    continue  # a place that the search left empty
                text = self._tokenizer.decode(row[:length], skip_special_tokens=True)
                said_it = Answer(text, length, seconds, stopped, math.exp(min(0.0, total)))
                found.setdefault(tuple(row[:length]), said_it)  # two end tokens make two of one answer
            yield list(found.values())

    def close(self) -> None:
        """Free the model."""
        import gc

        import torch

        self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class _Sure:
    """A logits processor that changes nothing and notes how probable the token is that a greedy search takes."""

    def __init__(self) -> None:
        self.steps: list[list[float]] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.steps.append(scores.float().log_softmax(-1).max(-1).values.tolist())
        return scores

    def total(self, place: int, length: int) -> float:
        """Log-probability of the first `length` tokens of one answer of the batch."""
        return sum(step[place] for step in self.steps[:length])
