"""Run a trainer from its last checkpoint to the end, with progress that is shown and kept."""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.progress import progress
from ..core.recipe import Recipe
from .evaluation import Evaluation, read_metrics
from .plan import Plan
from .processes import from_main, here

if TYPE_CHECKING:
    from .callbacks import Metrics
    from .questions import Questions
    from .trainer import SqlTrainer
    from .watch import Watch


@dataclass(frozen=True)
class Fit:
    """How a training went: losses per answer token, seconds of the steps done now, bytes held at most.

    `valid_loss` is None without validation rows. `resumed` says that the first steps were done by an earlier process.
    `steps` were done in all. `evaluation` is that of the adapter which the model has now, None where nothing was
    evaluated; all `evaluations` took `evaluation_seconds`, which are not in `seconds`.
    """

    train_loss: float
    valid_loss: float | None
    seconds: float
    resumed: bool
    peak_bytes: int
    steps: int
    evaluation: Evaluation | None = None
    evaluations: int = 0
    evaluation_seconds: float = 0.0


def fit(
    trainer: "SqlTrainer",
    plan: Plan,
    checkpoints: Path,
    metrics: Path,
    title: str,
    recipe: Recipe,
    questions: "Questions | None" = None,
) -> Fit:
    """Train to the end, with the evaluations that the recipe asks for, and measure the validation loss.

    The model has the adapter that the run keeps afterwards. Raises KeyboardInterrupt after Ctrl-C.
    """
    import torch

    from .callbacks import Metrics, StopAfterStep
    from .checkpoints import BEST, last_checkpoint, load_adapter
    from .save_in_time import SaveInTime

    stop = StopAfterStep()
    checkpoint = from_main(last_checkpoint(checkpoints) if here().main else None)
    with progress(title, plan.steps, "steps") as advance, stop.on_interrupt():
        told = Metrics(metrics, advance, plan.tokens_after_step)
        trainer.add_callback(told)
        watch = _watch(trainer, recipe, plan, told, questions)
        trainer.add_callback(SaveInTime())
        trainer.add_callback(stop)
        started = time.monotonic()
        steps = _stopped_at(watch, checkpoint)
        if checkpoint and steps:
            load_adapter(trainer.model, checkpoint)
        else:
            done = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            trainer.first_lost.check(trainer.args)
            steps = trainer.state.global_step
        seconds = time.monotonic() - started - told.evaluating
    if stop.requested and steps < plan.steps and not (watch and watch.stopped):
        raise KeyboardInterrupt
    kept = watch.best if watch else None
    if kept and watch and watch.keeps_best and kept.step != steps:
        load_adapter(trainer.model, checkpoints / f"{BEST}{kept.step}")
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else _peak_memory()
    losses, evaluations = read_metrics(metrics)
    return Fit(
        # the trainer's own is of the steps done now
        train_loss=sum(line["loss"] for line in losses) / max(len(losses), 1) if checkpoint else done.training_loss,
        valid_loss=kept.valid_loss if kept else _valid_loss(trainer, plan),
        seconds=seconds,
        resumed=checkpoint is not None,
        peak_bytes=peak,
        steps=steps,
        evaluation=kept,
        evaluations=len(evaluations),
        evaluation_seconds=sum(evaluation.seconds for evaluation in evaluations),
    )


def _watch(
    trainer: "SqlTrainer", recipe: Recipe, plan: Plan, told: "Metrics", questions: "Questions | None"
) -> "Watch | None":
    """What evaluates this training; None where its recipe asks for no evaluation."""
    if not recipe.train.eval_steps:
        return None
    from .watch import Watch

    watch = Watch(trainer, recipe, plan, told, questions)
    trainer.examine = watch.examine
    trainer.add_callback(watch)
    return watch


def _stopped_at(watch: "Watch | None", checkpoint: Path | None) -> int:
    """The step after which an earlier process stopped early and left this checkpoint; 0 where none did."""
    if watch is None or checkpoint is None:
        return 0
    step = int(checkpoint.name.split("-")[1])
    watch.read(step)
    return step if watch.stopped else 0


def _valid_loss(trainer: "SqlTrainer", plan: Plan) -> float | None:
    """The loss of the validation rows; None without any."""
    from .trainer import mean_loss
    from .watch import computed_in

    valid = [{"input_ids": row.ids, "prompt": row.prompt} for row in plan.valid]
    if not valid:
        return None
    return mean_loss(trainer.model, valid, trainer.data_collator, plan.passes.rows, computed_in(trainer))


def _peak_memory() -> int:
    """Bytes that this process held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
