"""QLoRA on this machine: tokens a second and peak memory of our training loop against TRL's defaults.

Both train the same rows of the recipe `laptop` over the same NF4 weights, in turns, each in a process of its own:

    python benchmarks/training.py [--steps 8] [--rounds 2] [--json]

The peer is TRL's SFTTrainer as its documentation shows it: prompt-completion pairs, everything else left as it is.
Prints seconds, tokens a second and peak memory of each round, and the ratios of the medians (ours over the peer's).
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

BATCH = 8


def rows(steps: int) -> tuple[Any, Any, list[Any]]:
    """Return the recipe, the tokenizer and the rows that are trained."""
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.core.settings import settings
    from sql_llama.data.pairs import build_pairs
    from sql_llama.data.rows import make_row
    from sql_llama.models.base import resolve_base
    from sql_llama.train.model import load_tokenizer

    recipe, _ = read_recipe(
        "laptop", [f"data.synthetic={BATCH * steps * 2}", "train.start=base", f"train.batch={BATCH}"]
    )
    pairs = build_pairs(recipe.data, settings().cache).train[: BATCH * steps]
    rng = random.Random(1)
    return recipe, load_tokenizer(resolve_base(recipe.base.model)), [make_row(pair, recipe.data, rng) for pair in pairs]


def ours(steps: int, folder: str) -> dict[str, float]:
    """Run our loop: no checkpointing, logits only at the answers, rows sorted by length, bfloat16 where there is."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    from datasets import Dataset
    from sql_llama.engines.huggingface import compute_dtype
    from sql_llama.modelfiles.templates import family
    from sql_llama.models.base import resolve_base
    from sql_llama.train.memory import ON_CPU
    from sql_llama.train.model import keep_float32, load_model
    from sql_llama.train.tokens import tokenize
    from sql_llama.train.trainer import Collator, SqlTrainer
    from trl import SFTConfig

    recipe, tokenizer, made = rows(steps)
    tokens = sorted(tokenize(made, tokenizer, family(recipe.base.family)), key=lambda item: len(item.ids))
    model = load_model(resolve_base(recipe.base.model), recipe, None)
    dtype = compute_dtype()
    at_once = BATCH if torch.cuda.is_available() else ON_CPU  # as train.micro_batch = 0 has it where memory is plenty
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=BATCH // at_once,
        num_train_epochs=1,
        learning_rate=1e-4,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        max_length=None,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = SqlTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict({"input_ids": [t.ids for t in tokens], "prompt": [t.prompt for t in tokens]}),
        processing_class=tokenizer,
        data_collator=Collator(int(tokenizer.pad_token_id)),
    )
    keep_float32(trainer.model)
    started = time.monotonic()
    trainer.train()
    return _measured(sum(len(t.ids) for t in tokens), time.monotonic() - started)


def peer(steps: int, folder: str) -> dict[str, float]:
    """Run TRL's SFTTrainer with its defaults over the same rows, weights and adapter."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from sql_llama.modelfiles.templates import family, render_chat
    from sql_llama.models.base import resolve_base
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from trl import SFTConfig, SFTTrainer

    recipe, tokenizer, made = rows(steps)
    chat_family = family(recipe.base.family)
    pairs = [
        {"prompt": render_chat(chat_family.jinja, row.chat), "completion": row.answer + chat_family.end_of_turn}
        for row in made
    ]
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        resolve_base(recipe.base.model), quantization_config=quantization, dtype=torch.bfloat16
    )
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        learning_rate=1e-4,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    lora = LoraConfig(r=recipe.lora.r, lora_alpha=recipe.lora.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(pairs), processing_class=tokenizer, peft_config=lora
    )
    started = time.monotonic()
    trainer.train()
    texts = [pair["prompt"] + pair["completion"] for pair in pairs]
    count = sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
    return _measured(count, time.monotonic() - started)


def _measured(tokens: int, seconds: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "tokens": tokens,
        "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / seconds, 1),
        "peak_bytes": peak,
    }


def main() -> None:
    """Run the benchmark from the command line and print its results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps of each run, of 8 rows")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only", choices=("ours", "peer"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory() as folder:
            measure = ours if arguments.only == "ours" else peer
            print(json.dumps(measure(arguments.steps, folder)))
        return
    measured: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    for _ in range(arguments.rounds):
        for name, rounds in measured.items():
            command = [sys.executable, str(Path(__file__)), "--only", name, "--steps", str(arguments.steps)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                sys.exit(f"{name} failed:\n{run.stderr[-2000:]}")
            latest = json.loads(run.stdout.splitlines()[-1])
            rounds.append(latest)
            memory = f"peak {latest['peak_bytes'] / 2**30:.2f} GiB"
            print(f"{name}: {latest['tokens_per_second']:.0f} tokens/s, {latest['seconds']:.0f} s, {memory}")
    median = {
        name: {key: statistics.median(latest[key] for latest in rounds) for key in ("tokens_per_second", "peak_bytes")}
        for name, rounds in measured.items()
    }
    ratios = {
        "training_speed": round(median["ours"]["tokens_per_second"] / median["peer"]["tokens_per_second"], 2),
        "training_memory": round(median["ours"]["peak_bytes"] / median["peer"]["peak_bytes"], 2),
    }
    print(f"speed {ratios['training_speed']} times, memory {ratios['training_memory']} times TRL's defaults")
    if arguments.json:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        print(json.dumps({"benchmark": "training", "ratios": ratios, "machine": machine}))


if __name__ == "__main__":
    main()
