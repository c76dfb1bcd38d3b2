"""Scores by running: what counts as right, what is kept, and how a killed evaluation goes on."""

import doctest
import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sql_llama.cli.eval import command
from sql_llama.core.errors import DataError
from sql_llama.core.records import Score
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.evals import evaluate as module
from sql_llama.evals import judge as judging
from sql_llama.evals.evaluate import evaluate
from sql_llama.evals.judge import judge
from sql_llama.evals.questions import Question, Questions
from sql_llama.export.convert import convert
from sql_llama.modelfiles.templates import family

CASES = [  # question, gold, what the model says, valid, correct
    ("q0", "SELECT count(*) FROM pets", "SELECT count(*) FROM pets;", True, True),
    ("q1", "SELECT name FROM pets ORDER BY weight", "SELECT name FROM pets ORDER BY name", True, False),
    ("q2", "SELECT name FROM pets", "Sure:\n```sql\nSELECT name FROM pets ORDER BY id DESC\n```", True, True),
    ("q3", "SELECT name FROM pets", "SELECT colour FROM pets", False, False),
    ("q4", "SELECT name FROM pets", "", False, False),
    ("q5", "SELECT name FROM pets", "DELETE FROM pets", False, False),
    ("q6", "SELECT name, kind FROM pets", "SELECT kind, name FROM pets", True, False),
    ("q7", "SELECT colour FROM pets", "SELECT name FROM pets", True, False),
]


def found(pets: Path) -> Questions:
    items = tuple(Question(question, gold, pets) for question, gold, *_ in CASES)
    return Questions(items, {}, tuple(range(len(items))), len(items))


def scripted() -> ScriptedEngine:
    return ScriptedEngine({question: said for question, _, said, *_ in CASES})


def score(pets: Path, engine: ScriptedEngine, out: Path | None = None) -> Score:
    return evaluate(found(pets), name="m", model="m.gguf", engine=engine, out=out).score


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "m.jsonl").read_text().splitlines()]


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_right_is_what_returns_the_golds_rows(pets: Path, tmp_path: Path) -> None:
    result = score(pets, scripted(), tmp_path / "out")
    kept = lines(tmp_path / "out")
    assert [(row["valid"], row["correct"]) for row in kept] == [(valid, right) for *_, valid, right in CASES]
    assert [row["question"] for row in kept] == [case[0] for case in CASES]
    assert kept[2]["sql"] == "SELECT name FROM pets ORDER BY id DESC" and kept[2]["raw"] == CASES[2][2]
    assert result.n == 8 and result.execution_accuracy == 2 / 8 and result.valid_sql == 5 / 8
    assert result.exact_match == 1 / 8 and result.extra["gold_failed"] == 1
    low, high = result.extra["interval"]
    assert 0 < low < 0.25 < high < 1


def test_gold_as_predictions_is_all_right(pets: Path) -> None:
    good = Questions(found(pets).items[:7], {}, tuple(range(7)), 7)
    golds = [item.gold for item in good.items]
    result = evaluate(good, name="gold", model="gold", predictions=golds).score
    assert (result.execution_accuracy, result.valid_sql, result.exact_match) == (1, 1, 1)


def test_a_killed_run_goes_on_where_it_was(pets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = score(pets, scripted(), out)
    text = (out / "m.jsonl").read_text()
    cut = text.splitlines(keepends=True)
    (out / "m.jsonl").write_text("".join(cut[:3]) + cut[3][:20])
    again = scripted()
    resumed = score(pets, again, out)
    assert len(again.asked) == 5
    assert [row["correct"] for row in lines(out)] == [case[4] for case in CASES]
    assert resumed.execution_accuracy == whole.execution_accuracy
    done = scripted()
    assert score(pets, done, out).seconds > 0 and done.asked == []


def test_other_questions_start_anew(pets: Path, tmp_path: Path) -> None:
    score(pets, scripted(), tmp_path)
    fewer = Questions(found(pets).items[1:], {}, tuple(range(7)), 7)
    engine = scripted()
    evaluate(fewer, name="m", model="m.gguf", engine=engine, out=tmp_path)
    assert len(engine.asked) == 7 and len(lines(tmp_path)) == 7


def test_a_prompt_that_cannot_fit_is_an_empty_answer(pets: Path, tmp_path: Path) -> None:
    engine = ScriptedEngine({}, num_ctx=10)
    assert score(pets, engine, tmp_path).valid_sql == 0
    assert engine.asked == [] and lines(tmp_path)[0]["raw"] == ""


def test_a_judge_that_dies_is_replaced(pets: Path) -> None:
    import multiprocessing

    with judge() as judged:
        assert judged(pets, "SELECT 1", "SELECT 1").correct
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        said = judged(pets, "SELECT 1", "SELECT 1")
        assert not said.valid and "crashed" in said.error
        assert judged(pets, "SELECT 1", "SELECT 1.0").correct
    assert multiprocessing.active_children() == []


def test_a_query_that_hangs_is_ended(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "TIMEOUT", 0.0)
    monkeypatch.setattr(judging, "GRACE", 0.5)
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    with judge() as judged:
        assert judged(pets, "SELECT 1", forever).error == "did not stop in time"


@pytest.fixture
def files(pets: Path, tmp_path: Path) -> tuple[Path, Path]:
    database = tmp_path / "db" / "pets" / "pets.sqlite"
    database.parent.mkdir(parents=True)
    database.write_bytes(pets.read_bytes())
    rows = [{"question": case[0], "query": case[1], "db_id": "pets"} for case in CASES[:3]]
    (tmp_path / "dev.json").write_text(json.dumps(rows))
    return tmp_path / "dev.json", tmp_path / "db"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_command_prints_one_object_for_models_and_predictions(
    files: tuple[Path, Path], tmp_path: Path, tiny_base: Path
) -> None:
    model = convert(tiny_base, tmp_path / "tiny.gguf", family("chatml"))
    predictions = tmp_path / "p.jsonl"
    predictions.write_text("\n".join(json.dumps({"sql": case[2].strip(";")}) for case in CASES[:3]))
    out = tmp_path / "out"
    common = ("--questions", files[0], "--databases", files[1])
    result = invoke(*common, "--model", model, "--predictions", predictions, "--out", out, "--json")
    assert result.exit_code == 0, result.exception
    said = json.loads(result.stdout)["models"]
    assert [(one["model"], one["n"]) for one in said] == [(str(model), 3), (str(predictions), 3)]
    wanted = {"model", "n", "execution_accuracy", "valid_sql", "exact_match", "seconds", "interval"}
    assert all(wanted <= set(one) for one in said)
    assert said[1]["execution_accuracy"] == pytest.approx(1 / 3)
    assert sorted(path.name for path in out.glob("*.jsonl")) == ["p.jsonl", "tiny.jsonl"]
    keys = list(json.loads((out / "tiny.jsonl").read_text().splitlines()[0]))
    assert keys[:6] == ["question", "gold", "raw", "sql", "valid", "correct"]
    table = invoke(*common, "--predictions", predictions)
    assert table.exit_code == 0 and "33.3%" in table.stdout


def test_wrong_usage_and_missing_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    common = ("--questions", files[0], "--databases", files[1])
    out = tmp_path / "out"
    assert invoke(*common).exit_code == 2
    for wrong in (
        (*common, "--model", tmp_path / "gone.gguf", "--out", out),
        (*common, "--model", files[0], "--out", out),
        (*common, "--predictions", tmp_path / "gone.jsonl", "--out", out),
        ("--questions", tmp_path / "gone", "--databases", files[1], "--model", "x", "--out", out),
        ("--questions", files[0], "--databases", tmp_path / "gone", "--model", "x", "--out", out),
    ):
        result = invoke(*wrong)
        assert isinstance(result.exception, DataError)
        assert not out.exists()
