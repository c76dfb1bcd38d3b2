"""The command export: the newest run, the gate, Ollama, wrong usage."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.run import Run, create_run
from sql_llama.prompts.messages import SYSTEM_PROMPT

if TYPE_CHECKING:
    from conftest import OllamaServer


def test_the_commands_export_and_verify_the_latest_run(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export", "--no-gate"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"{trained.gguf / 'tiny-Q8_0.gguf'}: ")
    assert "pass tokens: 50 of 50 prompts have the same token ids in Hugging Face and llama.cpp" in told
    assert told[-1] == "Next: sql-llama chat"
    assert sql_llama(["verify", str(trained.path)]) == 0
    assert "| files | pass | 1 of 1 files are unchanged since the export |" in capsys.readouterr().out
    assert sql_llama(["verify", str(trained.path), "--json"]) == 0
    certificate = json.loads(capsys.readouterr().out)
    assert certificate["verdict"] == "pass"
    verdicts = {check["name"]: check["verdict"] for check in certificate["checks"]}
    assert (verdicts["divergence"], verdicts["files"]) == ("pass", "pass")
    assert set(verdicts.values()) <= {"pass", "skipped"}
    assert {"adapter", "base", "template", "prompt"} <= set(certificate["hashes"])
    for command in ("verify", "inspect"):  # without a name: the newest exported run, as ask and chat take it
        create_run(trained.path.with_name("not-exported"), "tiny", "")
        assert sql_llama([command, "--json"]) == 0
        assert "tiny-Q8_0.gguf" in json.loads(capsys.readouterr().out)["file"]


def test_a_model_no_better_than_its_base_is_stopped(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export"]) == 1
    said = capsys.readouterr().err
    assert "tiny-Q8_0.gguf: not better than its base" in said and "--no-gate" in said
    assert (trained.path / "evals" / "report.html").is_file()
    assert "gate" not in trained.manifest()["stages"]
    assert sql_llama(["export", "--no-gate"]) == 0


@pytest.mark.ollama
def test_a_running_ollama_gets_the_model_and_is_checked_too(
    trained: Run, ollama_server: "OllamaServer", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert f"pass ollama: 50 of 50 prompts are rendered alike by Ollama {ollama_server.version}" in told
    assert told[-1] == "Next: ollama run tiny"
    assert ollama_server.post("/api/show", model="tiny")["system"] == SYSTEM_PROMPT
    assert sql_llama(["verify", str(trained.path), "--json"]) == 0
    assert [check["name"] for check in json.loads(capsys.readouterr().out)["checks"]][-2:] == [
        "ollama",
        "ollama tokens",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export"], 1, "no runs yet"),
        (["export", "nowhere"], 1, "nowhere: not a run directory"),
        (["export", "--base", "x"], 2, "all of --base, --adapter and --out"),
        (["export", "nowhere", "--ground", "base"], 2, "--ground is for --adapter"),
        (["verify"], 1, "no run has been exported yet"),
        (["inspect"], 1, "no run has been exported yet"),
        (["verify", "nothing.gguf"], 1, "nothing.gguf: no such file"),
        (["verify", "."], 1, "not a run directory"),
    ],
)
def test_wrong_usage_and_missing_things_are_one_line_and_the_right_code(
    arguments: list[str],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert sql_llama(arguments) == code
    assert says in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
