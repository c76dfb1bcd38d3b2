"""The checkup: what is here, what is missing, and the command that mends it."""

import functools
import json
from pathlib import Path

import pytest
from sql_llama.cli import checkup
from sql_llama.cli.checkup import Check, check_disk, check_ollama, check_package, check_run
from sql_llama.cli.main import run
from sql_llama.core.run import create_run
from sql_llama.core.settings import settings

NAMES = [
    "Python",
    *checkup.PACKAGES,
    "CPU",
    "training libraries",
    "GPU",
    "memory",
    "disk for runs",
    "disk for the cache",
]
NAMES += ["C++ compiler", "cmake", "llama.cpp", "Ollama", "base model", "starter adapter", "latest run"]


def test_it_lists_every_check_and_the_exit_code_says_whether_one_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkup, "checkup", functools.cache(checkup.checkup))  # it tries torch in a process
    code = run(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in checks] == NAMES
    assert all(list(check) == ["name", "status", "found", "fix"] for check in checks)
    assert {check["status"] for check in checks} <= {"ok", "warning", "missing"}
    assert all(bool(check["fix"]) == (check["status"] != "ok") for check in checks)
    assert code == int(any(check["status"] == "missing" for check in checks))
    assert run(["doctor"]) == code
    said = capsys.readouterr().out
    assert all(f" {name} " in said for name in NAMES)
    assert "fix: sql-llama train laptop" in said
    assert said.splitlines()[-1].startswith(f"{len(NAMES)} checks, ")


def test_something_missing_makes_the_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkup, "checkup", lambda: [Check("torch", "missing", "not installed", "pip install torch")])
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "missing  torch  not installed\n                fix: pip install torch\n1 checks, 1 missing, 0 warnings\n"
    )


def test_a_package_that_is_not_installed_is_missing() -> None:
    check = check_package("no-such-package")
    assert (check.status, check.found) == ("missing", "not installed")
    assert check.fix.endswith("-m pip install no-such-package")


def test_a_folder_that_cannot_be_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = check_disk("disk for runs", tmp_path / "file" / "runs")
    assert (check.status, check.fix) == ("missing", "export SQL_LLAMA_RUNS=FOLDER, one that you own")


def test_a_folder_that_does_not_exist_yet_is_judged_by_its_disk(tmp_path: Path) -> None:
    assert "GiB free" in check_disk("disk for the cache", tmp_path / "not" / "yet").found


def test_no_ollama_server_is_a_warning() -> None:
    check = check_ollama()
    assert check.status == "warning"
    assert "127.0.0.1:1" in check.found
    assert check.fix.endswith("ollama serve")


def test_the_latest_run_names_the_next_step() -> None:
    assert check_run().fix == "sql-llama train laptop"
    made = create_run(settings().runs / "one", "laptop", 'name = "laptop"\n')
    assert check_run().fix == f"sql-llama train {made.recipe_path} --run {made.path}"
    made.adapter.mkdir()
    assert check_run().fix == f"sql-llama export {made.path}"
    made.gguf.mkdir()
    (made.gguf / "a.gguf").touch()
    assert check_run() == Check("latest run", "ok", f"{made.path} (nothing finished)")
