"""Own pairs are checked line by line before any training."""

import json
from pathlib import Path

import pytest
from sql_llama.cli.main import run
from sql_llama.core.errors import DataError
from sql_llama.data.own.check_pairs import check_pairs

PAIRS = """\
question,sql
How many pets?,SELECT count(*) FROM pets
Names?,SELECT nme FROM pets
Owners?,SELECT * FROM ownrs
Gone?,DELETE FROM pets
,SELECT name FROM pets
How many pets?,SELECT 2 * count(*) FROM pets
Dogs?,SELECT name FROM pets WHERE kind = 'dgo'
"""


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS)
    return path


def test_each_line_says_what_is_wrong_and_what_was_meant(pairs: Path, pets: Path) -> None:
    report = check_pairs([pairs], str(pets))
    said = {found.line: (found.wrong, found.problem) for found in report.findings}
    assert report.rows == 7 and report.wrong == 4 and set(said) == {3, 4, 5, 6, 7, 8}
    assert said[3][0] and "no such column: nme" in said[3][1] and "did you mean name?" in said[3][1]
    assert said[4][0] and "did you mean owners?" in said[4][1]
    assert said[5][0] and "DELETE" in said[5][1]
    assert said[6] == (True, "the question is empty")
    assert said[7] == (False, f"the question of {pairs}:2 again, with another query")
    assert said[8] == (False, "the query returns no rows: kind has no 'dgo' (did you mean 'dog'?)")


def test_the_command_says_it_line_by_line_and_leaves_with_1(
    pairs: Path, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", str(pairs), "--db", str(pets)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{pairs}:3: ") and out[-1] == "3 of 7 pairs can be used"
    pairs.write_text("question,sql\nHow many pets?,SELECT count(*) FROM pets\n")
    assert run(["data", "check", str(pairs), "--db", str(pets), "--json"]) == 0
    assert capsys.readouterr().out == '{"rows": 1, "wrong": 0, "findings": []}\n'


def test_a_missing_database_is_one_error(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.sqlite"):
        check_pairs([pairs], str(tmp_path / "gone.sqlite"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM pets WHERE kind IN ('dgo')",
        'SELECT name FROM pets WHERE kind = "dgo"',
        "SELECT count(*) FROM pets WHERE kind = 'dgo'",
    ],
)
def test_a_value_that_no_row_holds_is_said_with_the_nearest(sql: str, pets: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"question": "Dogs?", "sql": sql}) + "\n")
    (found,) = check_pairs([tmp_path / "a.jsonl"], str(pets)).findings
    assert not found.wrong and found.problem.endswith("kind has no 'dgo' (did you mean 'dog'?)")


def test_a_row_without_its_fields_is_one_finding_and_the_others_are_checked(pets: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = {"question": "Names?", "sql": "SELECT name FROM pets"}
    path.write_text("".join(json.dumps(row) + "\n" for row in ({"question": "Q?", "note": 1}, good)))
    report = check_pairs([path], str(pets))
    assert [(found.line, found.problem) for found in report.findings] == [
        (1, "fields missing: no sql (there: question, note)")
    ]
    assert report.rows == 2
    path.write_text('{"question": "Q?", "note": 1}\n')
    with pytest.raises(DataError, match="no sql"):
        check_pairs([path], str(pets))


def test_rows_without_a_place_say_how_to_give_one(pets: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,sql\nNames?,SELECT name FROM pets\n")
    with pytest.raises(DataError) as caught:
        check_pairs([path])
    assert caught.value.fix == f"sql-llama data check {path} --db DATABASE"
    path.write_text("question,sql,db\nNames?,SELECT name FROM pets,\n")
    (found,) = check_pairs([path]).findings
    assert found.problem.startswith("give --db FILE")
