"""The `.env` file: what is taken from it, and that no secret is kept anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.cli.main import run
from sql_llama.core.settings import Secrets, use_dotenv

NAMES = [name.upper() for name in Secrets.model_fields]


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back after the test
        monkeypatch.delenv(name)


def test_known_names_are_taken_and_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_USERNAME", "mine")
    Path(".env").write_text('HF_TOKEN="hf_file" # a note\nHF_USERNAME=other\nWANDB_API_KEY=\nLD_PRELOAD=bad.so\n')
    use_dotenv()
    assert os.environ["HF_TOKEN"] == "hf_file" and os.environ["HF_USERNAME"] == "mine"
    assert "WANDB_API_KEY" not in os.environ and os.environ.get("LD_PRELOAD") != "bad.so"


def test_without_the_file_nothing_changes() -> None:
    use_dotenv()
    assert not [name for name in NAMES if name in os.environ]


def test_a_file_that_is_no_text_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_bytes(b"HF_TOKEN=\xff\xfe\n")
    assert run(["plan", "laptop"]) == 1
    assert capsys.readouterr().err.startswith("Error: .env: cannot be read")


def test_the_example_has_every_name() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert not [name for name in NAMES if name not in text and name != "HF_HUB_CACHE"]


def test_a_training_writes_no_secret(tiny_base: Path) -> None:
    recipe = f'name = "tiny"\n[base]\nmodel = "{tiny_base}"\n[data]\njsonl = ["p.jsonl"]\nvalid_share = 0\n[train]\n'
    pairs = [
        {"question": f"Who of t{n} is {n}?", "schema": f"CREATE TABLE t{n} (name TEXT, age INT)",
         "sql": f"SELECT name FROM t{n} WHERE age = {n}"} for n in range(8)
    ]  # fmt: skip
    Path("p.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    Path("tiny.toml").write_text(recipe + 'quantization = "none"\n' + "max_steps = 1\nbatch = 2\nlog_steps = 1\n")
    Path(".env").write_text("HF_TOKEN=hf_Secret123\nWANDB_API_KEY=wandbSecret123\n")
    command = [sys.executable, "-m", "sql_llama.cli", "train", "tiny.toml", "--run", "here"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(Path("here/manifest.json").read_text())["stages"]["train"]
    written = [path for path in Path("here").rglob("*") if path.is_file()]
    assert len(written) > 8
    assert not [path for path in written if b"Secret123" in path.read_bytes()]
    assert "Secret123" not in done.stdout + done.stderr
