"""From a recipe to an adapter: data, preflight, QLoRA, in a run directory that a killed run can be resumed in."""

import contextlib
import json
import os
import random
import shutil
import time
import warnings
from collections.abc import Iterator
from importlib import resources
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Protocol

from ..core.errors import DataError, SqlLlamaError
from ..core.files import need_space, sha256, write_text
from ..core.progress import progress, say
from ..core.recipe import Recipe
from ..core.run import Run
from ..core.settings import settings
from ..data.pairs import build_pairs, check_sources, read_pairs, write_pairs
from ..data.rows import make_row
from ..data.sources.spider import find_spider
from ..engines.native import check_training_libraries
from ..modelfiles.templates import family
from ..models.base import fingerprint, resolve_base
from .batches import lay_out
from .memory import ON_CPU, choose_passes, free_memory, used_memory
from .model import load_tokenizer
from .preflight import check_ends, preflight
from .tokens import tokenize

MOST_VALID = 400  # validation rows whose loss is taken


class Check(Protocol):
    """Raises SqlLlamaError for a base, or an adapter to start from, with which training would be in vain."""

    def __call__(self, recipe: Recipe, base: Path, start: Path | None) -> None: ...


def train(recipe: Recipe, run: Run, check: Check | None = None) -> Path:
    """Train the recipe's adapter into `run`; stages that are done are not done again. Returns the adapter folder.

    `check` is asked before anything is made: the export's own (export/exportable.py), a room that this one cannot see.
    """
    # threads that wait by spinning slow a machine that has other work several times (read when torch is imported)
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    base = resolve_base(recipe.base.model, recipe.base.revision)
    start = _start(recipe)
    sources = _sources(recipe, run)
    if run.done("data", sources) and run.done("train", _inputs(recipe, run, base, start)):
        return run.adapter
    if check is not None:
        check(recipe, base, start)
    with _quiet():
        check_ends(load_tokenizer(base), family(recipe.base.family))
    if start is not None:
        _say_start(recipe, start)
    need_space(run.path, 2 * 2**30, "training")
    _data(recipe, run, sources)
    inputs = _inputs(recipe, run, base, start)
    if not run.done("train", inputs):
        started = time.monotonic()
        facts = _fit(recipe, run, base, start)
        plot = _plot(run)
        outputs = [run.adapter, run.path / "metrics.jsonl", plot]
        run.finish("train", inputs, outputs, time.monotonic() - started, **facts)
        shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    return run.adapter


def _inputs(recipe: Recipe, run: Run, base: Path, start: Path | None) -> dict[str, str]:
    """What a finished training is recognised by."""
    return {
        "recipe": sha256(run.recipe_path),
        "base": fingerprint(base),
        "train.jsonl": sha256(run.path / "data" / "train.jsonl"),
        "start": sha256(start) if start is not None else recipe.train.start,
    }


def check_plan(recipe: Recipe) -> None:
    """Raise what can be known before anything is written: the sources' layout, and the adapter to start from.

    A model of the Hub is not asked for.
    """
    _start(recipe)
    check_sources(recipe.data)


def _start(recipe: Recipe) -> Path | None:
    """The adapter folder that training goes on from, if any; raises SqlLlamaError when it is none."""
    if recipe.train.start == "base":
        return None
    folder = start_folder(recipe.train.start)
    if not (folder / "adapter_config.json").is_file():
        raise DataError(f"{folder}: no adapter there (no adapter_config.json)", fix="--set train.start=base")
    return folder


def start_folder(start: str) -> Path:
    """Where a recipe's train.start lies, `base` excepted."""
    return starter() if start == "starter" else Path(start).expanduser()


def _say_start(recipe: Recipe, start: Path) -> None:
    """Say what of the adapter counts instead of the recipe's [lora], where the two differ."""
    config = json.loads((start / "adapter_config.json").read_text(encoding="utf-8"))
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if (rank, alpha) != (recipe.lora.r, recipe.lora.alpha):
        ours = f"lora.r = {recipe.lora.r} and lora.alpha = {recipe.lora.alpha}"
        say(f"going on from {start} as it is: rank {rank} and alpha {alpha}, not the recipe's {ours}")


def starter() -> Path:
    """The folder of the adapter that comes with sql-llama; raises SqlLlamaError when this build has none."""
    folder = Path(str(resources.files("sql_llama.recipes"))) / "starter"
    if not (folder / "adapter_config.json").is_file():
        raise SqlLlamaError("this build carries no starter adapter", fix="--set train.start=base")
    return folder


def _sources(recipe: Recipe, run: Run) -> dict[str, str]:
    """What finished pairs are recognised by."""
    inputs = {"recipe": sha256(run.recipe_path)}
    inputs |= {name: sha256(Path(name)) for name in recipe.data.jsonl if Path(name).is_file()}
    if recipe.data.spider:
        inputs["spider"] = sha256(find_spider(Path(recipe.data.spider)).questions)
    return inputs


def _data(recipe: Recipe, run: Run, inputs: dict[str, str]) -> None:
    if run.done("data", inputs):
        return
    started = time.monotonic()
    pairs = build_pairs(recipe.data, settings().cache)
    paths = [run.path / "data" / "train.jsonl", run.path / "data" / "valid.jsonl"]
    write_pairs(paths[0], pairs.train)
    write_pairs(paths[1], pairs.valid)
    sources: dict[str, int] = {}
    for example in pairs.train:
        sources[example.source] = sources.get(example.source, 0) + 1
    facts = {"train": len(pairs.train), "valid": len(pairs.valid), "sources": sources, "left_out": pairs.left_out}
    run.finish("data", inputs, paths, time.monotonic() - started, **facts)


def _fit(recipe: Recipe, run: Run, base: Path, start: Path | None) -> dict[str, Any]:
    """Train and save the adapter; returns facts for the manifest."""
    check_training_libraries()
    with _quiet():
        return _fit_quietly(recipe, run, base, start)


def _fit_quietly(recipe: Recipe, run: Run, base: Path, start: Path | None) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from transformers import set_seed
    from trl import SFTConfig

    from ..engines.huggingface import compute_dtype
    from .model import keep_float32, load_model
    from .trainer import Collator, Metrics, SqlTrainer, mean_loss

    chat_family = family(recipe.base.family)
    tokenizer = load_tokenizer(base)
    examples = list(read_pairs(run.path / "data" / "train.jsonl"))
    held = list(read_pairs(run.path / "data" / "valid.jsonl"))
    rng = random.Random(recipe.data.seed)
    sample = [make_row(example, recipe.data, rng) for example in rng.sample(examples, min(len(examples), 200))]
    preflight(sample, tokenize(sample, tokenizer, chat_family), tokenizer, chat_family)
    tokens, left_out = lay_out(examples, recipe, tokenizer, chat_family)
    batch = recipe.train.batch
    if not tokens:
        raise SqlLlamaError("no pair fits train.max_tokens", fix="--set train.max_tokens=2048")
    steps = len(tokens) // batch
    lengths = [len(item.ids) for item in tokens]
    tokens_at, total = [], 0
    for step in range(steps):
        total += sum(lengths[step * batch : (step + 1) * batch])
        tokens_at.append(total)
    dtype = compute_dtype()
    config_of_base = json.loads((base / "config.json").read_text(encoding="utf-8"))
    on_gpu = torch.cuda.is_available()
    most = 0 if on_gpu else ON_CPU
    passes = choose_passes(recipe, config_of_base, tokens, dtype.itemsize, free_memory(), used_memory(), most)
    micro = passes.rows
    say(passes.said)

    set_seed(recipe.train.seed)
    model = load_model(base, recipe, start)
    dataset = Dataset.from_dict(
        {"input_ids": [item.ids for item in tokens], "prompt": [item.prompt for item in tokens]}
    )
    collator = Collator(int(tokenizer.pad_token_id or 0))
    checkpoints = run.path / "checkpoints"
    config = SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=batch // micro,
        num_train_epochs=1,  # the rows of all epochs are laid out already
        learning_rate=recipe.train.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(recipe.train.warmup * steps),
        adam_beta2=0.99,
        max_grad_norm=1.0,
        weight_decay=0.0,
        optim="adamw_torch_fused" if on_gpu else "adamw_torch",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not on_gpu,
        gradient_checkpointing=recipe.train.checkpointing,
        max_length=None,
        save_steps=recipe.train.save_steps,
        save_total_limit=2,
        logging_steps=min(recipe.train.log_steps, steps),  # a short run leaves one line too
        report_to=[],
        disable_tqdm=True,
        seed=recipe.train.seed,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_num_workers=0,
        dataloader_pin_memory=on_gpu,
        average_tokens_across_devices=False,
    )
    valid_tokens = tokenize([make_row(e, recipe.data, rng) for e in held[:MOST_VALID]], tokenizer, chat_family)
    valid = [
        {"input_ids": item.ids, "prompt": item.prompt}
        for item in valid_tokens
        if len(item.ids) <= recipe.train.max_tokens
    ]
    with progress(f"training {recipe.name}", steps, "steps") as advance:
        trainer = SqlTrainer(
            model=model,
            args=config,
            train_dataset=dataset,
            processing_class=tokenizer,
            data_collator=collator,
            callbacks=[Metrics(run.path / "metrics.jsonl", advance, tokens_at)],
        )
        for callback in ("PrinterCallback", "ProgressCallback"):
            for installed in list(trainer.callback_handler.callbacks):
                if type(installed).__name__ == callback:
                    trainer.remove_callback(installed)
        keep_float32(trainer.model)
        resumed = last_checkpoint(checkpoints)
        started = time.monotonic()
        result = trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        seconds = time.monotonic() - started
    valid_loss = mean_loss(trainer.model, valid, collator, micro, dtype) if valid else None
    _save_adapter(trainer.model, run, base)
    peak = torch.cuda.max_memory_allocated() if on_gpu else _peak_memory()
    return {
        "steps": steps,
        "rows": len(tokens),
        "tokens": total,
        "left_out": left_out,
        "train_loss": round(float(result.training_loss), 5),
        "valid_loss": None if valid_loss is None else round(valid_loss, 5),
        "fit_seconds": round(seconds, 2),
        "tokens_per_second": round(total / seconds, 1) if not resumed else None,
        "peak_bytes": peak,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "micro_batch": micro,
        "estimated_bytes": passes.need,
        "dtype": str(dtype).removeprefix("torch."),
        "trainable": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "base": recipe.base.model,
        "versions": _versions(),
    }


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole; a half one, left by a killed run, is deleted."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for path in found:
        state = path / "trainer_state.json"  # the trainer writes it last
        with contextlib.suppress(OSError, ValueError):
            json.loads(state.read_text(encoding="utf-8"))
            return path
        shutil.rmtree(path)
    return None


def _save_adapter(model: Any, run: Run, base: Path) -> None:
    """Save the adapter in bfloat16, half the bytes of what is trained, as a whole folder or not at all."""
    from safetensors.torch import load_file, save_file

    from ..core.files import atomic_folder

    with atomic_folder(run.adapter) as temporary:
        model.save_pretrained(temporary)
        weights = temporary / "adapter_model.safetensors"
        save_file({name: tensor.bfloat16().contiguous() for name, tensor in load_file(weights).items()}, weights)
        config = json.loads((temporary / "adapter_config.json").read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base.name
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()  # a set in peft: the same run would differ from process to process
        write_text(temporary / "adapter_config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
        (temporary / "README.md").unlink(missing_ok=True)


def _plot(run: Run) -> Path:
    """Draw the loss over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot([line["step"] for line in lines], [line["loss"] for line in lines])
    axes.set(xlabel="step", ylabel="loss of the answer tokens", title=run.path.name, yscale="log")
    path = run.path / "plots" / "loss.svg"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
    return path


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep library chatter off the progress bar."""
    from transformers.utils import logging

    getLogger("bitsandbytes.backends.cpu.ops").setLevel(ERROR)  # says that an optional kernel is not installed
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # trl and peft still say gradient_checkpointing, which new versions of transformers have renamed
            warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()


def _peak_memory() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes")}
