"""The gate of an export: the shipped file against its base and its training's start, with scripted answers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.files import sha256
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.core.settings import settings
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.evals import shipped as module
from sql_llama.evals.shipped import QUESTIONS, own_questions, shipped
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family
from sql_llama.models.folder import fingerprint


@pytest.fixture
def start(tiny_adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_adapter, tmp_path / "start"))


@pytest.fixture
def run(tiny_base: Path, start: Path, tmp_path: Path) -> Run:
    """A run that was trained from `start` and whose file is written."""
    made = create_run(
        tmp_path / "run", "tiny", f'name = "tiny"\n[base]\nmodel = "{tiny_base}"\n[train]\nstart = "{start}"\n'
    )
    shutil.copytree(start, made.adapter)
    made.finish("train", {"base": fingerprint(tiny_base), "start": sha256(start)}, [made.adapter], 1.0)
    made.gguf.mkdir()
    file = made.gguf / "tuned-F16.gguf"
    convert(tiny_base, file, family("chatml"), merge(tiny_base, start, merge_base="nf4"))
    made.finish("quantize F16", {"ground": "nf4 bfloat16"}, [file], 1.0)
    return made


@pytest.fixture
def answers(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let base, start and tuned know the answers to so many of the questions; gives the files that were asked."""

    def given(**right: int) -> list[str]:
        items = own_questions(run, QUESTIONS).items
        asked: list[str] = []

        class Engine(ScriptedEngine):
            def __init__(self, path: Path) -> None:
                who = path.stem.split("-")[0]
                self.who = who if who in ("tuned", "start") else "base"
                known = {item.question: item.gold for item in items[: right[self.who]]}
                super().__init__(known, name=f"{self.who} {right[self.who]}")

            def stream(self, *arguments: Any, **more: Any) -> Any:
                asked.append(self.who)
                return super().stream(*arguments, **more)

        monkeypatch.setattr(module, "load_llamacpp", Engine)
        return asked

    return given


def test_it_is_compared_with_its_base_and_with_what_it_was_trained_from(
    run: Run, answers: Callable[..., list[str]]
) -> None:
    answers(base=0, start=17, tuned=16)
    verdict = shipped(run, run.gguf / "tuned-F16.gguf")
    assert verdict.lines == (
        "pass base: 16 of 24 right, the base 0 (16 gained, 0 lost, +66.7 points): the difference is more than chance"
        " (p < 0.0001)",
        "pass start: 16 of 24 right, the start 17 (0 gained, 1 lost, -4.2 points): the loss may be chance (p = 0.5)",
    )
    report = json.loads((run.path / "evals" / "report.json").read_text())
    assert [check["against"] for check in report["gate"]["checks"]] == ["base", "start"]
    assert [model["name"] for model in report["models"]] == ["smol-F16", "start-nf4-F16", "tuned-F16"]


def test_questions_about_the_users_own_database_are_a_group_of_their_own(
    run: Run, answers: Callable[..., list[str]], pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.path / "data").mkdir()
    lines = [
        {"question": f"Over {n}?", "sql": f"SELECT name FROM pets WHERE id > {n}", "db": pets.name} for n in range(3)
    ]
    (run.path / "data" / "held_out.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe, _ = read_recipe(str(run.recipe_path))
    data = recipe.data.model_copy(update={"db": str(pets)})
    monkeypatch.setattr(module, "read_recipe", lambda path: (recipe.model_copy(update={"data": data}), ""))
    answers(base=0, start=17, tuned=24)
    assert shipped(run, run.gguf / "tuned-F16.gguf").groups == (
        "your pairs: 0 of 3 right, the start 0 (0 gained, 0 lost), the base 0 (0 gained, 0 lost)",
        "other databases: 24 of 24 right, the start 17 (7 gained, 0 lost), the base 0 (24 gained, 0 lost)",
    )


def test_worse_than_the_start_beyond_luck_does_not_ship(run: Run, answers: Callable[..., list[str]]) -> None:
    answers(base=0, start=17, tuned=12)
    with pytest.raises(SqlLlamaError) as caught:
        shipped(run, run.gguf / "tuned-F16.gguf")
    assert caught.value.message == (
        f"{run.gguf / 'tuned-F16.gguf'}: worse than the model that training started from: 12 of 24 right, the start 17"
        " (0 gained, 5 lost, -20.8 points): the loss is more than chance (p = 0.031)"
    )
    assert "--no-gate" in caught.value.fix and "learning_rate" in caught.value.fix


def test_answers_of_base_and_start_are_kept_for_the_next_export(run: Run, answers: Callable[..., list[str]]) -> None:
    asked = answers(base=0, start=17, tuned=17)
    shipped(run, run.gguf / "tuned-F16.gguf")
    assert sorted(set(asked)) == ["base", "start", "tuned"] and len(asked) == 3 * QUESTIONS
    made = {path: path.stat().st_mtime_ns for path in settings().cache.glob("twins/*/*.gguf")}
    shutil.rmtree(run.path / "evals")
    del asked[:]
    shipped(run, run.gguf / "tuned-F16.gguf")
    assert set(asked) == {"tuned"}
    assert {path: path.stat().st_mtime_ns for path in settings().cache.glob("twins/*/*.gguf")} == made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda start: shutil.rmtree(start), "gone since the training"),
        (lambda start: (start / "README.md").write_text("another"), "has changed since the training"),
    ],
)
def test_a_start_that_is_gone_or_changed_is_said_and_the_base_still_counts(
    change: Callable[[Path], object], says: str, run: Run, start: Path, answers: Callable[..., list[str]]
) -> None:
    change(start)
    answers(base=0, tuned=16)
    lines = shipped(run, run.gguf / "tuned-F16.gguf").lines
    assert len(lines) == 2 and lines[0].startswith("pass base: 16 of 24 right, the base 0")
    assert lines[1] == f"skipped start: {start}: {says}, so the file is compared with its base only"
    answers(base=16, tuned=16)
    with pytest.raises(SqlLlamaError, match="not better than its base"):
        shipped(run, run.gguf / "tuned-F16.gguf")


def test_an_adapter_that_no_run_trained_has_no_start(run: Run, answers: Callable[..., list[str]]) -> None:
    run.forget("train")
    answers(base=0, tuned=16)
    assert [line.split(":")[0] for line in shipped(run, run.gguf / "tuned-F16.gguf").lines] == ["pass base"]


def test_a_training_from_the_bare_base_has_no_other_start(run: Run, answers: Callable[..., list[str]]) -> None:
    text = run.recipe_path.read_text()
    run.recipe_path.write_text(text[: text.index("start = ")] + 'start = "base"\n')
    answers(base=0, tuned=16)
    assert [line.split(":")[0] for line in shipped(run, run.gguf / "tuned-F16.gguf").lines] == ["pass base"]
