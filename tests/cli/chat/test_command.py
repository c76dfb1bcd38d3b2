"""`sql-llama chat` with real engines: from a pipe, with adapters, and what it refuses."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.cli.chat.command import load_engines
from sql_llama.cli.checkup import Check, check_ollama
from sql_llama.cli.main import run
from sql_llama.models.package import packaged_gguf

from .transcript import transcript

if TYPE_CHECKING:
    from conftest import OllamaServer


@pytest.fixture(scope="session")
def tiny_loras(
    tiny_base: Path, make_tiny_adapter: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Three adapters of that model: one, two and three."""
    from sql_llama.export.convert.adapter_gguf import adapter_gguf

    folder = tmp_path_factory.mktemp("loras")
    for alpha, name in enumerate(("one", "two", "three"), 8):
        make_tiny_adapter(tiny_base, folder / name, lora_alpha=alpha * alpha)
    return [adapter_gguf(tiny_base, folder / name, folder / f"{name}.gguf") for name in ("one", "two", "three")]


@pytest.fixture(scope="session")
def tiny_gguf(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that writes nonsense, quickly."""
    from sql_llama.export.convert.convert import convert
    from sql_llama.modelfiles.templates import family

    return convert(tiny_base, tmp_path_factory.mktemp("tiny") / "nonsense.gguf", family("chatml"))


def test_the_command_answers_from_a_pipe(tiny_gguf: Path, pets: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "sql_llama.cli", "chat", "--db", pets, "--model", tiny_gguf, "--base", tiny_gguf],
        input=b"How many \xff cats?\n/quit\n",
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert "\n> How many \ufffd cats?\nbase (nonsense): " in said
    assert "\ntuned (nonsense): " in said
    assert said.endswith("> /quit\n")
    assert "\x1b" not in said


def test_adapters_are_changed_between_two_questions(tiny_gguf: Path, tiny_loras: list[Path], pets: Path) -> None:
    models = [Path(f"{tiny_gguf}+{lora}") for lora in tiny_loras[:2]]

    def said(typed: str) -> str:
        tuned, base = load_engines(models, None, None, False)
        return re.sub(r"\d+\.\d s, ", "", transcript(typed, tuned, base, pets))

    text = said(
        f"/adapter\nQ\n/adapter two\nQ\n/adapter\n/adapter {tiny_loras[2]}\nQ\n/adapter one\nQ\n/adapter four\n"
    )
    assert text.startswith("base:  nonsense\ntuned: nonsense+one\n2 adapters: one, two (/adapter NAME)\n")
    assert "\n> /adapter\n* one\n  two\n> Q\n" in text
    assert "\n> /adapter two\ntuned: nonsense+two\n> Q\n" in text
    assert "\n> /adapter\n  one\n* two\n> " in text
    assert "three.gguf\ntuned: nonsense+three\n> Q\n" in text
    assert text.endswith("> /adapter four\nError: four: no such adapter\nFix: /adapter lists those that are there\n")
    answers = [part.partition("\n> ")[0] for part in text.split("> Q\n")[1:]]
    bases, tuned = zip(*(answer.rstrip().split("\ntuned (") for answer in answers), strict=True)
    assert len(set(bases)) == 1
    assert tuned[0] == tuned[3] and len(set(tuned)) == 3
    assert tuned[0] == said("Q\n").rstrip().split("\ntuned (")[1]  # of a session that never changed it


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--base", "a.gguf", "--no-base"], 2, "give either --base or --no-base."),
        (
            ["--model", "a.gguf", "--ollama", "b"],
            2,
            "give either --model or --ollama: each names the tuned model.",
        ),
        (["--db", "nosuch.sqlite"], 1, "nosuch.sqlite: no such database"),
        (["--ollama", "nosuch", "--no-base"], 1, "no Ollama server answers"),
        (["--no-base"], 1, ""),
        (["--model", "a.gguf+b.gguf", "--model", "c.gguf"], 1, "several --model have to be one base under several"),
        (["--model", "nosuch.gguf+b.gguf"], 1, "nosuch.gguf: no such model file"),
        (["--model", "nosuch.gguf", "--no-base"], 1, "nosuch.gguf: no such model file"),
        (["--model", "nosuch.gguf"], 1, "nosuch.gguf: no such model file"),
    ],
)
def test_what_cannot_start_says_so(
    arguments: list[str], code: int, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", *arguments]) == code
    assert f"Error: {error}" in capsys.readouterr().err


def test_a_tuned_model_outside_a_run_needs_its_base_named(tiny_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "--model", str(tiny_gguf)]) == 1
    assert "Fix: give the base's GGUF file with --base, or --no-base" in capsys.readouterr().err


@pytest.mark.ollama
@pytest.mark.base
def test_a_model_of_ollama_can_be_the_tuned_one(
    ollama_server: "OllamaServer", pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Modelfile").write_text(f"FROM {packaged_gguf()}\nPARAMETER temperature 0\nPARAMETER num_ctx 2048\n")
    create = [ollama_server.program, "create", "chat-test", "-f", tmp_path / "Modelfile"]
    subprocess.run(create, env=ollama_server.environment, check=True, capture_output=True)
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    command = [sys.executable, "-m", "sql_llama.cli", "chat", "--db", pets, "--ollama", "chat-test", "--no-base"]
    result = subprocess.run(
        command, input="Write this query again: SELECT name FROM pets;\n", capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"\ntuned \(chat-test\): .* tokens/s", result.stdout)
    assert check_ollama() == Check("Ollama", "ok", f"server {ollama_server.version}")
