"""A preparation that is killed, stopped, out of disk or not alone: what is said, and the same files afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.files import alone_in
from sql_llama.core.recipe import Base, Data, Recipe, Source
from sql_llama.data.prepare.card import write_card
from sql_llama.data.prepare.prepare import prepare

FILES = ("train.jsonl", "valid.jsonl", "balance.svg")
KILLED = """
import os, signal, sys
from sql_llama.cli.main import run
from sql_llama.data.prepare import card, prepare

def dies(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies_after(module, name):
    work = getattr(module, name)
    setattr(module, name, lambda *given, **named: (work(*given, **named), dies()))

if __name__ == "__main__":
    for step in sys.argv[1:]:
        if os.fork():
            print(os.wait()[1])
            continue
        if step == "writing":
            os.fsync = dies  # the temporary file is there and not yet moved
        elif step == "write_card":
            dies_after(card, step)
        else:
            dies_after(prepare, step)
        run(["data", "prepare", "mine.toml", "--out", "out"])
"""
STEPS = ["read_source", "parse_schemas", "lay_out", "check_rows", "choose_pairs", "add_rewritten", "split_by_database"]
RECIPE = """
name = "mine"
[base]
model = "no/such-model"
[data]
valid_share = 0.2
robust = 0.5
[[data.source]]
path = "pairs.jsonl"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"Over {k}?", "schema": f"CREATE TABLE t{n} (a INT)", "sql": f"SELECT a FROM t{n} WHERE a > {k}"}
        for n in range(8)
        for k in range(4)
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("mine.toml").write_text(RECIPE)
    Path("killed.py").write_text(KILLED)
    return tmp_path


def prepared(out: str) -> None:
    data = Data(valid_share=0.2, robust=0.5, source=(Source(path="pairs.jsonl"),))
    recipe = Recipe(name="mine", base=Base(model="no/such-model"), data=data)
    prepare(recipe, Path(out), Path(out) / ".work", write_card)


def test_killed_after_each_step_it_gives_the_same_files(here: Path) -> None:
    steps = [*STEPS, "writing", "write_card"]
    died = subprocess.run([sys.executable, "killed.py", *steps], capture_output=True, text=True)
    assert died.stdout.split() == [str(int(signal.SIGKILL))] * len(steps)
    assert list(Path("out").glob(".train.jsonl.*")) == [] and Path("out/.work/prepare.sqlite").exists()
    prepared("out")
    prepared("whole")
    for name in FILES:
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes(), name
    assert {path.name for path in Path("out").iterdir()} == {*FILES, "card.json", "card.md"}


def test_what_a_killed_process_was_writing_is_removed(here: Path) -> None:
    Path("out").mkdir()
    Path("out/.train.jsonl.abcd.jsonl").write_text("half of")
    prepared("out")
    assert not list(Path("out").glob(".*"))


def test_ctrl_c_says_one_line_and_the_next_run_goes_on(here: Path) -> None:
    slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c, t0"
    row = {"question": "For ever?", "schema": "CREATE TABLE t0 (a INT)", "sql": slow}
    Path("pairs.jsonl").write_text("".join(json.dumps({**row, "question": f"{k}?"}) + "\n" for k in range(30)))
    command = [sys.executable, "-m", "sql_llama.cli", "data", "prepare", "mine.toml", "--out", "out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not Path("out/.work/prepare.sqlite").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    said = process.communicate()[1]
    assert process.returncode == 130
    assert (
        said.split("\n")[0] == "Stopped. The same command goes on where it was." and not said.split("\n", 1)[1].strip()
    )


def test_a_second_process_is_refused_while_the_first_one_writes(here: Path) -> None:
    with alone_in(Path("out")), pytest.raises(SqlLlamaError, match="out: another process is writing there"):
        prepared("out")
    prepared("out")


def test_a_full_disk_is_one_line_and_what_was_done_is_kept(here: Path) -> None:
    text = Path("pairs.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    long = [{**row, "question": row["question"] + " " + "word " * 390} for row in rows for _ in range(4)]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in long))
    command = f"ulimit -f 200; exec {sys.executable} -m sql_llama.cli data prepare mine.toml --out out"
    full = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert full.returncode == 1
    assert full.stderr.splitlines() == [
        "Error: out/.work: the work file cannot be written (disk I/O error)",
        "Fix: check the free disk space (df -h) and run the same command again: it goes on where it was",
    ]
    prepared("out")
    assert Path("out/train.jsonl").exists() and not Path("out/.work").exists()


def test_a_folder_inside_the_source_is_refused(here: Path) -> None:
    data = Data(source=(Source(path=str(here)),))
    recipe = Recipe(name="mine", base=Base(model="no/such-model"), data=data)
    with pytest.raises(SqlLlamaError, match="out: is inside the source"):
        prepare(recipe, here / "out", here / "out" / ".work")
    assert not (here / "out").exists()
