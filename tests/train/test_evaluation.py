"""What is decided from evaluations: the best, the end, and the warning."""

import doctest
import json
from pathlib import Path

import pytest
from sql_llama.train import evaluation as module
from sql_llama.train.evaluation import Evaluation, best_of, learnt_by_heart, read_metrics, should_stop


def evaluations(*losses: float, right: tuple[int, ...] = ()) -> list[Evaluation]:
    """One every ten steps; `right` of ten questions."""
    shares = [number / 10 for number in right] or [None] * len(losses)
    return [
        Evaluation(10 * place, loss, share, 10 if right else 0, 1.0)
        for place, (loss, share) in enumerate(zip(losses, shares, strict=True), 1)
    ]


def falling(until: int) -> list[tuple[int, float]]:
    return [(step, 1 / step) for step in range(1, until + 1)]


def test_the_examples_in_the_module() -> None:
    assert doctest.testmod(module).failed == 0


def test_of_equals_the_earliest_is_the_best_and_a_loss_that_is_no_number_never() -> None:
    assert best_of(evaluations(0.5, 0.3, 0.3, 0.4), "loss").step == 20
    assert best_of(evaluations(0.5, 0.3, 0.2, right=(3, 7, 7)), "execution").step == 20
    assert best_of(evaluations(float("nan"), 0.3), "loss").step == 20


def test_training_ends_when_patience_does() -> None:
    losses = evaluations(0.5, 0.3, 0.31, 0.32, 0.2)
    assert [should_stop(losses[:end], "loss", 2) for end in range(6)] == [False, False, False, False, True, False]
    assert not should_stop(losses[:4], "loss", 0)
    answers = evaluations(0.5, 0.4, 0.3, right=(5, 5, 4))
    assert should_stop(answers, "execution", 2) and not should_stop(answers, "loss", 2)


def test_the_warning_names_the_step_and_both_losses() -> None:
    warning = learnt_by_heart(evaluations(0.4, 0.31, 0.33, 0.36), falling(40))
    assert "has risen since step 20 (0.310 -> 0.360)" in warning and "train.best" in warning


@pytest.mark.parametrize(
    ("losses", "training"),
    [
        ((0.31, 0.36), falling(20)),  # one rise alone
        ((0.31, 0.36, 0.35), falling(30)),
        ((0.5, 0.4, 0.3), falling(30)),
        ((0.310, 0.311, 0.312), falling(30)),  # hardly
        ((0.2, 0.5, 0.4, 0.3, 0.31), falling(50)),
        ((0.31, 0.33, 0.36), [(step, float(step)) for step in range(1, 31)]),  # the training loss rises too
        ((0.31, 0.33, 0.36), []),
    ],
)
def test_no_warning(losses: tuple[float, ...], training: list[tuple[int, float]]) -> None:
    assert learnt_by_heart(evaluations(*losses), training) == ""


def test_lines_of_both_kinds_are_read_and_half_a_line_is_not(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path) == ([], [])
    (one,) = evaluations(0.25, right=(7,))
    path.write_text(f'{{"step": 10, "loss": 0.5}}\n{json.dumps(one.line())}\n{{"step": 20, "lo')
    assert read_metrics(path) == ([{"step": 10, "loss": 0.5}], [one])
    assert one.right == 7 and one.said == "validation loss 0.250, 7 of 10 right"
    assert set(one.line()) == {"step", "valid_loss", "execution_accuracy", "n", "seconds"}
