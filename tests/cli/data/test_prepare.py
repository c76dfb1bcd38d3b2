"""`sql-llama data prepare`: what it prints and writes, and that a killed preparation gives the same files."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.cli.main import run

RECIPE = """
name = "mine"
[base]
model = "no/such-model"
[data]
valid_share = 0.2
[[data.source]]
path = "pairs.jsonl"
license = "CC0"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"Over {k}?", "schema": f"CREATE TABLE t{n} (a INT)", "sql": f"SELECT a FROM t{n} WHERE a > {k}"}
        for n in range(60)
        for k in range(10)
    ]
    rows.append({**rows[0], "sql": "DROP TABLE t0"})
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("mine.toml").write_text(RECIPE)
    return tmp_path


def test_it_prints_what_scripts_read_and_writes_a_card(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", "mine.toml", "--out", "out", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sources"] == [{"name": "pairs", "in": 601, "kept": 600, "left_out": {"changes the schema": 1}}]
    assert (said["train"], said["valid"], said["duplicates"], said["contradictions"]) == (480, 120, 0, 0)
    assert said["leakage"] == {"exact": 0, "near": 0, "skeleton": 0} and said["peak_bytes"] > 10**7
    card = Path("out/card.md").read_text()
    assert "| pairs | CC0 | 601 | 600 | changes the schema (1) |" in card and "Not measured" in card
    assert json.loads(Path("out/card.json").read_text())["licenses"] == ["CC0"]
    assert {path.name for path in Path("out").iterdir()} == {
        "train.jsonl",
        "valid.jsonl",
        "card.md",
        "card.json",
        "balance.svg",
    }


def test_a_killed_preparation_goes_on_and_gives_the_same_files(here: Path) -> None:
    command = [sys.executable, "-m", "sql_llama.cli", "data", "prepare", "mine.toml", "--out"]
    subprocess.run([*command, "whole"], check=True, capture_output=True)
    for seconds in random.Random(1).sample([0.4, 0.9, 1.3, 1.7, 2.2, 2.8], 4):
        process = subprocess.Popen([*command, "killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    subprocess.run([*command, "killed"], check=True, capture_output=True)
    for name in ("train.jsonl", "valid.jsonl", "balance.svg"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes(), name


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--databases", "x"], "--databases goes with --against"),
        (["--against", "gone.jsonl"], "gone.jsonl: no such question file"),
        (["--against", "pairs.jsonl", "--databases", "gone"], "gone: no such folder"),
        (["--set", 'data.source=[{path="gone"}]'], "gone: no such file"),
        (["--set", 'data.source=[{path=""}]'], "a source without a path"),
        (["--set", 'data.source=[{path="pairs.jsonl", weight=-1}]'], "data.source.weight: must be between 0 and 1000"),
        (["--set", 'data.source=[{path="pairs.jsonl", limit=-1}]'], "data.source.limit: must be between 0 and"),
        (["--set", 'data.source=[{path="pairs.jsonl", often=1}]'], "data.source.often: unknown key"),
        (["--set", "data.drop=ties"], "data.drop: ties is no mark"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", "mine.toml", "--out", "out", *arguments]) in (1, 2)
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert not Path("out/.work").exists(), "said before any row is read"


@pytest.mark.parametrize(
    "source, sql, why",
    [
        ('{path="few.jsonl", weight=0}', ["a"], "few: left out by its weight (1)"),
        ('{path="few.jsonl"}', ["1", "2"], "few: contradicts another pair (2)"),
    ],
)
def test_a_recipe_of_which_no_pair_is_left_says_why(
    source: str, sql: list[str], why: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": "Q?", "schema": "CREATE TABLE t (a INT)", "sql": f"SELECT {what} FROM t"} for what in sql]
    Path("few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["data", "prepare", "mine.toml", "--out", "out", "--set", f"data.source=[{source}]"]) == 1
    assert f"Error: the recipe's [data] gives no pairs: {why}\n" in capsys.readouterr().err
