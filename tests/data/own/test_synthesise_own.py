"""Pairs about one's own database: as JSON lines, in one's own words, and without a single cell where that is asked."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.cli.main import run
from sql_llama.core.errors import DataError
from sql_llama.data.own.synthesise_own import synthesise_own
from sql_llama.databases.sqlite import run as run_sql

SHOP = """
CREATE TABLE cust (
    id INTEGER PRIMARY KEY,
    cust_nm TEXT, -- customer name
    city TEXT,
    spent INTEGER /* money spent */,
    secret TEXT
);
CREATE TABLE ord (id INTEGER PRIMARY KEY, cust_id INTEGER REFERENCES cust (id), placed TEXT);
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SHOP)
        for n in range(30):
            row = (n, f"Qzname{n}", f"Qzcity{n % 4}", 7_654_300 + n, f"Qzsecret{n % 3}")
            connection.execute("INSERT INTO cust VALUES (?, ?, ?, ?, ?)", row)
            connection.execute("INSERT INTO ord VALUES (?, ?, ?)", (n, n % 9, f"2024-0{n % 9 + 1}-11"))
        connection.commit()
    return path


def pairs(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_pair_runs_and_the_same_seed_gives_the_same_pairs(shop: Path, tmp_path: Path) -> None:
    made = synthesise_own(str(shop), 80, tmp_path / "a.jsonl", 1)
    rows = pairs(tmp_path / "a.jsonl")
    assert made.pairs == len(rows) == 80 and {row["db"] for row in rows} == {"shop.sqlite"}
    assert made.skeletons > 20 and 3 < made.wording_entropy <= 7
    empty = sum(not run_sql(str(shop), row["sql"]).rows for row in rows)
    assert empty <= 4
    synthesise_own(str(shop), 80, tmp_path / "b.jsonl", 1)
    assert pairs(tmp_path / "b.jsonl") == rows
    synthesise_own(str(shop), 80, tmp_path / "b.jsonl", 2)
    assert pairs(tmp_path / "b.jsonl") != rows


def test_without_values_no_cell_stands_in_any_pair(shop: Path, tmp_path: Path) -> None:
    made = synthesise_own(str(shop), 200, tmp_path / "a.jsonl", 1, values=False)
    text = (tmp_path / "a.jsonl").read_text() + (tmp_path / "a.names.toml").read_text()
    assert made.pairs > 50
    assert not any(cell in text.lower() for cell in ("qz", "76543", "2024"))


def test_the_words_of_the_user_stand_in_the_questions(shop: Path, tmp_path: Path) -> None:
    synthesise_own(str(shop), 10, tmp_path / "a.jsonl", 1)
    file = tmp_path / "a.names.toml"
    text = file.read_text()
    assert 'columns.cust_nm = ["customer name"' in text and 'columns.spent = ["money spent"' in text
    file.write_text('[cust]\nname = "patron"\ncolumns.city = "home town"\ncolumns.secret = false\n')
    synthesise_own(str(shop), 150, tmp_path / "a.jsonl", 1)
    questions = " ".join(row["question"].lower() for row in pairs(tmp_path / "a.jsonl"))
    assert "patron" in questions and "home town" in questions
    assert "secret" not in questions and "qzsecret" not in questions
    assert file.read_text().startswith('[cust]\nname = "patron"') and "[ord]" in file.read_text()


@pytest.mark.parametrize(
    "text, said",
    [("[cust]\nname = 3\n", "cust.name is not a text"), ("[cust", "broken TOML"), ("cust = 1", "may have")],
)
def test_a_broken_file_of_names_is_named(text: str, said: str, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "n.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        synthesise_own(str(shop), 10, tmp_path / "a.jsonl", 1, names=tmp_path / "n.toml")


def test_the_command_prints_what_scripts_read(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "synth", "--db", str(shop), "--n", "20", "-o", str(tmp_path / "a.jsonl")]
    assert run([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pairs"] == 20 and said["skeletons"] > 5 and said["wording_entropy"] > 2
    assert run(["data", "synth", "--db", str(tmp_path / "gone.sqlite"), "-o", str(tmp_path / "x.jsonl")]) == 1
    assert "gone.sqlite" in capsys.readouterr().err and not (tmp_path / "x.jsonl").exists()
