"""Which file ships, from what was measured of each: what the files answer is made up here, the decision is real."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sql_llama.core.run import Run, create_run
from sql_llama.evals import pick
from sql_llama.evals.pick import FAR, pick_adapter, pick_merge_base, pick_quant
from sql_llama.export.certificate.divergence import Divergence
from sql_llama.export.certificate.reference import Reference

SIZES = {"Q3_K_M": 3, "Q4_K_M": 4, "Q8_0": 8}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "run", "tiny", 'name = "tiny"\n')


def files(run: Run, sizes: Mapping[str, int]) -> dict[str, Path]:
    """A file for each label, as large as it says."""
    run.gguf.mkdir()
    for label, size in sizes.items():
        (run.gguf / f"{label}.gguf").write_bytes(bytes(size))
    return {label: run.gguf / f"{label}.gguf" for label in sizes}


def measured(monkeypatch: pytest.MonkeyPatch, right: Mapping[str, int], of: int) -> list[str]:
    """Of `of` questions each file answers the first few right; returns the labels of the evaluated files in order."""
    order: list[str] = []

    def evaluated(questions: Any, path: Path, out: Path, *, name: str, title: str) -> Any:
        order.append(path.stem)
        return SimpleNamespace(rows=[SimpleNamespace(correct=number < right[path.stem]) for number in range(of)])

    monkeypatch.setattr(pick, "evaluated_file", evaluated)
    monkeypatch.setattr(pick, "own_questions", lambda run, count: SimpleNamespace(items=range(of)))
    monkeypatch.setattr(pick, "with_yours", lambda questions, run: questions)
    return order


@pytest.mark.parametrize(
    ("kl", "right", "picked", "evaluated"),
    [
        ({"Q3_K_M": 0.01, "Q4_K_M": 0.01, "Q8_0": 0.0}, {"Q3_K_M": 99, "Q4_K_M": 99, "Q8_0": 100}, "Q3_K_M", 2),
        ({"Q3_K_M": 0.03, "Q4_K_M": FAR, "Q8_0": 0.0}, {"Q3_K_M": 100, "Q4_K_M": 98, "Q8_0": 100}, "Q4_K_M", 2),
        ({"Q3_K_M": 0.01, "Q4_K_M": 0.01, "Q8_0": 0.0}, {"Q3_K_M": 97, "Q4_K_M": 98, "Q8_0": 100}, "Q4_K_M", 3),
        ({"Q3_K_M": 0.01, "Q4_K_M": 0.01, "Q8_0": 0.0}, {"Q3_K_M": 97, "Q4_K_M": 97, "Q8_0": 100}, "Q8_0", 3),
        ({"Q3_K_M": float("nan"), "Q4_K_M": 0.03, "Q8_0": 0.0}, {"Q3_K_M": 100, "Q4_K_M": 100, "Q8_0": 9}, "Q8_0", 1),
    ],
)
def test_the_smallest_type_ships_that_is_near_and_loses_at_most_two_points(
    kl: dict[str, float], right: dict[str, int], picked: str, evaluated: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = measured(monkeypatch, right, of=100)
    near = {label: Divergence(value, 0.0, 1.0, 1.0, 1.0, 1) for label, value in kl.items()}
    monkeypatch.setattr(pick, "divergence_of_file", lambda reference, path: near[path.stem])
    picked_file = pick_quant(run, files(run, SIZES), cast(Reference, None))
    assert picked_file.label == picked and picked_file.said.startswith(f"{picked}: ")
    assert order[0] == "Q8_0" and len(order) == evaluated  # the largest is what the others are held against
    kept = json.loads((run.path / "evals" / "quant.json").read_text())
    assert [candidate["label"] for candidate in kept["candidates"]] == ["Q3_K_M", "Q4_K_M", "Q8_0"]


@pytest.mark.parametrize(
    ("right", "picked", "why"),
    [
        ({"nf4": 20, "base": 8}, "nf4", "the gain is more than chance"),
        ({"nf4": 8, "base": 20}, "base", "the gain is more than chance"),
        ({"nf4": 19, "base": 20}, "nf4", "may be chance"),
        ({"nf4": 20, "base": 20}, "nf4", "may be chance"),
    ],
)
def test_right_answers_choose_the_merge_base_and_training_does_where_they_do_not_show_a_difference(
    right: dict[str, int], picked: str, why: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, right, of=24)
    picked_file = pick_merge_base(run, files(run, {"nf4": 5, "base": 5}))
    assert picked_file.label == picked and why in picked_file.said
    assert json.loads((run.path / "evals" / "ground.json").read_text())["label"] == picked


@pytest.mark.parametrize(
    ("right", "picked", "why"),
    [
        ({"step-20": 50, "step-30": 30, "step-40": 30}, "step-20", "50 of 60 answers are right, 20 gained and 0 lost"),
        ({"step-20": 31, "step-30": 33, "step-40": 32}, "step-30", "; the difference may be chance"),
        ({"step-20": 33, "step-30": 33, "step-40": 33}, "step-40", "33 of 60 answers are right"),
        ({"step-20": 33, "step-30": 33, "step-40": 32}, "step-30", "1 gained and 0 lost against step-40"),
        ({"step-20": 0, "step-30": 0, "step-40": 0}, "step-40", "0 of 60"),
    ],
)
def test_the_checkpoint_with_the_most_right_answers_ships_and_of_equals_the_latest(
    right: dict[str, int], picked: str, why: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = measured(monkeypatch, right, of=60)
    picked_file = pick_adapter(run, files(run, dict.fromkeys(right, 5)))
    assert picked_file.label == picked and why in picked_file.said
    assert order == list(right)
    assert json.loads((run.path / "evals" / "adapter.json").read_text())["label"] == picked
