"""Real servers of both generations of Ollama push a run's model to a registry of this machine."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.run import Run
from sql_llama.export.convert.convert import convert
from sql_llama.export.register import register
from sql_llama.modelfiles.templates import family
from sql_llama.publish.registry import check_target, push_to_registry

if TYPE_CHECKING:
    from conftest import OllamaServer


@dataclass
class Registry:
    """What a registry got: blobs by digest, manifests by place; with `refuses` it takes nothing."""

    address: str = ""
    refuses: bool = False
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)


@contextmanager
def registry_server() -> Iterator[Registry]:
    """A registry without TLS, as the distribution specification has it: blobs in parts, then the manifest."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, location: str = "", text: bytes = b"") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", f"http://{registry.address}{location}")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def do_HEAD(self) -> None:
            self.answer(200 if self.path.rpartition("/")[2] in registry.blobs else 404)

        def do_POST(self) -> None:
            self.body()
            if registry.refuses:
                self.answer(403, text=b"no room for you")
                return
            name = f"/upload/{len(registry.uploads)}"
            registry.uploads[name] = b""
            self.answer(202, name)

        def do_PATCH(self) -> None:
            registry.uploads[self.path.partition("?")[0]] += self.body()
            self.answer(202, self.path)

        def do_PUT(self) -> None:
            data, path = self.body(), self.path.partition("?")[0]
            if "/manifests/" in path:
                registry.manifests[path] = json.loads(data)
            else:
                whole = registry.uploads.pop(path) + data
                registry.blobs[f"sha256:{hashlib.sha256(whole).hexdigest()}"] = whole
            self.answer(201)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.address = f"127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield registry
        server.shutdown()


@pytest.fixture
def registered(trained: Run, ollama_server: "OllamaServer", monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was exported while the server ran."""
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    return trained


@pytest.mark.ollama
def test_the_server_pushes_the_model_with_its_template(
    registered: Run, ollama_server: "OllamaServer", capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    with registry_server() as registry:
        target = f"http://{registry.address}/ann/tiny"
        for _ in range(2):  # the second time there is nothing to upload
            assert sql_llama(["push", str(registered.path), "--ollama", target]) == 0
            assert capsys.readouterr().out == f"Pushed by Ollama to {target}\n"
        manifest = registry.manifests["/v2/ann/tiny/manifests/latest"]
        kinds = {layer["mediaType"].rpartition(".")[2]: layer["digest"] for layer in manifest["layers"]}
        layers = {kind: registry.blobs[digest] for kind, digest in kinds.items()}
        assert layers["template"].decode() == family("chatml").go
        assert json.loads(layers["params"])["temperature"] == 0
        blobs = Path(ollama_server.environment["OLLAMA_MODELS"]) / "blobs"
        assert layers["model"] == (blobs / kinds["model"].replace(":", "-")).read_bytes()


@pytest.mark.ollama
def test_what_goes_wrong_is_one_line(
    registered: Run, ollama_server: "OllamaServer", tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry_server() as registry:
        registry.refuses = True
        capsys.readouterr()
        target = f"http://{registry.address}/ann/tiny"
        assert sql_llama(["push", str(registered.path), "--ollama", target]) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if re.match(r"Error|Fix", line)]
        assert len(lines) == 2 and "the registry did not take it" in lines[0] and "no room for you" in lines[0]
        registry.refuses = False
        other = convert(tiny_base, tmp_path / "other.gguf", family("chatml"))
        register(other, "tiny", family("chatml"), host=ollama_server.host)
        with pytest.raises(DataError, match=r"ollama:tiny: is not what .* exported"):
            push_to_registry(registered, "tiny", target)
        assert registry.blobs == {} and registry.manifests == {}


@pytest.mark.parametrize("target", ["ann/tiny", "ann/tiny:v1", "http://127.0.0.1:5000/ann/tiny", "host:5000/a/b:c"])
def test_names_in_a_registry(target: str) -> None:
    check_target(target)


@pytest.mark.parametrize("target", ["tiny", "", "a/", "/b", "https://a/b", "a b/c", "a/b/c/d", "ftp://h/a/b"])
def test_what_is_no_name_in_a_registry(target: str) -> None:
    with pytest.raises(RecipeError, match="not a name in an Ollama registry"):
        check_target(target)
