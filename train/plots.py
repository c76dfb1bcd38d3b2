"""Drawings of a training: the losses, and the share of right answers, over the steps."""

from pathlib import Path
from typing import Any

from ..core.wilson import wilson
from .evaluation import read_metrics


def draw_loss(metrics: Path, path: Path, title: str) -> None:
    """Draw the losses of a metrics.jsonl over the steps, as SVG."""
    lines, evaluations = read_metrics(metrics)
    figure, axes = _axes(title, "loss of the answer tokens", (7, 3.5))
    axes.plot([line["step"] for line in lines], [line["loss"] for line in lines], label="training")
    axes.set_yscale("log")
    if evaluations:
        axes.plot([e.step for e in evaluations], [e.valid_loss for e in evaluations], marker="o", label="validation")
        axes.legend()
    _save(figure, path)


def draw_accuracy(metrics: Path, path: Path, title: str) -> None:
    """Draw the share of right answers in the evaluations of a metrics.jsonl, with 95 % intervals, as SVG."""
    asked = [evaluation for evaluation in read_metrics(metrics)[1] if evaluation.n]
    figure, axes = _axes(title, "right answers, %", (7, 2.5))
    shares = [100 * evaluation.right / evaluation.n for evaluation in asked]
    bounds = [wilson(evaluation.right, evaluation.n) for evaluation in asked]
    below = [max(0.0, share - 100 * low) for share, (low, _) in zip(shares, bounds, strict=True)]
    above = [max(0.0, 100 * high - share) for share, (_, high) in zip(shares, bounds, strict=True)]
    axes.errorbar([evaluation.step for evaluation in asked], shares, (below, above), marker="o", capsize=3)
    axes.set_ylim(0, 100)
    _save(figure, path)


def _axes(title: str, wanted: str, size: tuple[float, float]) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=size, layout="constrained")
    axes.set(xlabel="step", ylabel=wanted, title=title)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.savefig(path, format="svg")
    pyplot.close(figure)
