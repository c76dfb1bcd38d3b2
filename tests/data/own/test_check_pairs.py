"""Own pairs are checked line by line before any training."""

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


def test_a_row_without_its_columns_is_a_finding_and_the_others_are_checked(pets: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"question": "How many?", "sql": "SELECT count(*) FROM pets"}\n{"question": "Who?", "note": "x"}\n'
        '[]\n{"sql": "SELECT 1"}\n{"question": "Who?", "sql": 3}\n{"question": "Who?", "sql": "SELECT nme FROM pets"}\n'
    )
    said = [(found.line, found.problem) for found in check_pairs([path], str(pets)).findings]
    assert said == [
        (2, "no sql (the row has: question, note)"),
        (3, "not an object but list"),
        (4, "no question (the row has: sql)"),
        (5, "its field sql is not text but int"),
        (6, "no such column: nme (did you mean name?)"),
    ]
    path.write_text('{"ask": "Who?", "note": "x"}\n' * 2)
    with pytest.raises(DataError, match=r"a\.jsonl:1: no question and no sql \(the row has: ask, note\)"):
        check_pairs([path], str(pets))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.sql"])
def test_pairs_without_a_database_say_that_db_names_one(name: str, tmp_path: Path) -> None:
    text = {
        "a.csv": "question,sql\nWho?,SELECT 1\n",
        "a.jsonl": '{"question": "Who?", "sql": "SELECT 1"}\n',
        "a.sql": "-- Who?\nSELECT 1;\nSELECT 2;\n",
    }
    (tmp_path / name).write_text(text[name])
    with pytest.raises(DataError) as caught:
        check_pairs([tmp_path / name])
    assert "--db FILE" in caught.value.fix


def test_a_row_that_lacks_what_others_have_names_the_option_and_a_missing_database(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "question,sql,schema,db\nA,SELECT a FROM t,CREATE TABLE t (a INT),\nB,SELECT 1,,\nC,SELECT 1,,shop\n"
    )
    first, second = check_pairs([path]).findings
    assert first.line == 3 and "--db FILE" in first.problem
    assert second.problem == f"no database shop (looked for {tmp_path / 'shop' / 'shop.sqlite'})"


DOG = "kind has no 'dgo' (did you mean 'dog'?)"


@pytest.mark.parametrize(
    "sql, said",
    [
        ("SELECT name FROM pets WHERE kind = \"dgo\"", f"no rows: {DOG}"),
        ("SELECT name FROM pets WHERE kind IN ('dgo')", f"no rows: {DOG}"),
        ("SELECT name FROM pets WHERE kind in ('dgo', 'catt')",
         "no rows: kind has no 'dgo' or 'catt' (did you mean 'dog' or 'cat'?)"),
        ("SELECT count(*) FROM pets WHERE [kind] = 'dgo'", f"only 0 or NULL: {DOG}"),
        ("SELECT max(weight) FROM pets WHERE pets.kind == 'dgo'", f"only 0 or NULL: {DOG}"),
        ("SELECT name FROM pets WHERE kind = 'x''y'", "no rows: kind has no 'x''y' (it has 'dog', 'cat')"),
        ("SELECT count(*) FROM pets WHERE weight > 9000", ""),
        ("SELECT name FROM pets WHERE kind IN ('dog', 'dgo') AND weight > 9000", "no rows"),
        ('SELECT pets.name FROM pets JOIN owners ON pets."name" = "kind" AND 1 = 0', "no rows"),
    ],
)  # fmt: skip
def test_a_value_that_no_row_holds_is_named_with_the_nearest(sql: str, said: str, pets: Path, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(f"-- Which?\n{sql};\n")
    found = [one.problem for one in check_pairs([tmp_path / "a.sql"], str(pets)).findings]
    assert found == ([f"the query returns {said}"] if said else [])
