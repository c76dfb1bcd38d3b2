"""What a real server of each generation runs, against the certificate of the run that exported it."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import NotExported
from sql_llama.core.run import Run
from sql_llama.engines.ollama_http import NoOllama
from sql_llama.export.certificate.certificate import Certificate
from sql_llama.export.convert.adapter_gguf import adapter_gguf
from sql_llama.export.convert.convert import convert
from sql_llama.export.register import register
from sql_llama.export.served import served
from sql_llama.export.verify_ollama import verify_ollama
from sql_llama.modelfiles.templates import family

if TYPE_CHECKING:
    from conftest import OllamaServer

pytestmark = pytest.mark.ollama
CHECKS = ["certificate", "file", "tensors", "metadata", "modelfile", "ollama", "ollama tokens"]


def verdicts(certificate: Certificate) -> dict[str, str]:
    return {check.name: check.verdict for check in certificate.checks}


def said(certificate: Certificate, name: str) -> str:
    return next(check.said for check in certificate.checks if check.name == name)


@pytest.fixture
def exported(trained: Run, ollama_server: "OllamaServer", monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was exported while the server ran."""
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    return trained


def test_the_exported_model_is_what_the_server_runs(
    exported: Run, ollama_server: "OllamaServer", capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert sql_llama(["verify", "ollama:tiny", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {check["name"]: check["verdict"] for check in found["checks"]} == dict.fromkeys(CHECKS, "pass")
    certified = json.loads((exported.path / "certificate.json").read_text())
    assert found["contents"] == certified["contents"] and set(found["contents"]) == {"tensors", "metadata"}
    anew = not ollama_server.version.startswith("0.24")
    assert (found["sha256"] != certified["sha256"]) == anew
    assert ("the server wrote the file anew" in str(found["checks"])) == anew
    assert sql_llama(["verify", "ollama:tiny:latest"]) == 0
    assert "# Certificate of tiny:latest: pass" in capsys.readouterr().out


def test_a_certificate_without_contents_still_serves(exported: Run, ollama_server: "OllamaServer") -> None:
    path = exported.path / "certificate.json"
    facts = json.loads(path.read_text())
    del facts["contents"]
    path.write_text(json.dumps({**facts, "certificate_version": 2}))
    assert verdicts(verify_ollama("tiny")) == dict.fromkeys(CHECKS, "pass")
    for file in exported.gguf.iterdir():
        file.unlink()
    alone = verify_ollama("tiny")
    if ollama_server.version.startswith("0.24"):  # whose file has the sha256 of the certificate
        assert verdicts(alone) == dict.fromkeys(CHECKS, "pass")
    else:
        assert verdicts(alone)["tensors"] == verdicts(alone)["metadata"] == "skipped"
        assert "of an older version" in said(alone, "tensors")


def test_the_certificate_that_came_with_a_model_serves_elsewhere(exported: Run, tmp_path: Path) -> None:
    got = tmp_path / "downloaded"
    got.mkdir()
    for name in ("certificate.json", "Modelfile"):
        shutil.copy(exported.path / name, got)
    shutil.rmtree(exported.path)
    with pytest.raises(NotExported, match="no certified run here exports a model named tiny"):
        verify_ollama("tiny")
    assert verdicts(verify_ollama("tiny", got / "certificate.json")) == dict.fromkeys(CHECKS, "pass")
    (got / "Modelfile").unlink()
    assert verdicts(verify_ollama("tiny", got / "certificate.json"))["modelfile"] == "skipped"


def test_other_weights_under_the_name_are_noticed(
    exported: Run, ollama_server: "OllamaServer", tiny_base: Path, tmp_path: Path
) -> None:
    other = convert(tiny_base, tmp_path / "other.gguf", family("chatml"))
    register(other, "tiny", family("chatml"), num_ctx=2048, host=ollama_server.host)
    found = verify_ollama("tiny")
    assert (verdicts(found)["tensors"], verdicts(found)["file"]) == ("fail", "pass")
    assert not found.passed and sql_llama(["verify", "ollama:tiny"]) == 1


def test_other_settings_under_the_name_are_noticed(exported: Run, ollama_server: "OllamaServer") -> None:
    changed = {"template": "{{ .Prompt }}", "parameters": {"temperature": 0.8}, "system": "Be nice."}
    ollama_server.post("/api/create", model="tiny", **{"from": "tiny"}, stream=False, **changed)
    found = verify_ollama("tiny")
    assert verdicts(found)["tensors"] == verdicts(found)["metadata"] == "pass"
    wrong = next(check for check in found.checks if check.name == "modelfile")
    assert wrong.verdict == "fail" and wrong.failures[:2] == ("template", "system")
    assert "temperature is 0.8, not 0" in wrong.failures


@contextmanager
def in_a_container(server: "OllamaServer") -> Iterator[str]:
    """The server at another address, as one in a container is seen: its models folder has another name there."""

    class Door(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            request = urllib.request.Request(f"http://{server.host}{self.path}", body, method=self.command)
            with urllib.request.urlopen(request, timeout=100) as reply:
                said = reply.read().replace(server.environment["OLLAMA_MODELS"].encode(), b"/container/models")
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = pass_on

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as door:
        Thread(target=door.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{door.server_port}"
        door.shutdown()


def test_a_file_that_is_elsewhere_is_skipped_or_found_by_ollama_models(
    exported: Run, ollama_server: "OllamaServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_a_container(ollama_server) as host:
        unseen = verify_ollama("tiny", host=host)
        same_bytes = ollama_server.version.startswith("0.24")
        assert verdicts(unseen)["file"] == "skipped" and unseen.passed
        assert verdicts(unseen)["tensors"] == ("pass" if same_bytes else "skipped")
        assert verdicts(unseen)["ollama"] == verdicts(unseen)["ollama tokens"] == "pass"  # by the run's own file
        for file in exported.gguf.iterdir():
            file.unlink()
        assert verdicts(verify_ollama("tiny", host=host))["ollama"] == "skipped"
        monkeypatch.setenv("OLLAMA_MODELS", ollama_server.environment["OLLAMA_MODELS"])
        assert verdicts(verify_ollama("tiny", host=host)) == dict.fromkeys(CHECKS, "pass")


def test_an_adapter_on_top_is_noticed(
    exported: Run, ollama_server: "OllamaServer", tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    lora = adapter_gguf(tiny_stopping_base, tiny_adapter, tmp_path / "lora.gguf", name="lora", facts={})
    page = tmp_path / "Modelfile"
    page.write_text(f"FROM tiny\nADAPTER {lora}\n")
    create = [ollama_server.program, "create", "tiny", "-f", page]
    made = subprocess.run(create, env=ollama_server.environment, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    found = verify_ollama("tiny")
    wrong = next(check for check in found.checks if check.name == "modelfile")
    assert (wrong.verdict, wrong.failures) == ("fail", ("ADAPTER is not in it",))
    assert verdicts(found)["tensors"] == "pass"


def test_a_damaged_file_of_the_server_is_noticed(exported: Run, ollama_server: "OllamaServer") -> None:
    file = served("tiny", ollama_server.host).file
    assert file is not None
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        found = verify_ollama("tiny")
        assert verdicts(found)["file"] == verdicts(found)["tensors"] == "fail"
    finally:
        file.write_bytes(whole)


def test_what_is_not_there_is_one_line(
    exported: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert sql_llama(["verify", "ollama:nothing-here"]) == 1
    assert capsys.readouterr().err.splitlines()[0] == "Error: nothing-here: Ollama has no such model"
    assert sql_llama(["verify", "ollama:tiny", "--certificate", "nowhere.json"]) == 1
    assert capsys.readouterr().err.splitlines()[0] == "Error: nowhere.json: no such certificate"
    assert sql_llama(["verify", "ollama:tiny", "--base", "x"]) == 2
    assert sql_llama(["verify", str(exported.path), "--certificate", "x"]) == 2
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    with pytest.raises(NoOllama, match="no Ollama server answers at"):
        verify_ollama("tiny")
