"""Kept answers are used again for the very same thing only, and judged again where only the judging is another."""

import json
import os
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.evals import kept_answers
from sql_llama.evals.evaluate import Evaluated, evaluate
from sql_llama.evals.kept_answers import keys
from sql_llama.evals.questions.questions import Question, Questions

ANSWERS, VERDICTS = "answers", "verdicts"
NOTHING = ""


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("model", ANSWERS),
        ("beams", ANSWERS),
        ("question", ANSWERS),
        ("evidence", ANSWERS),
        ("database", ANSWERS),
        ("num_ctx", ANSWERS),
        ("predictions", ANSWERS),
        ("layout of prompts", ANSWERS),
        ("version of answers", ANSWERS),
        ("reference query", VERDICTS),
        ("variants", VERDICTS),
        ("version of the judge", VERDICTS),
        ("nothing", NOTHING),
    ],
)
def test_what_kept_answers_and_verdicts_depend_on(
    pets: Path, change: str, differs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, variants = Question("q0", "SELECT 1", pets), {pets: (pets,)}
    engine, beams, predictions = ScriptedEngine({}), 1, ["a"]
    before = keys([item], "m", engine, predictions, beams, variants)
    match change:
        case "model":
            engine = ScriptedEngine({}, name="other")
        case "beams":
            beams = 2
        case "question":
            item = Question("q1", "SELECT 1", pets)
        case "evidence":
            item = Question("q0", "SELECT 1", pets, evidence="e")
        case "database":
            os.utime(pets, ns=(1, 1))
        case "num_ctx":
            engine = ScriptedEngine({}, num_ctx=99)
        case "predictions":
            predictions = ["b"]
        case "layout of prompts":
            monkeypatch.setattr(kept_answers, "SAMPLE", kept_answers.SAMPLE[:1])
        case "version of answers":
            monkeypatch.setattr(kept_answers, "ANSWERS_VERSION", kept_answers.ANSWERS_VERSION + 1)
        case "reference query":
            item = Question("q0", "SELECT 2", pets)
        case "variants":
            variants[pets] = (pets, pets)
        case "version of the judge":
            monkeypatch.setattr(kept_answers, "JUDGE_VERSION", kept_answers.JUDGE_VERSION + 1)
    after = keys([item], "m", engine, predictions, beams, variants)
    assert (after.answers != before.answers) is (differs == ANSWERS)
    assert (after.verdicts != before.verdicts) is (differs == VERDICTS)


def scored(pets: Path, engine: ScriptedEngine, out: Path, gold: str = "SELECT count(*) FROM pets") -> Evaluated:
    items = (Question("How many pets?", gold, pets), Question("Which names?", "SELECT name FROM pets", pets))
    return evaluate(Questions(items, {}, (0, 1), 2), name="m", model="m.gguf", engine=engine, out=out)


def scripted() -> ScriptedEngine:
    return ScriptedEngine({"How many pets?": "SELECT 3", "Which names?": "SELECT nick FROM pets"})


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "m.jsonl").read_text().splitlines()]


def test_other_rules_of_the_judge_judge_again_and_ask_nobody(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(pets, scripted(), tmp_path)
    kept = lines(tmp_path)
    kept[0]["correct"] = False  # what an older judge said
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    engine = scripted()
    assert scored(pets, engine, tmp_path).score.execution_accuracy == 0  # verdicts are believed
    monkeypatch.setattr(kept_answers, "JUDGE_VERSION", kept_answers.JUDGE_VERSION + 1)
    assert scored(pets, engine, tmp_path).score.execution_accuracy == 0.5
    assert lines(tmp_path)[0]["correct"] is True and engine.chats == []


def test_another_reference_query_is_judged_by_and_nobody_is_asked(pets: Path, tmp_path: Path) -> None:
    scored(pets, scripted(), tmp_path)
    engine = scripted()
    result = scored(pets, engine, tmp_path, gold="SELECT 4")
    assert result.score.execution_accuracy == 0 and engine.chats == [] and result.aside is None
    assert lines(tmp_path)[0]["gold"] == "SELECT 4"


def test_grades_are_written_and_computed_anew_when_read(pets: Path, tmp_path: Path) -> None:
    before = scored(pets, scripted(), tmp_path)
    changed = [line | {"cause": "gone", "tree": 7, "hardness": "?"} for line in lines(tmp_path)]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
    engine = scripted()
    assert scored(pets, engine, tmp_path).rows == before.rows and engine.chats == []
    assert [line["cause"] for line in lines(tmp_path)] == ["", "invented column"]


def test_answers_of_before_there_were_versions_are_put_aside_and_asked_anew(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"question": "How many pets?", "correct": true}\n')
    (tmp_path / "m.state.json").write_text('{"key": "a hash of source files"}')
    engine = scripted()
    assert scored(pets, engine, tmp_path).aside == tmp_path / "m.1.jsonl" and len(engine.chats) == 2


def test_answers_of_a_later_version_are_an_error_and_stay(pets: Path, tmp_path: Path) -> None:
    scored(pets, scripted(), tmp_path)
    text = (tmp_path / "m.jsonl").read_text().replace('"version": 1}', '"version": 99}')
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"m\.jsonl: an answer of version 99, written by a later sql-llama"):
        scored(pets, scripted(), tmp_path)
    assert (tmp_path / "m.jsonl").read_text() == text


@pytest.mark.parametrize("line", ["{", "null", "[]", "{}", '{"question": 1}', '{"question": "How many pets?"}'])
def test_a_line_that_is_no_answer_ends_what_is_kept(pets: Path, tmp_path: Path, line: str) -> None:
    scored(pets, scripted(), tmp_path)
    first, _ = (tmp_path / "m.jsonl").read_text().splitlines()
    (tmp_path / "m.jsonl").write_text(f"{first}\n{line}\n")
    engine = scripted()
    scored(pets, engine, tmp_path)
    assert len(engine.chats) == 1 and len(lines(tmp_path)) == 2
