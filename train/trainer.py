"""TRL's SFTTrainer with logits only where the loss is, rows in the order given, and progress that is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from ..core.recipe import Recipe
from ..engines.huggingface import compute_dtype
from .checkpoints import KEPT, load_adapter, mark_complete, said_when_full
from .finite import FirstLost, all_finite, not_finite
from .fused_lora import fuse_lora
from .model import keep_float32, load_model, load_tokenizer
from .plan import Plan
from .processes import PATIENCE, everyones, here, wait
from .shards import load_optimizer, save_optimizer, whole_weights

# the trainer's names of the recipe's optimizers, on a GPU
OPTIMIZERS = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
}


def build_trainer(recipe: Recipe, plan: Plan, base: Path, start: Path | None, checkpoints: Path) -> "SqlTrainer":
    """Load the base with an adapter to train, and build the trainer of the plan's rows; sets the seed before both."""
    from datasets import Dataset

    set_seed(recipe.train.seed)
    model = load_model(base, recipe, start)
    trainer = SqlTrainer(
        model=model,
        args=trainer_config(recipe, plan, checkpoints, decoder_layer=type(model.get_decoder().layers[0]).__name__),
        train_dataset=Dataset.from_dict(
            {"input_ids": [row.ids for row in plan.rows], "prompt": [row.prompt for row in plan.rows]}
        ),
        processing_class=load_tokenizer(base),
        data_collator=Collator(plan.pad),
    )
    trainer.lr_ratio = recipe.lora.lr_ratio
    if trainer.is_fsdp_enabled:
        # packed weights must not be cast; autocast computes in the recipe's type, as with one GPU
        trainer.accelerator.state.fsdp_plugin.mixed_precision_policy = None
    trainer.remove_callback(PrinterCallback)
    keep_float32(trainer.model)
    # a compiler joins these steps itself, and FSDP gathers weights around the layers' own
    if not recipe.train.compile and not trainer.is_fsdp_enabled:
        fuse_lora(trainer.model)
    return trainer


def trainer_config(recipe: Recipe, plan: Plan, checkpoints: Path, decoder_layer: str = "") -> SFTConfig:
    """Translate the recipe's optimisation for the trainer, on the devices that are here.

    With FSDP the weights of each `decoder_layer` (a class's name) are gathered together.
    """
    train, dtype, on_gpu = recipe.train, compute_dtype(recipe.train.dtype), torch.cuda.is_available()
    processes = here().count
    several: dict[str, Any] = {}
    if processes > 1:
        several = {"ddp_find_unused_parameters": False, "ddp_timeout": round(PATIENCE.total_seconds())}
        several["ddp_backend"] = "nccl" if on_gpu else "gloo"
        if train.parallel == "fsdp":
            several["fsdp"] = "full_shard auto_wrap"
            several["fsdp_config"] = {"version": 2, "transformer_layer_cls_to_wrap": [decoder_layer]}
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=plan.passes.rows,
        gradient_accumulation_steps=plan.batch // plan.passes.rows // processes,
        num_train_epochs=1,  # the plan has the rows of all epochs
        learning_rate=train.learning_rate,
        lr_scheduler_type="constant_with_warmup" if train.schedule == "constant" else train.schedule,
        warmup_steps=round(train.warmup * plan.steps),
        adam_beta2=0.99,
        max_grad_norm=train.max_grad_norm,
        weight_decay=train.weight_decay,
        neftune_noise_alpha=train.neftune or None,
        optim=OPTIMIZERS[train.optimizer] if on_gpu else "adamw_torch",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not on_gpu,
        gradient_checkpointing=plan.passes.checkpointing,
        max_length=None,
        save_steps=train.save_steps,
        save_total_limit=KEPT if train.best == "file" else 2,
        logging_steps=min(train.log_steps, plan.steps),  # a short run leaves one line too
        logging_nan_inf_filter=False,  # it would hide what finite.py looks for
        report_to=list(train.report_to),
        run_name=checkpoints.parent.name,
        project="sql-llama",
        disable_tqdm=True,
        seed=train.seed,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_num_workers=0,
        dataloader_pin_memory=on_gpu,
        average_tokens_across_devices=processes > 1,
        **several,
    )


class SqlTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for rows that are already batched by length and padded on the right.

    Padding on the right needs no attention mask in a causal model, which keeps attention on its fastest path, and a
    prompt needs no logits: the vocabulary's share of the work falls to a tenth.
    """

    lr_ratio = 1.0  # LoRA+: how much faster the B matrices learn
    examine: Callable[[], None] | None = None  # evaluates the model (watch.py)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.first_lost = FirstLost()

    def _send_telemetry(self) -> None:
        """Tell nobody of a training: TRL would send a line to the Hub."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Do one pass and note where its loss is not a number, without waiting for the GPU."""
        loss = super().training_step(*args, **kwargs)
        self.first_lost.note(loss, self.state.global_step + 1)
        return loss

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        control = self.control
        if control.should_log or control.should_save or control.should_evaluate or control.should_training_stop:
            self.first_lost.check(self.args)
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def _evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate between the line of the loss and the checkpoint of a step, which is when the trainer calls it."""
        self.control.should_evaluate = False
        if self.examine is not None:
            self.examine()
        return {}

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if not all(everyones(all_finite(self.model))):  # of finite losses whose gradients were none
            raise not_finite(self.state.global_step, self.args)
        folder, step = Path(self.args.output_dir), self.state.global_step
        with said_when_full(folder, step):
            super()._save_checkpoint(model, trial)
            wait()  # every process writes its random state
            if self.args.should_save:
                mark_complete(folder / f"checkpoint-{step}")

    def weights(self) -> dict[str, torch.Tensor] | None:
        """Return the trained weights where each process has a part of them, None where the model has them whole.

        All processes have to ask.
        """
        return whole_weights(self.model) if self.is_fsdp_enabled else None

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the adapter, whole."""
        if not self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)
            return
        weights = self.weights()  # the trainer would gather the frozen weights too
        if self.args.should_save:
            self._save(output_dir, state_dict=weights)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        save_optimizer(self.optimizer, Path(output_dir) / "optimizer.pt", self.args.should_save)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / "scheduler.pt")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled:
            load_adapter(self.model, Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        load_optimizer(self.optimizer, Path(checkpoint) / "optimizer.pt")
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / "scheduler.pt", weights_only=True))

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the mean cross-entropy over the answer tokens of the optimizer step, those of all processes.

        The gradients of several processes are averaged afterwards, so each one's share counts as often as there are
        processes.
        """
        target = inputs["labels"][:, 1:]
        keep = (target != -100).any(dim=0).nonzero().flatten()
        output = model(input_ids=inputs["input_ids"], logits_to_keep=keep, use_cache=False)
        target = target[:, keep]
        learned = target != -100
        loss = functional.cross_entropy(output.logits[learned].float(), target[learned], reduction="sum")
        if num_items_in_batch is None:
            loss = loss / learned.sum()
        else:
            loss = loss / num_items_in_batch * here().count
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> Any:
        """Build the optimizer: with two learning rates where the recipe asks for LoRA+, else the trainer's own."""
        if self.lr_ratio == 1 or self.optimizer is not None:
            return super().create_optimizer(model)
        from peft.optimizers import create_loraplus_optimizer

        kind, settings = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        settings["loraplus_weight_decay"] = self.args.weight_decay
        self.optimizer: Any = create_loraplus_optimizer(self.model, kind, loraplus_lr_ratio=self.lr_ratio, **settings)
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)


class Collator:
    """Pad rows on the right and mask the prompt out of the loss."""

    def __init__(self, pad: int, multiple: int = 8) -> None:
        self.pad = pad
        self.multiple = multiple

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """`input_ids` and `labels`, both (rows, longest), int64; -100 where there is no loss."""
        longest = max(len(row["input_ids"]) for row in rows)
        longest += -longest % self.multiple
        ids = torch.full((len(rows), longest), self.pad)
        labels = torch.full((len(rows), longest), -100)
        for i, row in enumerate(rows):
            tokens = torch.as_tensor(row["input_ids"])
            ids[i, : len(tokens)] = tokens
            labels[i, row["prompt"] : len(tokens)] = tokens[row["prompt"] :]
        return {"input_ids": ids, "labels": labels}


@torch.no_grad()
def mean_loss(model: Any, rows: list[dict[str, Any]], collator: Collator, batch: int, dtype: torch.dtype) -> float:
    """Compute the mean cross-entropy, per answer token, of rows that are not trained on."""
    model.eval()
    device = next(model.parameters()).device
    total, count = 0.0, 0
    rows = sorted(rows, key=lambda row: len(row["input_ids"]))
    for start in range(0, len(rows), batch):
        inputs = {name: tensor.to(device) for name, tensor in collator(rows[start : start + batch]).items()}
        target = inputs["labels"][:, 1:]
        keep = (target != -100).any(dim=0).nonzero().flatten()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(input_ids=inputs["input_ids"], logits_to_keep=keep, use_cache=False).logits
        target = target[:, keep]
        learned = target != -100
        total += float(functional.cross_entropy(logits[learned].float(), target[learned], reduction="sum"))
        count += int(learned.sum())
    model.train()
    return total / max(count, 1)
