"""Watch a training: evaluate it at the steps that the recipe names, keep the best adapter, warn, and stop early.

All that is known of earlier evaluations stands in metrics.jsonl, so that a killed training decides as a whole one does.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from ..core.errors import SqlLlamaError
from ..core.progress import say
from ..core.recipe import Recipe
from ..modelfiles.templates import Family, family
from .callbacks import Metrics
from .checkpoints import BEST, forget_others, keep_best
from .evaluation import By, Evaluation, best_of, learnt_by_heart, read_metrics, should_stop
from .generate import generate
from .plan import Plan
from .processes import from_main
from .questions import Questions

if TYPE_CHECKING:
    from .trainer import SqlTrainer

ON_CPU, ON_GPU = 8, 64  # answers that are generated together at most
PER_ROW = 4  # answers together for each row of a training pass, which takes more memory


class Watch(TrainerCallback):  # type: ignore[misc]
    """Evaluates a trainer; every process of a training on several GPUs has one, and only the main one writes."""

    def __init__(
        self, trainer: "SqlTrainer", recipe: Recipe, plan: Plan, metrics: Metrics, questions: Questions | None
    ) -> None:
        """Raises SqlLlamaError where no validation pair fits train.max_tokens."""
        if not plan.valid:
            raise SqlLlamaError("no validation pair fits train.max_tokens", fix="--set train.max_tokens=2048")
        self.trainer = trainer
        self.recipe = recipe.train
        self.family: Family = family(recipe.base.family)
        self.plan = plan
        self.metrics = metrics
        self.questions = questions
        self.by: By = "execution" if recipe.train.best == "execution" else "loss"
        self.folder = Path(trainer.args.output_dir)
        self.evaluations: list[Evaluation] = []
        self.warned = False

    @property
    def keeps_best(self) -> bool:
        """Whether the run keeps the adapter of the best evaluation."""
        return self.recipe.best in ("loss", "execution")

    @property
    def best(self) -> Evaluation | None:
        """The evaluation whose adapter the run keeps, as far as the training is."""
        if not self.evaluations:
            return None
        return best_of(self.evaluations, self.by) if self.keeps_best else self.evaluations[-1]

    @property
    def stopped(self) -> bool:
        """Whether the last evaluation ended the training."""
        return should_stop(self.evaluations, self.by, self.recipe.early_stopping)

    def read(self, step: int) -> None:
        """Take up the evaluations of an earlier process, as far as the checkpoint of `step` that this one has."""
        losses, evaluations = read_metrics(self.metrics.path)
        self.evaluations = [evaluation for evaluation in evaluations if evaluation.step <= step]
        known = [(line["step"], line["loss"]) for line in losses]
        ends = range(1, len(self.evaluations) + 1)
        self.warned = any(learnt_by_heart(self.evaluations[:end], known) for end in ends)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on after the evaluations that belong to the checkpoint."""
        self.read(state.global_step)
        if state.is_world_process_zero:
            if self.keeps_best and self.best and not (self.folder / f"{BEST}{self.best.step}").is_dir():
                raise SqlLlamaError(
                    f"{self.folder / f'{BEST}{self.best.step}'}: missing, the adapter of the best evaluation yet",
                    fix=f"copy it here too, or delete {self.folder} to begin again",
                )
            forget_others(self.folder, self.best.step if self.best else None, state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask the trainer for an evaluation, after the line of the loss and before the checkpoint."""
        if state.global_step % self.recipe.eval_steps == 0 or state.global_step == state.max_steps:
            control.should_evaluate = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Delete what only a training from an earlier checkpoint would need."""
        if state.is_world_process_zero:
            forget_others(self.folder, self.best.step if self.best else None, state.global_step)

    def examine(self) -> None:
        """Evaluate the model as it is; the trainer calls this at the steps that were asked for."""
        trainer, told, step = self.trainer, self.metrics, self.trainer.state.global_step
        main = trainer.is_world_process_zero()
        started = time.monotonic()
        if main and step < trainer.state.max_steps:
            told.advance(0, f"evaluating after step {step}")
        with as_it_was(trainer.model), _not_compiled(self.recipe.compile):
            evaluation = self._measured(step, started)
        self.evaluations.append(evaluation)
        told.evaluating += evaluation.seconds
        told.evaluated = f", {evaluation.said} after step {step}"
        is_best = self.keeps_best and self.best == evaluation
        weights = trainer.weights() if is_best else None
        if main:
            if is_best:
                keep_best(trainer.accelerator.unwrap_model(trainer.model), self.folder, step, weights)
            told.append(evaluation.line())
            told.advance(0, told.note + told.evaluated)
        reported = {"eval_loss": evaluation.valid_loss}
        if evaluation.execution_accuracy is not None:
            reported["eval_execution_accuracy"] = evaluation.execution_accuracy
        trainer.log(reported)
        self._decide(main)

    def _measured(self, step: int, started: float) -> Evaluation:
        """Measure. All processes go through the model, since layers may be spread over several; the main one judges.

        The others get its numbers, so that all of them decide alike.
        """
        from .trainer import mean_loss

        trainer, plan = self.trainer, self.plan
        rows = [{"input_ids": row.ids, "prompt": row.prompt} for row in plan.valid]
        loss = mean_loss(trainer.model, rows, trainer.data_collator, plan.passes.rows, computed_in(trainer))
        texts = self._answers()
        measured: list[Any] = [None]
        if trainer.is_world_process_zero():
            right = self.questions.exam.right(texts) if self.questions else ()
            share = round(sum(right) / len(right), 5) if right else None
            measured = [Evaluation(step, round(loss, 5), share, len(right), round(time.monotonic() - started, 2))]
        evaluation: Evaluation = from_main(measured[0])
        return evaluation

    def _answers(self) -> list[str]:
        """The model's answers to the questions; none where none are asked."""
        if self.questions is None:
            return []
        trainer, questions = self.trainer, self.questions
        model = trainer.accelerator.unwrap_model(trainer.model)
        device, dtype = model.device, computed_in(trainer)
        together = min(ON_GPU, PER_ROW * self.plan.passes.rows) if device.type == "cuda" else ON_CPU
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            return generate(model, trainer.processing_class, self.family, questions.prompts, together, questions.limit)

    def _decide(self, main: bool) -> None:
        """Warn of pairs learnt by heart, once, and end the training where no evaluation gets better."""
        known = [(line["step"], line["loss"]) for line in self.trainer.state.log_history if "loss" in line]
        warning = "" if self.warned else learnt_by_heart(self.evaluations, known)
        if warning:
            self.warned = True
            if main:
                say(warning)
        best = best_of(self.evaluations, self.by)
        if self.stopped:
            # with a checkpoint, so that a training that is killed now does not go on
            self.trainer.control.should_training_stop = self.trainer.control.should_save = True
            if main:
                say(
                    f"Stopped after step {self.trainer.state.global_step}: the last {self.recipe.early_stopping} "
                    f"evaluations were not better than that of step {best.step} ({best.said})."
                )


def computed_in(trainer: "SqlTrainer") -> torch.dtype:
    """Return the type that a trainer computes in."""
    return torch.bfloat16 if trainer.args.bf16 else torch.float16 if trainer.args.fp16 else torch.float32


@contextlib.contextmanager
def as_it_was(model: Any) -> Iterator[None]:
    """Leave no trace in a training: random numbers and the mode of the model are as before."""
    import random

    import numpy as np

    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if on_gpu:
            torch.cuda.set_rng_state_all(on_gpu)
            torch.cuda.empty_cache()


@contextlib.contextmanager
def _not_compiled(compiled: bool) -> Iterator[None]:
    """Run compiled layers as they are written: they would be compiled anew for each length of a prompt."""
    if compiled:
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield
