"""`sql-llama eval`: what it prints, what it writes, when it fails, and how it goes on after it was killed."""

import doctest
import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sql_llama.cli.eval import command
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.evals import evaluate_models
from sql_llama.evals.evaluate_models import model_names
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family

GOLDS = ["SELECT count(*) FROM pets", "SELECT name FROM pets WHERE id = {}", "SELECT kind FROM pets WHERE weight > {}"]
COUNT = 30


@pytest.fixture
def questions(pets: Path, tmp_path: Path) -> Path:
    """Spider's layout: 30 questions about pets, one about a database that is not there; `databases` beside it."""
    database = tmp_path / "databases" / "pets" / "pets.sqlite"
    database.parent.mkdir(parents=True)
    database.write_bytes(pets.read_bytes())
    rows = [{"question": f"q{n}", "query": GOLDS[n % 3].format(n % 4), "db_id": "pets"} for n in range(COUNT)]
    rows.insert(5, {"question": "lost", "query": "SELECT 1", "db_id": "gone"})
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture(scope="module")
def tiny(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


def said(path: Path, questions: Path, right: int, *, cut: int = 0, wrong: str = "SELECT 'no'") -> Path:
    """Predictions of which the first `right` of those that can be asked are the golds."""
    rows = json.loads(questions.read_text())
    good = [row["question"] for row in rows if row["db_id"] == "pets"][:right]
    lines = [{"sql": row["query"] if row["question"] in good else wrong} for row in rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(map(json.dumps, lines[: cut or None])))
    return path


def invoke(questions: Path, *arguments: object) -> Result:
    common = ["--questions", questions, "--databases", questions.parent / "databases"]
    return CliRunner(env={"COLUMNS": "150"}).invoke(command, [str(one) for one in [*common, *arguments]])


def models(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)["models"]
    return found


def test_examples() -> None:
    assert doctest.testmod(evaluate_models).failed == 0


def test_json_has_all_that_a_script_reads(questions: Path, tiny: Path, tmp_path: Path) -> None:
    predictions = said(tmp_path / "p.jsonl", questions, 1)
    result = invoke(questions, "--model", tiny, "--predictions", predictions, "--limit", 2, "--json")
    assert result.exit_code == 0, result.exception
    model, given = models(result)
    assert [(one["name"], one["model"], one["n"]) for one in (model, given)] == [
        ("tiny", str(tiny), 2),
        ("p", str(predictions), 2),
    ]
    wanted = "name model n execution_accuracy valid_sql exact_match seconds interval intervals lenient normalised"
    wanted += " component tree overlap columns_overlap efficiency missing gold_failed memory"
    assert set(wanted.split()) <= set(model) & set(given) and "extra" not in model
    assert (given["execution_accuracy"], given["exact_match"], given["valid_sql"]) == (0.5, 0.5, 1)
    low, high = given["interval"]
    assert 0 < low < 0.5 < high < 1 and given["intervals"]["execution_accuracy"] == [low, high]


def test_missing_databases_are_listed_everywhere(questions: Path, tmp_path: Path) -> None:
    predictions, out = said(tmp_path / "p.jsonl", questions, COUNT), tmp_path / "out"
    result = invoke(questions, "--predictions", predictions, "--out", out)
    assert "Not asked: 1 question whose databases are missing (gone)" in result.stderr
    assert "100.0%" in result.stdout and str(out / "report.html") in result.stdout
    shown = json.loads(invoke(questions, "--predictions", predictions, "--json").stdout)
    assert shown["missing"] == {"gone": 1} and shown["models"][0]["n"] == COUNT
    assert json.loads((out / "report.json").read_text())["questions"]["missing"] == {"gone": 1}
    assert "gone" in (out / "report.md").read_text() and "gone" in (out / "report.html").read_text()


def test_databases_that_cannot_be_read_are_listed_everywhere_with_the_reason(questions: Path, tmp_path: Path) -> None:
    broken = questions.parent / "databases" / "gone" / "gone.sqlite"
    broken.parent.mkdir()
    broken.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    predictions, out = said(tmp_path / "p.jsonl", questions, COUNT), tmp_path / "out"
    result = invoke(questions, "--predictions", predictions, "--out", out, "--variants", 2)
    assert "Not scored: 1 question, since their databases cannot be read" in result.stderr
    assert "  gone: 1 question, not a SQLite database but a pointer of Git LFS" in result.stderr
    shown = json.loads(invoke(questions, "--predictions", predictions, "--json").stdout)
    for lost in (shown["unreadable"], shown["models"][0]["unreadable"]):
        assert lost["gone"]["questions"] == 1 and "Git LFS" in lost["gone"]["reason"]
    assert shown["missing"] == {} and shown["models"][0]["n"] == COUNT
    assert json.loads((out / "report.json").read_text())["questions"]["unreadable"] == shown["unreadable"]
    for name in ("report.md", "report.html"):
        assert "1 questions whose databases cannot be read: gone (1: not a SQLite" in (out / name).read_text()


def test_ties_are_held_against_nobody(questions: Path, tmp_path: Path) -> None:
    gold = "SELECT name FROM pets ORDER BY kind"
    questions.write_text(json.dumps([{"question": "q", "query": gold, "db_id": "pets"}] * 2))
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(json.dumps({"sql": gold + end}) for end in (", name DESC", " DESC, name")))
    (model,) = models(invoke(questions, "--predictions", path, "--variants", 4, "--json"))
    assert (model["execution_accuracy"], model["lenient"], model["test_suite"]) == (0.5, 0.5, 0.5)


def test_golds_that_fail_are_counted(questions: Path, tmp_path: Path) -> None:
    rows = json.loads(questions.read_text())
    rows[0]["query"] = "SELECT colour FROM pets"
    questions.write_text(json.dumps(rows))
    predictions = said(tmp_path / "p.jsonl", questions, COUNT)
    result = invoke(questions, "--predictions", predictions)
    assert "The reference query itself failed for 1 question:" in result.stderr
    assert models(invoke(questions, "--predictions", predictions, "--json"))[0]["gold_failed"] == 1


def test_the_gate_is_an_exit_code(questions: Path, tmp_path: Path) -> None:
    bad, good, whole = (said(tmp_path / f"{n}.jsonl", questions, n) for n in (10, 28, 29))

    def gate(*files: Path) -> Result:
        return invoke(questions, "--gate", *(part for file in files for part in ("--predictions", file)))

    passed = gate(bad, good)
    assert passed.exit_code == 0 and "pass  better than the base" in passed.stdout
    failed = gate(good, bad)
    assert failed.exit_code == 1 and "FAIL  better than the base" in failed.stdout
    assert gate(bad, good, whole).exit_code == 1 and gate(bad, whole, good).exit_code == 0  # the third is its F16
    assert gate(good, good).exit_code == 1
    shown = invoke(questions, "--gate", "--json", "--predictions", good, "--predictions", bad)
    assert shown.exit_code == 1 and json.loads(shown.stdout)["gate"]["verdict"] == "fail"
    for files in ((bad,), (bad, good, whole, good)):
        wrong = gate(*files)
        assert wrong.exit_code == 2 and "--gate needs two models" in wrong.stderr


def test_a_sample_is_shown_with_every_models_answer_and_what_it_can_tell(questions: Path, tmp_path: Path) -> None:
    one, other = said(tmp_path / "one.jsonl", questions, 12), said(tmp_path / "other.jsonl", questions, 25)
    given = ("--predictions", one, "--predictions", other, "--sample", 6)
    result = invoke(questions, *given, "--seed", 3)
    assert result.exit_code == 0, result.exception
    shown = [line for line in result.stdout.splitlines() if line[:1].isdigit() and "(pets)" in line]
    assert len(shown) == 6 and "   reference " in result.stdout
    assert result.stdout.count("   one ") == result.stdout.count("   other ") >= 6
    assert "[right]" in result.stdout and "With 6 questions the true accuracy of one is between" in result.stdout
    assert (
        "other answers" in result.stdout
        and "fewer: p = " in result.stdout
        and "can hardly show any gain" in result.stdout
    )

    more = invoke(questions, *given[:4], "--sample", 20)
    assert "20 questions mostly do not show a gain below" in more.stdout

    numbers = itertools.count()

    def picked(seed: int) -> list[str]:
        out = tmp_path / f"out-{seed}-{next(numbers)}"
        assert invoke(questions, *given, "--seed", seed, "--out", out).exit_code == 0
        return [json.loads(line)["question"] for line in (out / "one.jsonl").read_text().splitlines()]

    assert picked(3) == picked(3) != picked(4)
    assert invoke(questions, *given, "--limit", 2).exit_code == 2


def test_a_limit_takes_the_first_lines_of_predictions(questions: Path, tmp_path: Path) -> None:
    predictions = said(tmp_path / "p.jsonl", questions, 4)
    assert models(invoke(questions, "--predictions", predictions, "--limit", 8, "--json"))[0]["n"] == 7
    short = said(tmp_path / "short.jsonl", questions, 4, cut=8)
    assert models(invoke(questions, "--predictions", short, "--limit", 8, "--json"))[0]["n"] == 7
    assert isinstance(invoke(questions, "--predictions", short, "--limit", 9).exception, DataError)
    assert isinstance(invoke(questions, "--predictions", short).exception, DataError)


def test_beams_where_there_is_one_answer_only_are_refused_before_any_work(questions: Path, tmp_path: Path) -> None:
    predictions = said(tmp_path / "p.jsonl", questions, 4)
    for given in (("--model", "ollama:sql-llama"), ("--predictions", predictions)):
        error = invoke(questions, *given, "--candidates", 2, "--out", tmp_path / "out").exception
        assert isinstance(error, RecipeError) and f"{given[1]}: gives one answer only" in str(error)
    assert not (tmp_path / "out").exists()


def test_several_beams_of_a_file_and_other_rows(questions: Path, tiny: Path, tmp_path: Path) -> None:
    found = models(invoke(questions, "--model", tiny, "--limit", 3, "--beams", 2, "--variants", 2, "--json"))
    assert found[0]["n"] == 3 and found[0]["test_suite"] == 0
    lucky = said(tmp_path / "p.jsonl", questions, 0, wrong="SELECT 3")  # there are three pets, here
    row = models(invoke(questions, "--predictions", lucky, "--limit", 3, "--variants", 3, "--json"))[0]
    assert (row["execution_accuracy"], row["test_suite"]) == (pytest.approx(1 / 3), 0)
    alone = invoke(questions, "--predictions", lucky, "--limit", 1, "--variants", 3)  # no rows tell more of count(*)
    assert "No copies with other rows of 1 database" in alone.stderr


def test_out_holds_the_report_and_every_answer(questions: Path, tmp_path: Path) -> None:
    one, same = said(tmp_path / "a" / "m.jsonl", questions, 5), said(tmp_path / "b" / "m.jsonl", questions, 9)
    link = tmp_path / "linked.jsonl"
    link.symlink_to(one)
    out = tmp_path / "out"
    given = [part for file in (one, same, link) for part in ("--predictions", file)]
    assert invoke(questions, *given, "--out", out).exit_code == 0
    assert {path.name for path in out.iterdir()} >= {"report.html", "report.md", "report.json"}
    assert sorted(path.name for path in out.glob("*.jsonl")) == ["linked.jsonl", "m-2.jsonl", "m.jsonl"]
    rows = [json.loads(line) for line in (out / "m-2.jsonl").read_text().splitlines()]
    assert list(rows[0])[:6] == ["question", "gold", "raw", "sql", "valid", "correct"]
    assert len(rows) == COUNT and sum(row["correct"] for row in rows) == 9
    report = json.loads((out / "report.json").read_text())
    assert [model["name"] for model in report["models"]] == ["m", "m-2", "linked"] and report["date"]
    again = invoke(questions, "--predictions", same, "--out", out)  # another m, in another run
    assert f"now in {out / 'm.1.jsonl'}" in again.stderr.replace("\n", "")
    assert sum(json.loads(line)["correct"] for line in (out / "m.1.jsonl").read_text().splitlines()) == 5


def test_names_are_what_a_person_calls_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "laptop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "runs" / "laptop")
    assert model_names([".", f"{tmp_path}/runs/laptop/", "a/b.gguf", "b.gguf", "b-2.gguf"]) == [
        "laptop",
        "laptop-2",
        "b",
        "b-2",
        "b-2-2",
    ]


def test_wrong_usage_and_what_is_not_there_write_nothing(questions: Path, tmp_path: Path) -> None:
    out, tree = tmp_path / "out", sorted(tmp_path.rglob("*"))
    assert invoke(questions).exit_code == 2
    for name in (tmp_path / "gone.gguf", questions, f"{tmp_path / 'gone.gguf'}+{questions}", tmp_path / "databases"):
        assert isinstance(invoke(questions, "--model", name, "--out", out).exception, DataError)
    assert isinstance(invoke(questions, "--predictions", tmp_path / "gone.jsonl", "--out", out).exception, DataError)
    error = invoke(questions, "--predictions", said(tmp_path / "p.jsonl", questions, 1), "--out", questions).exception
    assert isinstance(error, RecipeError) and "not a folder" in str(error)
    (tmp_path / "p.jsonl").unlink()
    assert sorted(tmp_path.rglob("*")) == tree


def test_a_run_that_was_killed_goes_on_where_it_was(questions: Path, tiny: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    common = ["--questions", questions, "--databases", questions.parent / "databases"]
    wanted = ["--model", tiny, "--limit", 14]
    tool = [sys.executable, "-m", "sql_llama.cli", "eval", *map(str, [*common, *wanted]), "--out", str(out)]
    first = subprocess.Popen(tool, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = out / "tiny.jsonl"
    while first.poll() is None:
        if kept.is_file() and kept.read_text().count("\n") > 2:
            break
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL and not (out / "report.json").exists()
    before = kept.read_text()
    assert 2 < before.count("\n") < 13
    assert invoke(questions, *wanted, "--out", out).exit_code == 0
    assert kept.read_text().startswith(before[: before.rindex("\n") + 1])  # what was there was not asked again
    assert not list(out.glob("tiny.*.jsonl"))
    assert invoke(questions, *wanted, "--out", whole).exit_code == 0
    resumed, fresh = (
        [json.loads(line)["raw"] for line in (folder / "tiny.jsonl").read_text().split("\n")[:-1]]
        for folder in (out, whole)
    )
    assert resumed == fresh and len(resumed) == 13


def test_queries_can_be_compared_by_embeddings(questions: Path, tmp_path: Path, tiny_base: Path) -> None:
    """Any model folder will do: gold and gold are alike, gold and another query are less."""
    predictions = said(tmp_path / "half.jsonl", questions, COUNT // 2)
    (one,) = models(invoke(questions, "--predictions", predictions, "--embeddings", tiny_base, "--json"))
    assert 0 < one["embedding"] < 1
    refused = invoke(questions, "--predictions", predictions, "--embeddings", tmp_path)
    assert isinstance(refused.exception, DataError) and "cannot be used for embeddings" in refused.exception.message
