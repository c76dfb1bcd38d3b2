"""`sql-llama compare`: evaluations side by side, and one clear line for what is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sql_llama.cli.compare import command
from sql_llama.core.errors import DataError
from sql_llama.evals.report.report import Facts, Model, write_report

from ..evals.answers import graded


def evaluation(out: Path, question: str = "q", **right: int) -> Path:
    """A folder as `eval --out` leaves it: each model has so many of 20 questions right."""
    models = []
    for name, count in right.items():
        rows = [
            graded(place < count, question=f"{question}{place}", exact=place < count, seconds=0.5)
            for place in range(20)
        ]
        models.append(Model(name, rows, seconds=10))
    write_report(Facts(tuple(models), "dev.json"), out)
    return out


def invoke(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(command, [str(argument) for argument in arguments])


def models(*runs: Path) -> list[dict[str, Any]]:
    result = invoke(*runs, "--json")
    assert result.exit_code == 0, result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)["models"]
    return found


def test_every_model_is_set_beside_the_first(tmp_path: Path) -> None:
    one, other = evaluation(tmp_path / "one", base=5, tuned=15), evaluation(tmp_path / "two", tuned=15, q8=4)
    found = models(one, other)
    assert [(row["run"], row["model"], row["execution_accuracy"]) for row in found] == [
        (str(one), "base", 0.25),
        (str(one), "tuned", 0.75),
        (str(other), "tuned", 0.75),
        (str(other), "q8", 0.2),
    ]
    assert found[0]["difference"] is None and found[0]["n"] == 20 and found[0]["seconds"] == 10
    assert found[1]["difference"] == found[2]["difference"]
    assert found[1]["difference"]["value"] == 0.5
    assert found[1]["difference"]["p"] == pytest.approx(2 / 2**10)
    assert (found[3]["difference"]["gained"], found[3]["difference"]["lost"]) == (0, 1)
    table = invoke(one, other).stdout.replace("\u00a0", " ")
    assert f"1: {one}" in table and f"2: {other}" in table
    assert "+50.0" in table and "p = 0.002" in table and "−5.0" in table and "p = 1" in table


def test_other_questions_are_not_compared(tmp_path: Path) -> None:
    one, other = evaluation(tmp_path / "one", a=5), evaluation(tmp_path / "two", "other ", b=15)
    assert models(one, other)[1]["difference"] is None and not models(one, other)[1]["same_questions"]
    assert "other questions" in invoke(one, other).stdout


def test_a_run_directory_is_known_by_its_evals(tmp_path: Path) -> None:
    run = tmp_path / "2026-01-01-laptop"
    evaluation(run / "evals" / "dev", a=5)
    evaluation(run / "evals" / "wikisql", "w", b=6)
    assert [Path(row["run"]).name for row in models(run)] == ["dev", "wikisql"]
    evaluation(tmp_path / "other" / "evals", c=7)
    assert [row["model"] for row in models(tmp_path / "other")] == ["c"]


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    one, other = (evaluation(tmp_path / name, **{"[bold]model[/bold]": 5}) for name in ("[red]run", "b"))
    shown = invoke(one, other).stdout
    assert "[bold]model[/bold]" in shown and "[red]run" in shown


def test_what_is_no_evaluation_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    good = evaluation(tmp_path / "good", a=5)
    said = json.loads((good / "report.json").read_text())
    broken = {
        "text": "{",
        "list": "[]",
        "no models": "{}",
        "none": json.dumps({"models": []}),
        "short": json.dumps({"models": [{**said["models"][0], "right": "1"}]}),
        "no metrics": json.dumps({"models": [{**said["models"][0], "metrics": {}}]}),
        "words": json.dumps({"models": [{**said["models"][0], "n": "twenty"}]}),
    }
    for name, text in broken.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(text)
    for name in ("gone", "empty", *broken):
        result = invoke(good, tmp_path / name)
        assert isinstance(result.exception, DataError), name
        assert str(tmp_path / name) in result.exception.message and result.exception.fix
        assert "\n" not in result.exception.message and result.stdout == ""
    assert invoke().exit_code == 2
