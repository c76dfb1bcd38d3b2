"""`sql-llama run`: one query through the same walls as the assistant's."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.cli.main import run as sql_llama

Captured = pytest.CaptureFixture[str]


def test_in_a_pipe_rows_are_whole_lines(pets: Path, capsys: Captured) -> None:
    assert sql_llama(["run", "SELECT name, weight FROM pets ORDER BY id", "--db", str(pets)]) == 0
    said = capsys.readouterr()
    assert said.out == "name\tweight\nRex\t20.5\nTom\t4.0\nKit\t3.5\n"
    assert said.err == "3 rows\n"


def test_a_cell_cannot_break_a_line_or_move_the_cursor(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "odd.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [("a\tb\nc\\d",), ("\x1b[2Jgone",), ("x" * 3000,), (None,)])
        connection.commit()
    assert sql_llama(["run", "SELECT a FROM t", "--db", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[1] == "a\\tb\\nc\\\\d" and "\x1b" not in lines[2]
    assert lines[3] == "x" * 3000 and lines[4] == "NULL"


def test_json_has_columns_and_rows(pets: Path, capsys: Captured) -> None:
    arguments = ["run", "SELECT name FROM pets ORDER BY id", "--db", str(pets), "--max-rows", "2", "--json"]
    assert sql_llama(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"columns": ["name"], "rows": [["Rex"], ["Tom"]], "truncated": True}


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("DELETE FROM pets", "refused"),
        ("SELECT 1; DROP TABLE pets", "refused"),
        ("WITH gone AS (DELETE FROM pets RETURNING 1) SELECT * FROM gone", "refused"),
        ("ATTACH 'other.sqlite' AS o", "refused"),
        ("SELECT load_extension('x')", "refused"),
        ("", "no_query"),
        ("SELECT colour FROM pets", "missing_column"),
        ("SELECT 1 FROM dogs", "missing_table"),
        ("SELECT FROM", "syntax"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", "timeout"),
    ],
)
def test_what_is_refused_or_fails_says_its_kind_and_changes_nothing(
    sql: str, kind: str, pets: Path, capsys: Captured
) -> None:
    before = hashlib.sha256(pets.read_bytes()).hexdigest()
    assert sql_llama(["run", sql, "--db", str(pets), "--seconds", "0.2", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["kind"] == kind and said["error"] and "\n" not in said["error"]
    assert sql_llama(["run", sql, "--db", str(pets), "--seconds", "0.2"]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    assert hashlib.sha256(pets.read_bytes()).hexdigest() == before


def test_sql_comes_from_standard_input_too(pets: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT count(*) AS n FROM pets;\n")))
    assert sql_llama(["run", "-", "--db", str(pets)]) == 0
    assert capsys.readouterr().out == "n\n3\n"
