"""Scores by running: what counts as right, what is kept, and how a killed evaluation goes on."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.records import Score
from sql_llama.engines.scripted import ScriptedEngine
from sql_llama.evals.evaluate import aligned, evaluate
from sql_llama.evals.questions.questions import Question, Questions

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


def eight_questions(pets: Path) -> Questions:
    items = tuple(Question(question, gold, pets) for question, gold, *_ in CASES)
    return Questions(items, {}, tuple(range(len(items))), len(items))


def scripted() -> ScriptedEngine:
    return ScriptedEngine({question: said for question, _, said, *_ in CASES})


def score(pets: Path, engine: ScriptedEngine, out: Path | None = None) -> Score:
    return evaluate(eight_questions(pets), name="m", model="m.gguf", engine=engine, out=out).score


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "m.jsonl").read_text().splitlines()]


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
    good = Questions(eight_questions(pets).items[:7], {}, tuple(range(7)), 7)
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
    assert len(again.chats) == 5
    assert [row["correct"] for row in lines(out)] == [case[4] for case in CASES]
    assert resumed.execution_accuracy == whole.execution_accuracy
    done = scripted()
    assert score(pets, done, out).seconds > 0 and done.chats == []


def test_other_questions_start_anew(pets: Path, tmp_path: Path) -> None:
    score(pets, scripted(), tmp_path)
    fewer = Questions(eight_questions(pets).items[1:], {}, tuple(range(7)), 7)
    engine = scripted()
    evaluate(fewer, name="m", model="m.gguf", engine=engine, out=tmp_path)
    assert len(engine.chats) == 7 and len(lines(tmp_path)) == 7


def test_a_prompt_that_cannot_fit_is_an_empty_answer(pets: Path, tmp_path: Path) -> None:
    engine = ScriptedEngine({}, num_ctx=10)
    assert score(pets, engine, tmp_path).valid_sql == 0
    assert engine.chats == [] and lines(tmp_path)[0]["raw"] == ""


def test_a_process_that_cannot_start_is_an_error_and_no_wrong_answer(pets: Path) -> None:
    script = f"""
from pathlib import Path
from sql_llama.core.errors import SqlLlamaError
from sql_llama.evals.evaluate import evaluate
from sql_llama.evals.judge.judge import judge
from sql_llama.evals.questions.questions import Question, Questions
pets = Path({str(pets)!r})
asked = Questions((Question("q", "SELECT 1", pets),), {{}}, (0,), 1)
try:
    evaluate(asked, name="m", model="m", predictions=["SELECT 1"])
except SqlLlamaError as error:
    print(error)
try:
    with judge() as ask:
        ask(pets, "SELECT 1", "SELECT 1")
except SqlLlamaError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=60)
    first, second = done.stdout.splitlines()
    assert first == second and first.startswith("the process that runs the queries did not start (call it from a")


def test_other_answers_of_the_same_name_are_put_aside(pets: Path, tmp_path: Path) -> None:
    one, other = scripted(), ScriptedEngine({}, name="other")
    first = evaluate(eight_questions(pets), name="m", model="a/m.gguf", engine=one, out=tmp_path)
    text = (tmp_path / "m.jsonl").read_text()
    for number in (1, 2):
        engine = (other, one)[number - 1]
        done = evaluate(eight_questions(pets), name="m", model="b/m.gguf", engine=engine, out=tmp_path)
        assert done.aside == tmp_path / f"m.{number}.jsonl" and len(lines(tmp_path)) == len(CASES)
    assert first.aside is None and (tmp_path / "m.1.jsonl").read_text() == text
    assert {json.loads(line)["raw"] for line in (tmp_path / "m.2.jsonl").read_text().splitlines()} == {"I do not know."}


def test_an_answer_with_a_line_break_of_unicode_is_kept(pets: Path, tmp_path: Path) -> None:
    says = {case[0]: f"SELECT 'a\u2028b\x85{case[0]}'" for case in CASES}
    for asked in (len(CASES), 0):
        engine = ScriptedEngine(says)
        evaluate(eight_questions(pets), name="m", model="m", engine=engine, out=tmp_path)
        assert len(engine.chats) == asked


ATTACKS = [
    "",
    ";",
    "I do not know.",
    "SELECT " + "a, " * 3000,
    "SELECT 1; DROP TABLE pets",
    "DELETE FROM pets",
    "ATTACH 'stolen.sqlite' AS s",
    "SELECT load_extension('evil')",
    "SELECT zeroblob(2000000000)",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT 'a\x00b'",
]


def test_hostile_answers_count_as_wrong_and_change_nothing(pets: Path, tmp_path: Path) -> None:
    before = pets.read_bytes()
    golds = [*["SELECT name FROM pets"] * len(ATTACKS), "SELECT name FROM pets", "SELECT gone FROM pets", ""]
    items = tuple(Question(f"q{place}", gold, pets) for place, gold in enumerate(golds))
    asked = Questions(items, {"elsewhere": 3}, tuple(range(len(items))), len(items))
    said = [*ATTACKS, "SELECT name FROM pets", "SELECT name FROM pets", "SELECT name FROM pets"]
    done = evaluate(asked, name="m", model="m", predictions=said, out=tmp_path / "out", variants={pets: (pets,)}).score
    assert done.n == len(said) and done.execution_accuracy == 1 / len(said) and done.valid_sql == 3 / len(said)
    assert done.extra["gold_failed"] == 2 and done.extra["missing"] == {"elsewhere": 3}
    assert pets.read_bytes() == before and sorted(path.name for path in tmp_path.iterdir()) == [
        "home",
        "out",
        "pets.sqlite",
    ]


def test_an_endless_answer_is_cut_by_the_limit(pets: Path, tmp_path: Path) -> None:
    endless = {case[0]: "SELECT name, " * 5000 for case in CASES}
    result = score(pets, ScriptedEngine(endless), tmp_path)
    assert result.valid_sql == 0 and {row["tokens"] for row in lines(tmp_path)} == {256}


def broken_later(pets: Path, tmp_path: Path, count: int = 3) -> tuple[Questions, Path]:
    """Questions about two databases in turn, the second of which breaks after it was found to be good."""
    other = tmp_path / "other" / "second.sqlite"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(pets.read_bytes())
    items = tuple(Question(f"q{n}", "SELECT name FROM pets", (pets, other)[n % 2]) for n in range(2 * count))
    return Questions(items, {}, tuple(range(len(items))), len(items)), other


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("how", ["gone", "overwritten"])
def test_a_database_that_breaks_after_all_is_counted_and_the_rest_is_scored(
    pets: Path, tmp_path: Path, how: str, asks: bool
) -> None:
    asked, other = broken_later(pets, tmp_path)
    other.unlink()
    if how == "overwritten":
        other.write_bytes(b"no database")
    engine = ScriptedEngine({f"q{n}": "SELECT name FROM pets" for n in range(6)})
    given = {"engine": engine} if asks else {"predictions": ["SELECT name FROM pets"] * 6}
    done = evaluate(asked, name="m", model="m", out=tmp_path / "out", **given)  # type: ignore[arg-type]
    assert (done.score.n, done.score.execution_accuracy) == (3, 1.0) and sorted(done.unread) == [1, 3, 5]
    lost = done.score.extra["unreadable"]["second"]
    assert lost["questions"] == 3 and ("no such database" if how == "gone" else "not a SQLite") in lost["reason"]
    assert len(engine.chats) == (3 if asks else 0)


def test_what_could_not_be_judged_is_judged_when_the_database_is_back(pets: Path, tmp_path: Path) -> None:
    asked, other = broken_later(pets, tmp_path)
    given = {"name": "m", "model": "m", "predictions": ["SELECT name FROM pets"] * 6, "out": tmp_path / "out"}
    with contextlib.closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        first = evaluate(asked, **given)  # type: ignore[arg-type]
    assert first.score.n == 3 and "locked" in first.score.extra["unreadable"]["second"]["reason"]
    again = evaluate(asked, **given)  # type: ignore[arg-type]
    assert (again.score.n, again.score.execution_accuracy, again.unread) == (6, 1.0, {})


def test_questions_that_one_model_could_not_be_judged_on_are_left_out_of_all(pets: Path, tmp_path: Path) -> None:
    asked, other = broken_later(pets, tmp_path)
    good = evaluate(asked, name="a", model="a", predictions=["SELECT name FROM pets"] * 6)
    other.unlink()
    less = evaluate(asked, name="b", model="b", predictions=["SELECT 1"] * 6)
    one, two = aligned([good, less], asked)
    assert [row.question for row in one.rows] == [row.question for row in two.rows] == ["q0", "q2", "q4"]
    assert (one.score.n, one.score.execution_accuracy, two.score.execution_accuracy) == (3, 1.0, 0.0)
    assert one.score.extra["unreadable"] == two.score.extra["unreadable"]


def test_when_all_of_them_break_that_is_the_error(pets: Path) -> None:
    questions = eight_questions(pets)
    pets.unlink()
    with pytest.raises(DataError, match="none of its databases can be read"):
        evaluate(questions, name="m", model="m", predictions=["SELECT 1"] * len(CASES))


def test_evidence_is_asked_with_the_question_and_kept_apart(pets: Path, tmp_path: Path) -> None:
    item = Question("How many are heavy?", "SELECT count(*) FROM pets WHERE weight > 9", pets, "", "heavy: weight > 9")
    engine = ScriptedEngine({item.full_question: item.gold})
    asked = Questions((item,), {}, (0,), 1)
    done = evaluate(asked, name="m", model="m", engine=engine, out=tmp_path)
    assert done.score.execution_accuracy == 1 and "How many are heavy? heavy: weight > 9" in engine.chats[0][-1].content
    assert (lines(tmp_path)[0]["question"], lines(tmp_path)[0]["evidence"]) == (item.question, item.evidence)


def test_predictions_are_judged_as_the_query_in_their_fence(pets: Path, tmp_path: Path) -> None:
    said = f"```sql\n{CASES[0][1]}\n```"
    asked = Questions(eight_questions(pets).items[:1], {}, (0,), 1)
    assert evaluate(asked, name="m", model="m", predictions=[said], out=tmp_path).score.execution_accuracy == 1
    assert (lines(tmp_path)[0]["raw"], lines(tmp_path)[0]["sql"]) == (said, CASES[0][1])


def test_several_beams_of_what_gives_one_answer_are_refused(pets: Path) -> None:
    for engine, predictions in ((scripted(), None), (None, ["SELECT 1"] * len(CASES))):
        with pytest.raises(RecipeError, match="m: gives one answer only"):
            evaluate(eight_questions(pets), name="m", model="m", engine=engine, predictions=predictions, beams=2)
