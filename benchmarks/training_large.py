"""QLoRA of a large shape with random weights on a GPU: the usual recipe against ours, in one run.

    python benchmarks/training_large.py [--shape llama3.1-8b] [--only usual,roomy,...] [--steps 3] [--json]

Rows of 2,048 tokens, of which the last 256 are the answer; rank 16 on all linear layers. The usual recipe is TRL's
SFTTrainer with one row a pass, eight passes a step, checkpointing, fused AdamW, bfloat16 and PyTorch's attention, as
tutorials have it. Ours trains through train/trainer.py. The first step of each is not counted. Needs no files and no
network. Prints tokens a second, the peak of allocated memory, and `ratio_*`: ours over the usual recipe.
"""

import argparse
import gc
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

SHAPES = {
    "llama3.1-8b": (4096, 14336, 32, 32, 8, 128_256),
    "llama3.2-3b": (3072, 8192, 28, 24, 8, 128_256),
    "llama3.2-1b": (2048, 8192, 16, 32, 8, 128_256),
    "tiny": (256, 512, 2, 4, 2, 512),
}
LENGTH, ANSWER = 2048, 256
ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"  # where --shape tiny shows that the script runs


@dataclass(frozen=True)
class Way:
    """How one side trains: rows a pass and a step, checkpointing, kind of weights, compiled layers."""

    rows: int
    batch: int
    checkpointing: bool = False
    unpacked: bool = False
    compiled: bool = False
    liger: bool = False


WAYS = {
    "usual": Way(1, 8, checkpointing=True),
    "small": Way(1, 8, checkpointing=True, liger=True),  # within 7 GiB for 8B
    "roomy": Way(8, 8, liger=True),
    "without-liger": Way(8, 8),
    "unpacked": Way(8, 8, unpacked=True, liger=True),
    "compiled": Way(8, 8, unpacked=True, compiled=True),
}


def random_model(shape: str, way: Way) -> Any:
    """Make a Llama of that shape on the GPU, its layers in NF4 or in 16 bits, with an adapter of rank 16."""
    from bitsandbytes.nn import Linear4bit, Params4bit
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden, inner, layers, heads, key_heads, vocabulary = SHAPES[shape]
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        vocab_size=vocabulary,
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="sdpa",
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, torch.nn.Linear) and name != "lm_head":
                weight = torch.randn(part.out_features, part.in_features, dtype=torch.bfloat16, device=DEVICE) * 0.02
                if way.unpacked:
                    part.weight = torch.nn.Parameter(weight, requires_grad=False)
                    continue
                new = Linear4bit(
                    part.in_features, part.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"
                )
                new.weight = Params4bit(weight, False, quant_type="nf4", compress_statistics=True)
                setattr(module, name, new.to(DEVICE))
    for module in model.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            if value.is_meta:
                filled = torch.ones if value.ndim == 1 else lambda *size, **kind: torch.randn(*size, **kind) * 0.02
                fresh = filled(*value.shape, dtype=torch.bfloat16, device=DEVICE)
                setattr(module, name, torch.nn.Parameter(fresh, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(DEVICE)
    model.requires_grad_(False)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, lora)


def usual(shape: str, way: Way, steps: int, folder: str) -> dict[str, float]:
    """Train with TRL as tutorials do."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model = random_model(shape, way)
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=way.rows,
        gradient_accumulation_steps=way.batch // way.rows,
        max_steps=steps,
        learning_rate=2e-4,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused" if ON_GPU else "adamw_torch",
        use_cpu=not ON_GPU,
        bf16=True,
        gradient_checkpointing=way.checkpointing,
        max_length=LENGTH,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    ids = rows_of(shape, steps * way.batch)
    masks = [[0] * (LENGTH - ANSWER) + [1] * ANSWER] * len(ids)
    data = Dataset.from_dict({"input_ids": ids, "completion_mask": masks})
    trainer = SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer())
    return measured(trainer, way)


def ours(shape: str, way: Way, steps: int, folder: str) -> dict[str, float]:
    """Train through our own trainer."""
    from datasets import Dataset
    from sql_llama.train.fused_lora import fuse_lora
    from sql_llama.train.model import keep_float32, use_liger
    from sql_llama.train.trainer import Collator, SqlTrainer
    from trl import SFTConfig

    model = random_model(shape, way)
    if way.liger and ON_GPU:
        use_liger(model)
    if way.compiled:
        for layer in model.get_base_model().model.layers:
            layer.compile(dynamic=True)
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=way.rows,
        gradient_accumulation_steps=way.batch // way.rows,
        max_steps=steps,
        learning_rate=2e-4,
        optim="adamw_torch_fused" if ON_GPU else "adamw_torch",
        use_cpu=not ON_GPU,
        bf16=True,
        gradient_checkpointing=way.checkpointing,
        max_length=None,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    ids = rows_of(shape, steps * way.batch)
    data = Dataset.from_dict({"input_ids": ids, "prompt": [LENGTH - ANSWER] * len(ids)})
    trainer = SqlTrainer(
        model=model, args=config, train_dataset=data, processing_class=tokenizer(), data_collator=Collator(0)
    )
    keep_float32(trainer.model)
    if not way.compiled:
        fuse_lora(trainer.model)
    return measured(trainer, way)


def forecast_gib(shape: str, way: Way) -> float:
    """What `sql-llama plan` says of it, in GiB."""
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.train.forecast import forecast, read_dimensions

    sets = [f"train.quantization={'none' if way.unpacked else 'nf4'}", f"train.compile={str(way.compiled).lower()}"]
    recipe, _ = read_recipe("llama3.1-8b", [*sets, "lora.r=16"])
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    dimensions = read_dimensions(dict(zip((*names, "vocab_size"), SHAPES[shape], strict=True)))
    memory = forecast(recipe, dimensions, way.rows, LENGTH, ANSWER, 2, checkpointing=way.checkpointing, liger=way.liger)
    return round(memory.total / 2**30, 2)


def rows_of(shape: str, count: int) -> list[list[int]]:
    """Random token ids."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, SHAPES[shape][-1], (count, LENGTH), generator=generator).tolist()  # type: ignore[no-any-return]


def tokenizer() -> Any:
    """The smallest tokenizer that a trainer takes; it tokenizes nothing here."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1, "<unk>": 2}, unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def measured(trainer: Any, way: Way) -> dict[str, float]:
    """Train, and count from the end of the first step to the end of the last."""
    from transformers import PrinterCallback, TrainerCallback

    ends: list[float] = []
    losses: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if ON_GPU:
                torch.cuda.synchronize()
            ends.append(time.monotonic())

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Clock())
    if ON_GPU:
        torch.cuda.reset_peak_memory_stats()
    result = trainer.train()
    losses.append(float(result.training_loss))
    seconds = (ends[-1] - ends[0]) / (len(ends) - 1)
    return {
        "tokens_per_second": round(way.batch * LENGTH / seconds, 1),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if ON_GPU else 0.0,
        "loss": round(losses[-1], 4),
    }


def main() -> None:
    """Run the ways one after the other; one that does not fit is named and left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="llama3.1-8b")
    parser.add_argument("--only", default=",".join(WAYS))
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, dict[str, float]] = {}
    for name in arguments.only.split(","):
        way = WAYS[name]
        side: Callable[..., dict[str, float]] = usual if name == "usual" else ours
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                results[name] = side(arguments.shape, way, arguments.steps, folder)
        except torch.OutOfMemoryError:
            print(f"{name}: out of memory")
        else:
            results[name]["forecast_gib"] = forecast_gib(arguments.shape, way)
            print(f"{arguments.shape} {name}: {results[name]}, {time.monotonic() - started:.0f} s in all", flush=True)
        gc.collect()  # a model with hooks is a cycle: the peak of the next one would have it
        torch.cuda.empty_cache()
    base = results.get("usual")
    ratios = {
        f"ratio_{name}": round(result["tokens_per_second"] / base["tokens_per_second"], 2)
        for name, result in results.items()
        if base and name != "usual"
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio}")
    if arguments.json:
        print(
            json.dumps(
                {
                    "benchmark": "training_large",
                    "card": torch.cuda.get_device_name() if ON_GPU else "",
                    "ratios": ratios,
                }
            )
        )


if __name__ == "__main__":
    main()
