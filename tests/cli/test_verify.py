"""The command verify: a run, a file of it, a file without its run, a damaged one."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.run import Run


def test_verify_notices_a_changed_file(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    path = trained.gguf / "tiny-Q8_0.gguf"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    capsys.readouterr()
    assert sql_llama(["verify", str(trained.path)]) == 1
    assert "| files | fail |" in capsys.readouterr().out


def test_verify_takes_a_file(
    trained: Run, tiny_stopping_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql_llama(["export", str(trained.path), "--no-verify", "--no-gate"])
    assert "has not been checked yet" in capsys.readouterr().out
    path = trained.gguf / "tiny-Q8_0.gguf"

    def verdicts(*arguments: str) -> dict[str, str]:
        assert sql_llama(["verify", *arguments, "--json"]) == 0
        return {check["name"]: check["verdict"] for check in json.loads(capsys.readouterr().out)["checks"]}

    assert verdicts(str(path)) == verdicts(str(trained.path))  # in its run
    elsewhere = shutil.copy(path, tmp_path / "elsewhere.gguf")
    with_base = verdicts(str(elsewhere), "--base", str(tiny_stopping_base))
    assert [name for name, verdict in with_base.items() if verdict == "skipped" and name != "provenance"] == [
        "divergence"
    ]
    alone = verdicts(str(elsewhere))
    assert {alone[name] for name in ("vocabulary", "tokens", "divergence")} == {"skipped"}


def test_a_hostile_gguf_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF\3\0\0\0" + b"\xff" * 16)
    assert sql_llama(["verify", str(path)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert error[0].startswith(f"Error: {path}: not a usable GGUF file")
