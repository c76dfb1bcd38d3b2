"""From a recipe to an adapter in a run directory: data, plan, build, fit, save.

A training that was stopped or killed goes on from its last checkpoint when it is called again.
"""

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import DataError, RecipeError
from ..core.files import need_space, sha256
from ..core.progress import say
from ..core.recipe import Recipe
from ..core.run import Run
from ..core.stage import WORK_INPUTS, Stage
from ..data.prepare.card import licenses, write_card
from ..data.prepare.prepare import TRAIN, VALID, opened, prepare, stamps
from ..engines.huggingface import compute_dtype
from ..engines.native import check_training_libraries
from ..modelfiles.templates import family
from ..models.base import resolve_base
from ..models.folder import fingerprint
from .exam import MakeExam
from .memory import explain_out_of_memory
from .model import load_tokenizer
from .plan import Plan, plan_training
from .plots import draw_accuracy, draw_loss
from .preflight import check_tokenizer
from .processes import from_main, here, join, main_first, wait
from .questions import make_questions
from .report_to import reporting
from .save import save_adapter, save_checkpoints
from .start import say_what_differs, start_adapter

if TYPE_CHECKING:
    from .fit import Fit

DISK_BYTES = 2 * 2**30  # checkpoints and adapter


class Check(Protocol):
    """Raises SqlLlamaError for a base, or an adapter to start from, with which training would be in vain."""

    def __call__(self, recipe: Recipe, base: Path, start: Path | None) -> None: ...


def train(recipe: Recipe, run: Run, check: Check | None = None, exam: MakeExam | None = None) -> Path:
    """Train the recipe's adapter into `run`; stages that are done are not done again. Returns the adapter folder.

    `check` is called before anything is made: the export's own (export/exportable.py), which this room cannot import.
    `exam` makes what judges the answers of the model in training (evals/validation.py); None measures the loss only.
    Raises SqlLlamaError for what cannot be trained, and KeyboardInterrupt after Ctrl-C, with a checkpoint left.
    """
    # threads that wait by spinning slow a machine that has other work several times (read when torch is imported)
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    join()
    if here().several and recipe.train.parallel == "fsdp" and recipe.train.optimizer != "adamw":
        raise RecipeError(
            f"train.optimizer = {recipe.train.optimizer} cannot be spread over several GPUs",
            fix="--set train.optimizer=adamw",
        )
    with main_first():
        base = resolve_base(recipe.base.model, recipe.base.revision)
    start = start_adapter(recipe)
    _refuse_other_base(run, base, start)
    data_inputs = from_main(_data_inputs(recipe, run) if here().main else {})
    if from_main(run.done("data", data_inputs) and run.done("train", _train_inputs(recipe, run, base, start))):
        return run.adapter
    if check is not None:
        check(recipe, base, start)
    with _quiet():
        check_tokenizer(load_tokenizer(base), family(recipe.base.family))
    if start is not None:
        say_what_differs(recipe, start)
    if here().main:
        need_space(run.path, DISK_BYTES, "training")
        _write_data(recipe, run, data_inputs)
    wait()
    with contextlib.ExitStack() as open_stages:
        stage = None
        if here().main:  # one process may open a stage, and no other writes
            stage = open_stages.enter_context(run.stage("train", _train_inputs(recipe, run, base, start)))
        if not from_main(stage is not None and stage.done):
            check_training_libraries()
            with _quiet():
                _train(recipe, run, base, start, stage, exam)
    wait()
    return run.adapter


def _data_inputs(recipe: Recipe, run: Run) -> dict[str, str]:
    """What finished pairs are recognised by.

    On another machine the files may lie elsewhere, or not be there at all: the pairs of the run are used then.
    """
    known = run.manifest()["stages"].get("data", {}).get("inputs", {})
    kept = known.get("recipe") == run.recipe_hash and run.done("data", known)
    try:
        found = {"recipe": run.recipe_hash, **stamps(recipe.data, opened(recipe.data))}
    except DataError as error:
        if not kept:
            raise
        say(f"{error.message}: going on with the pairs that the run has")
        return dict(known)
    moved = known.keys() != found.keys()
    return dict(known) if kept and moved and _contents(known) == _contents(found) else found


def _contents(inputs: Mapping[str, str]) -> list[str]:
    """The hashes of the files that pairs were made of, wherever these lie."""
    return sorted(value for name, value in inputs.items() if name not in ("recipe", "data"))


def _train_inputs(recipe: Recipe, run: Run, base: Path, start: Path | None) -> dict[str, str]:
    """What a finished training is recognised by."""
    return {
        "recipe": run.recipe_hash,
        "base": fingerprint(base),
        "train.jsonl": sha256(_pairs_file(run, "train")),
        "start": sha256(start) if start is not None else recipe.train.start,
    }


def _refuse_other_base(run: Run, base: Path, start: Path | None) -> None:
    """Refuse to go on with a run that came from another machine over another model: its checkpoints would be lost."""
    marker = run.path / "checkpoints" / WORK_INPUTS
    if "recipe_sha256" not in run.manifest() or not marker.is_file():
        return
    began = json.loads(marker.read_text(encoding="utf-8"))
    if began.get("base") != fingerprint(base):
        raise RecipeError(
            f"{base}: not the model that {run.path} began with", fix="--set base.model=FOLDER, or another --run"
        )
    if start is not None and began.get("start") != sha256(start):
        raise RecipeError(
            f"{start}: not the adapter that {run.path} began with", fix="--set train.start=FOLDER, or another --run"
        )


def _pairs_file(run: Run, part: str) -> Path:
    return run.path / "data" / f"{part}.jsonl"


def _write_data(recipe: Recipe, run: Run, inputs: dict[str, str]) -> None:
    """Collect and synthesise the pairs, checked by running them."""
    with run.stage("data", inputs) as stage:
        if stage.done:
            return
        folder = run.path / "data"
        for name in (TRAIN, VALID, "card.json", "card.md", "balance.svg"):
            stage.output(folder / name)
        prepared = prepare(recipe, folder, stage.work_folder("data-work"), write_card)
        stage.facts.update(
            train=prepared.train,
            valid=prepared.valid,
            sources={source.name: source.kept for source in prepared.sources},
            licenses=licenses(prepared),
            left_out={f"{s.name}: {reason}": count for s in prepared.sources for reason, count in s.left_out.items()},
        )


def _train(
    recipe: Recipe, run: Run, base: Path, start: Path | None, stage: Stage | None, exam: MakeExam | None
) -> None:
    """Plan, build, fit and save. Of several processes, only the main one has the stage and saves."""
    plan = plan_training(recipe, base, _pairs_file(run, "train"), _pairs_file(run, "valid"))
    questions = make_questions(recipe, base, _pairs_file(run, "valid"), exam)
    say(plan.passes.message)

    from .calibrate import calibrated
    from .check_gradients import check_gradients
    from .fit import fit
    from .trainer import build_trainer

    checkpoints = from_main(stage.work_folder("checkpoints") if stage else run.path)
    metrics = run.path / "metrics.jsonl"
    with explain_out_of_memory(recipe, plan.passes.rows), reporting(recipe, run.path):
        plan, trainer = calibrated(recipe, plan, lambda fit: build_trainer(recipe, fit, base, start, checkpoints))
        noise = check_gradients(trainer, plan, compute_dtype(recipe.train.dtype))
        result = fit(trainer, plan, checkpoints, metrics, f"training {recipe.name}", recipe, questions)
        weights = trainer.weights()
    if stage is None:
        return
    with stage.folder(run.adapter) as temporary:
        save_adapter(trainer.model, temporary, base, weights)
    stage.output(metrics)
    with stage.file(run.path / "plots" / "loss.svg") as temporary:
        draw_loss(metrics, temporary, run.path.name)
    if result.evaluation is not None and result.evaluation.n:
        with stage.file(run.path / "plots" / "accuracy.svg") as temporary:
            draw_accuracy(metrics, temporary, run.path.name)
    if recipe.train.best == "file":
        with stage.folder(run.path / "adapters") as temporary:
            save_checkpoints(checkpoints, temporary, base)
    stage.facts.update(_facts(recipe, plan, result), gradient_noise=float(f"{noise:.3g}"))
    stage.facts.update(trainable=sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad))


def _facts(recipe: Recipe, plan: Plan, result: "Fit") -> dict[str, Any]:
    """What the manifest keeps of a training."""
    tokens = plan.tokens_after_step[result.steps - 1]
    return {
        "steps": result.steps,
        "rows": result.steps * plan.batch,
        "tokens": tokens,
        "left_out": plan.left_out,
        "train_loss": round(result.train_loss, 5),
        "valid_loss": None if result.valid_loss is None else round(result.valid_loss, 5),
        "fit_seconds": round(result.seconds, 2),
        "tokens_per_second": None if result.resumed else round(tokens / result.seconds, 1),
        "peak_bytes": result.peak_bytes,
        "micro_batch": plan.passes.rows,
        "estimated_bytes": plan.passes.need,
        "base": recipe.base.model,
        "processes": here().count,
        **_evaluation_facts(result),
        **_machine_facts(recipe),
    }


def _evaluation_facts(result: "Fit") -> dict[str, Any]:
    """The evaluation of the adapter that the run keeps, and what all of them cost."""
    if result.evaluation is None:
        return {}
    kept = result.evaluation
    return {
        "kept_step": kept.step,
        "execution_accuracy": kept.execution_accuracy,
        "right": kept.right,
        "questions": kept.n,
        "evaluations": result.evaluations,
        "evaluation_seconds": round(result.evaluation_seconds, 2),
    }


def _machine_facts(recipe: Recipe) -> dict[str, Any]:
    """The device, the compute type and the versions of the libraries that trained."""
    from importlib.metadata import version

    import torch

    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "dtype": str(compute_dtype(recipe.train.dtype)).removeprefix("torch."),
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes")},
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the messages of libraries off the progress bar."""
    from transformers.utils import logging

    getLogger("bitsandbytes.backends.cpu.ops").setLevel(ERROR)  # it warns that an optional kernel is missing
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # trl and peft still use gradient_checkpointing, which new versions of transformers have renamed
            warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()
