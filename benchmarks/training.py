"""QLoRA on this machine: tokens a second and peak memory of our training against TRL's defaults.

Both train the same rows of the recipe `laptop` over the same NF4 weights, in turns, each in a process of its own:

    python benchmarks/training.py [--steps 8] [--rounds 2] [--compile] [--json]

The peer is TRL's SFTTrainer with everything left as it is, in batches of the same number of rows. The first step of
each process is not counted: it warms up, and with --compile it compiles the layers. Prints tokens a second (without
padding) and peak memory of each round, and the ratios of the medians (ours over the peer's).
"""

import argparse
import json
import os
import platform
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


def prepare_rows(folder: Path, rows: int) -> None:
    """Synthesise the pairs of both sides into `folder`."""
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.data.prepare.card import write_card
    from sql_llama.data.prepare.prepare import prepare

    recipe, _ = read_recipe("laptop", [f"data.synthetic={rows + 24}", "data.valid_share=0"])
    (folder / "data").mkdir()
    (folder / "work").mkdir()
    prepare(recipe, folder / "data", folder / "work", write_card)


def planned(folder: Path, steps: int, compile: bool) -> tuple[Any, Path, Any]:
    """Return the recipe, the folder of the base, and the plan with the rows that both sides train."""
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.models.base import resolve_base
    from sql_llama.train.plan import plan_training

    sets = ["train.start=base", f"train.batch={BATCH}", f"train.max_steps={steps}", "train.save_steps=1000000"]
    recipe, _ = read_recipe("laptop", [*sets, f"train.compile={str(compile).lower()}"])
    base = resolve_base(recipe.base.model)
    return recipe, base, plan_training(recipe, base, folder / "data/train.jsonl", folder / "data/valid.jsonl")


def ours(folder: Path, steps: int, compile: bool) -> dict[str, float]:
    """Train as `sql-llama train` does."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from sql_llama.train.trainer import build_trainer

    recipe, base, plan = planned(folder, steps, compile)
    trainer = build_trainer(recipe, plan, base, None, folder / f"ours-{os.getpid()}")
    return measured(trainer, lambda step: plan.tokens_after_step[step - 1])


def peer(folder: Path, steps: int, compile: bool) -> dict[str, float]:
    """Run TRL's SFTTrainer with its defaults over the same rows, weights and adapter."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from sql_llama.train.model import load_tokenizer
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from trl import SFTConfig, SFTTrainer

    recipe, base, plan = planned(folder, steps, compile)
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(base, quantization_config=quantization, dtype=torch.bfloat16)
    config = SFTConfig(
        output_dir=str(folder / f"peer-{os.getpid()}"),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        learning_rate=1e-4,
        use_cpu=not torch.cuda.is_available(),
        include_num_input_tokens_seen="non_padding",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    masks = [[0] * row.prompt + [1] * (len(row.ids) - row.prompt) for row in plan.rows]
    rows = Dataset.from_dict({"input_ids": [row.ids for row in plan.rows], "completion_mask": masks})
    lora = LoraConfig(r=recipe.lora.r, lora_alpha=recipe.lora.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    tokenizer = load_tokenizer(base)
    trainer = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer, peft_config=lora)
    return measured(trainer, lambda step: int(trainer.state.num_input_tokens_seen))


def measured(trainer: Any, tokens_after: Any) -> dict[str, float]:
    """Train, and count from the end of the first step to the end of the last."""
    import torch
    from transformers import TrainerCallback

    ends: list[tuple[float, int]] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append((time.monotonic(), tokens_after(state.global_step)))

    trainer.add_callback(Clock())
    started = time.monotonic()
    trainer.train()
    (first, before), (last, after) = ends[0], ends[-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "tokens": after - before,
        "seconds": round(last - first, 2),
        "first_step_seconds": round(first - started, 2),
        "tokens_per_second": round((after - before) / (last - first), 1),
        "peak_bytes": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else peak,
    }


def main() -> None:
    """Run the benchmark from the command line and print its results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps of each run, of 8 rows; at least 2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="train with train.compile = true")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        warnings.simplefilter("ignore")
        measure = ours if arguments.only == "ours" else peer
        print(json.dumps(measure(arguments.folder, arguments.steps, arguments.compile)))
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare_rows(Path(folder), BATCH * arguments.steps)
        results = in_turns(arguments, folder)
    median = {
        name: {key: statistics.median(latest[key] for latest in rounds) for key in ("tokens_per_second", "peak_bytes")}
        for name, rounds in results.items()
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


def in_turns(arguments: argparse.Namespace, folder: str) -> dict[str, list[dict[str, float]]]:
    """Run both sides in turns and print each round."""
    results: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    flags = ["--compile"] if arguments.compile else []
    for _ in range(arguments.rounds):
        for name, rounds in results.items():
            command = [sys.executable, str(Path(__file__)), "--only", name, "--folder", folder, *flags]
            run = subprocess.run(
                [*command, "--steps", str(arguments.steps)], capture_output=True, text=True, check=False
            )
            if run.returncode:
                sys.exit(f"{name} failed:\n{run.stderr[-2000:]}")
            latest = json.loads(run.stdout.splitlines()[-1])
            rounds.append(latest)
            memory = f"peak {latest['peak_bytes'] / 2**30:.2f} GiB"
            first = f"first step {latest['first_step_seconds']:.0f} s"
            print(f"{name}: {latest['tokens_per_second']:.0f} tokens/s, {latest['seconds']:.0f} s, {memory}, {first}")
    return results


if __name__ == "__main__":
    main()
