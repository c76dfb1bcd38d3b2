"""A model handed to a real Ollama server: texts arrive as they were, and a server that refuses or dies is one line."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.core.run import Run
from sql_llama.engines.engine import answer
from sql_llama.engines.ollama import OllamaEngine
from sql_llama.export.convert.convert import convert
from sql_llama.export.register import register
from sql_llama.modelfiles.modelfile import modelfile
from sql_llama.modelfiles.templates import family, template_with_schema
from sql_llama.prompts.messages import SYSTEM_PROMPT

if TYPE_CHECKING:
    from conftest import OllamaServer

pytestmark = pytest.mark.ollama

CHATML = family("chatml")
SCHEMA = 'shop."a ""b""" text [\'it\'\'s\', \'\u200b{{ .Content }}\', \'"""\', \'\\\\\']\nshop.id = "x y"."z"'
HARD = [
    'quotes: " "" """ inside a line, and at the end "',
    "  blanks before and after \n\n\ttabs\r\nand carriage returns  ",
    "PARAMETER stop x\nFROM evil\n# no comment\n{{ .System }} {% if %} \\n é 多少 🦙",
    '"""',
    "",
]


@pytest.fixture(scope="module")
def tiny_gguf(tiny_stopping_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_stopping_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", CHATML)


def shown(server: "OllamaServer", name: str) -> dict[str, object]:
    said = server.post("/api/show", model=name)
    parameters = sorted(" ".join(line.split()) for line in str(said["parameters"]).splitlines())
    return {**{key: said.get(key) for key in ("system", "template", "license", "messages")}, "parameters": parameters}


def test_create_reads_a_modelfile_as_register_hands_it_over(
    ollama_server: "OllamaServer", tiny_gguf: Path, tmp_path: Path
) -> None:
    folder = tmp_path / """my "best" run's (1)"""
    folder.mkdir()
    path = folder / """a "tiny" model's.gguf"""
    path.write_bytes(tiny_gguf.read_bytes())
    examples = [(HARD[0], HARD[1]), (HARD[2], "SELECT 1")]
    text = modelfile(f"./{path.name}", CHATML, num_ctx=2048, license="Apache-2.0", schema=SCHEMA, examples=examples)
    (folder / "Modelfile").write_bytes(text.encode())
    create = [ollama_server.program, "create", "by-hand", "-f", folder / "Modelfile"]
    said = subprocess.run(create, env=ollama_server.environment, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    register(
        path,
        "handed",
        CHATML,
        num_ctx=2048,
        license="Apache-2.0",
        schema=SCHEMA,
        examples=examples,
        host=ollama_server.host,
    )
    by_hand = shown(ollama_server, "by-hand")
    assert by_hand == shown(ollama_server, "handed")
    assert by_hand["template"] == template_with_schema(CHATML, SCHEMA)
    assert by_hand["system"] == SYSTEM_PROMPT
    assert by_hand["messages"] == [
        {"role": role, "content": text}
        for pair in examples
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


@pytest.mark.parametrize("text", HARD)
def test_a_text_that_is_not_refused_arrives_as_it_is(
    text: str, ollama_server: "OllamaServer", tiny_gguf: Path, tmp_path: Path
) -> None:
    (tmp_path / "Modelfile").write_bytes(modelfile(str(tiny_gguf), CHATML, system=text).encode())
    create = [ollama_server.program, "create", "text", "-f", tmp_path / "Modelfile"]
    said = subprocess.run(create, env=ollama_server.environment, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    assert shown(ollama_server, "text")["system"] == (text or None)


class Fragile:
    """A door to a real server of its own: the server is killed as soon as a request for `fatal` has been passed on."""

    def __init__(self, server: "OllamaServer", home: Path) -> None:
        self.fatal = b""
        inner, self.port = free_port(), free_port()
        environment = {**server.environment, "OLLAMA_HOST": f"127.0.0.1:{inner}", "HOME": str(home)}
        environment["OLLAMA_MODELS"] = str(home / "models")
        self.server = subprocess.Popen(
            [server.program, "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{inner}/api/version", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        self.inner = inner
        self.door = socket.create_server(("127.0.0.1", self.port))
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()

    def serve(self) -> None:
        while True:
            try:
                outside, _ = self.door.accept()
                inside = socket.create_connection(("127.0.0.1", self.inner))
            except OSError:  # the door is closed, or nobody is behind it
                return
            for pair in ((outside, inside), (inside, outside)):
                thread = threading.Thread(target=self.carry, args=pair, daemon=True)
                thread.start()
                self.threads.append(thread)

    def carry(self, source: socket.socket, target: socket.socket) -> None:
        with source, target:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                    if self.fatal and data.startswith(self.fatal):
                        self.kill()
            except OSError:
                pass
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """The server, and the processes that hold its models."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    def close(self) -> None:
        self.kill()
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for thread in self.threads:
            thread.join(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def fragile(ollama_server: "OllamaServer", tmp_path: Path) -> Iterator[Fragile]:
    server = Fragile(ollama_server, tmp_path)
    yield server
    server.close()


@pytest.mark.parametrize("moment", [b"POST /api/blobs/", b"POST /api/create"])
def test_a_server_that_dies_meanwhile_is_one_line(moment: bytes, fragile: Fragile, tiny_gguf: Path) -> None:
    fragile.fatal = moment
    with pytest.raises(SqlLlamaError, match="Ollama stopped answering while the file was sent to it") as caught:
        register(tiny_gguf, "tiny", CHATML, host=f"127.0.0.1:{fragile.port}")
    assert "\n" not in caught.value.message
    assert caught.value.fix == "ollama serve"


def test_a_server_that_dies_while_it_answers_is_one_line(fragile: Fragile, tiny_gguf: Path) -> None:
    host = f"127.0.0.1:{fragile.port}"
    register(tiny_gguf, "tiny", CHATML, num_ctx=256, host=host)
    engine = OllamaEngine("tiny", host)
    try:
        assert answer(engine, [Message("user", "How many?")]).stopped
        fragile.fatal = b"POST /api/chat"
        with pytest.raises(SqlLlamaError, match=r"no Ollama server answers|stopped before the end") as caught:
            answer(engine, [Message("user", "How many?")])
        assert "\n" not in caught.value.message
    finally:
        engine.close()


def test_an_export_whose_server_dies_keeps_its_files_and_goes_on(
    fragile: Fragile,
    tiny_stopping_base: Path,
    tiny_adapter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{fragile.port}")
    fragile.fatal = b"POST /api/create"
    out = tmp_path / "out"
    command = ["export", "--base", str(tiny_stopping_base), "--adapter", str(tiny_adapter), "--out", str(out)]
    options = ["--ground", "base", "--quant", "Q8_0", "--no-verify", "--no-gate"]
    assert sql_llama([*command, *options]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "Ollama stopped answering while the file was sent to it" in line]
    assert not [line for line in said if "Traceback" in line]
    made = sorted(path.name for path in out.rglob("*") if path.is_file())
    assert made == ["Modelfile", "manifest.json", "recipe.toml", "sql-llama-Q8_0.gguf"]
    written = (out / "gguf" / "sql-llama-Q8_0.gguf").stat().st_mtime_ns
    assert "register" not in Run(out).manifest()["stages"]
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    assert sql_llama([*command, *options]) == 0
    assert (out / "gguf" / "sql-llama-Q8_0.gguf").stat().st_mtime_ns == written


def test_a_server_that_refuses_says_why_in_one_line(
    ollama_server: "OllamaServer", tiny_gguf: Path, tmp_path: Path
) -> None:
    with pytest.raises(SqlLlamaError, match=r"Ollama refuses it .*invalid model name") as caught:
        register(tiny_gguf, "no such:name:at all", CHATML, host=ollama_server.host)
    assert "\n" not in caught.value.message
