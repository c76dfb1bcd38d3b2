"""The command push: what a dry run shows without network and token, wrong usage, runs that cannot be published."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.files import sha256
from sql_llama.core.run import Run


@pytest.fixture
def exported(trained: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    capsys.readouterr()
    return trained


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_USERNAME"):
        monkeypatch.delenv(name, raising=False)


def test_a_dry_run_shows_files_and_card_and_needs_nothing(
    exported: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sql_llama(["push", str(exported.path), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["repository"], said["kind"], said["private"], said["sent"]) == ("OWNER/tiny-GGUF", "gguf", False, None)
    files = {item["path"]: item for item in said["files"]}
    weights = exported.shipped().read_bytes()
    expected = {"path": "tiny-Q8_0.gguf", "bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    assert files["tiny-Q8_0.gguf"] == expected
    assert files["README.md"]["sha256"] == hashlib.sha256(said["card"].encode()).hexdigest()
    assert said["card"].startswith("---\n") and "ollama run hf.co/OWNER/tiny-GGUF:Q8_0" in said["card"]
    monkeypatch.setenv("HF_USERNAME", "ann")
    assert sql_llama(["push", str(exported.path), "--dry-run", "--adapter-only", "--private"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "---" and lines[-1] == "Nothing was sent. It would go to ann/tiny-adapter"
    assert any(line.startswith("adapter_model.safetensors: ") for line in lines)


def test_a_dry_run_for_ollama_names_both_models(exported: Run, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["push", str(exported.path), "--ollama", "ann/tiny", "--dry-run"]
    assert sql_llama(command) == 0
    assert capsys.readouterr().out == "Nothing was sent. It would go to ollama:ann/tiny\n"
    assert sql_llama([*command, "--to", "ann/other", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["repository"], said["ollama"]) == ("ann/other", {"from": "tiny", "to": "ann/tiny"})


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--gguf", "--merged"], 2, "give one of --gguf, --adapter-only and --merged"),
        (["--adapter-only", "--merged"], 2, "give one of --gguf, --adapter-only and --merged"),
        (["--private", "--ollama", "a/b"], 2, "--private is for a repository on the Hub"),
        ([], 2, "the repository has no owner"),
        (["--to", "tiny"], 2, "tiny: not a name of a repository"),
        (["--to", "a/b/c"], 2, "a/b/c: not a name of a repository"),
        (["--ollama", "tiny"], 2, "tiny: not a name in an Ollama registry"),
        (["--merged", "--to", "a/b"], 1, "has no merged model"),
        (["--ollama", "a/b"], 1, "no Ollama server answers at"),
    ],
)
def test_what_cannot_be_pushed_is_one_line_and_the_right_code(
    options: list[str], code: int, says: str, exported: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql_llama(["push", str(exported.path), *options]) == code
    output = capsys.readouterr()
    assert says in output.err.splitlines()[0] or says in output.err.splitlines()[-1]
    assert "Traceback" not in output.err and output.out == ""


def test_a_file_that_the_gate_stopped_is_not_published_unless_exported_anyway(
    trained: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql_llama(["export", str(trained.path)]) == 1  # a random model is no better than its base
    capsys.readouterr()
    assert sql_llama(["push", str(trained.path), "--dry-run"]) == 1
    assert "tiny-Q8_0.gguf: the gate stopped its export" in capsys.readouterr().err.splitlines()[0]
    trained.finish("gate", {"gguf": sha256(trained.shipped())}, [], 1.0)  # as if it had passed, with the real report
    assert sql_llama(["push", str(trained.path), "--dry-run"]) == 0
    assert re.search(r"\| base \| 0.0% \| .*\| 24 \|\n\| this model \| 0.0% \| .*\| 24 \|", capsys.readouterr().out)
    trained.forget("gate")
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    assert sql_llama(["push", str(trained.path), "--dry-run"]) == 0
    assert "Not measured in this run." in capsys.readouterr().out


def test_a_run_that_is_not_there_or_not_exported_is_one_line(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql_llama(["push", str(trained.path), "--dry-run"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"Error: {trained.path}: not exported yet",
        f"Fix: sql-llama export {trained.path}",
    ]
    assert sql_llama(["push", str(trained.path), "--dry-run", "--adapter-only"]) == 0  # which needs no export
    assert sql_llama(["push", str(tmp_path / "nowhere"), "--dry-run"]) == 1
    assert "nowhere: not a run directory" in capsys.readouterr().err
    shutil.rmtree(trained.adapter)
    assert sql_llama(["push", str(trained.path), "--dry-run", "--adapter-only"]) == 1
    assert "has no adapter of its own" in capsys.readouterr().err
    assert sql_llama(["push"]) == 2
