"""What is printed before the installation; run as the Makefile runs it, under any Python."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / ".ci" / "check-machine"


def check_machine(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-W", "error", str(SCRIPT)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_one_line_when_all_is_here() -> None:
    result = check_machine()
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"check-machine: Python {sys.version.split()[0]}, venv, C++ compiler ")
    assert "GiB of disk free" in result.stdout
    assert result.stderr == ""


def test_each_thing_that_is_missing_comes_with_its_command() -> None:
    result = check_machine(PATH="/nonexistent", CXX="")
    assert result.returncode == 1
    problem, fix = result.stderr.splitlines()
    assert problem == "check-machine: no C++ compiler, which llama.cpp is built with"
    assert fix.startswith("          fix: ")
    assert result.stdout == ""


def test_a_compiler_that_is_named_but_not_there_is_missing() -> None:
    assert "(CXX is nosuch-c++ -O2)" in check_machine(CXX="nosuch-c++ -O2").stderr


def test_an_old_python_is_named_with_the_way_out() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0)"
    code = f"{pretend}; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert "check-machine: Python 3.11, 3.12 or 3.13 is needed; this is 3.9.2\n          fix: " in result.stderr
    assert "make PYTHON=" in result.stderr


def test_it_can_be_read_by_python_3_8() -> None:
    import ast

    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))
