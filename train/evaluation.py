"""What evaluations during a training say: which is the best, whether to stop, whether pairs are learnt by heart."""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

By = Literal["loss", "execution"]

RISES = 2  # evaluations in a row after the best one before a rising loss is taken for more than chance
RISE = 1.01  # and by how much the loss has to have risen


@dataclass(frozen=True)
class Evaluation:
    """One line of metrics.jsonl: how the model did on the validation pairs after an optimizer step.

    `valid_loss` is per answer token. `execution_accuracy` is the share of `n` questions whose query returned what the
    reference query returns; None where none was asked. `seconds` is the whole evaluation.
    """

    step: int
    valid_loss: float
    execution_accuracy: float | None
    n: int
    seconds: float

    @property
    def right(self) -> int:
        """Return how many questions were answered right."""
        return round((self.execution_accuracy or 0.0) * self.n)

    @property
    def said(self) -> str:
        """Return the numbers in a few words."""
        asked = f", {self.right} of {self.n} right" if self.n else ""
        return f"validation loss {self.valid_loss:.3f}{asked}"

    def line(self) -> dict[str, Any]:
        """Return the line's fields."""
        return asdict(self)


def read_metrics(path: Path) -> tuple[list[dict[str, Any]], list[Evaluation]]:
    """Read a metrics.jsonl: the lines with the training loss, and the evaluations. Half a line at the end is left out.

    A file that is not there has none.
    """
    if not path.is_file():
        return [], []
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    lines = [json.loads(line) for line in whole]
    return [line for line in lines if "loss" in line], [Evaluation(**line) for line in lines if "valid_loss" in line]


def best_of(evaluations: Sequence[Evaluation], by: By) -> Evaluation:
    """Return the best of one or more evaluations; of equals the earliest."""

    def badness(evaluation: Evaluation) -> float:
        worth = -evaluation.right if by == "execution" else evaluation.valid_loss
        return math.inf if math.isnan(worth) else worth

    return min(evaluations, key=badness)


def should_stop(evaluations: Sequence[Evaluation], by: By, patience: int) -> bool:
    """Tell whether the last `patience` evaluations brought no better one; 0 never stops.

    >>> losses = [Evaluation(step, loss, None, 0, 1.0) for step, loss in ((1, 0.5), (2, 0.3), (3, 0.4), (4, 0.3))]
    >>> should_stop(losses, "loss", 2), should_stop(losses, "loss", 3), should_stop(losses[:3], "loss", 2)
    (True, False, False)
    """
    if not patience or not evaluations:
        return False
    return len(evaluations) - 1 - evaluations.index(best_of(evaluations, by)) >= patience


def learnt_by_heart(evaluations: Sequence[Evaluation], losses: Iterable[tuple[int, float]]) -> str:
    """Return a warning where the validation loss rises while the training loss falls; empty where it does not.

    `losses` are steps and training losses. Asked is whether each of the last RISES evaluations has a higher loss than
    the one before it, back to the best one or beyond, and the last a loss RISE times the best.
    """
    last = evaluations[-RISES - 1 :]
    if len(last) <= RISES or any(one.valid_loss >= other.valid_loss for one, other in itertools.pairwise(last)):
        return ""
    best, now = best_of(evaluations, "loss"), evaluations[-1]
    if not now.valid_loss >= RISE * best.valid_loss:
        return ""
    known = [(step, loss) for step, loss in losses if step <= now.step]
    before = [loss for step, loss in known if step <= best.step]
    since = [loss for step, loss in known if step > best.step]
    if not before or not since or sum(since) / len(since) >= sum(before) / len(before):
        return ""
    return (
        f"The validation loss has risen since step {best.step} ({best.valid_loss:.3f} -> {now.valid_loss:.3f}) while "
        "the training loss falls: the model begins to learn its pairs by heart. Fewer epochs, more pairs or a lower "
        'learning rate help. train.best = "loss" or "execution" keeps the best adapter, and train.early_stopping ends '
        "such a training."
    )
