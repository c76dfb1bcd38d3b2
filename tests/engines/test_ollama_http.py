"""Requests to an Ollama server: addresses as people write them, and failures in one line."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.engines.ollama_http import NoOllama, OllamaRefusal, check, connect, requests, server_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        (":56789", "http://127.0.0.1:56789"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("https://example.com:56789/path/", "https://example.com:56789/path"),
        ("example.com/path", "http://example.com:11434/path"),
        ("http://[0001::1]:5/", "http://[0001::1]:5"),
    ],
)
def test_an_address_is_read_as_ollamas_own_client_reads_it(given: str, url: str) -> None:
    assert server_url(given) == url


def test_without_one_it_is_ollamas_variable_then_ollamas_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_url() == "http://127.0.0.1:1"
    monkeypatch.delenv("OLLAMA_HOST")
    assert server_url() == "http://127.0.0.1:11434"


@pytest.mark.parametrize("given", ["box:port", "http://[::1", "ftp://box", "box:99999"])
def test_a_text_that_is_no_address_is_one_line(given: str) -> None:
    with pytest.raises(SqlLlamaError, match="not the address of an Ollama server") as caught:
        server_url(given)
    assert "OLLAMA_HOST" in caught.value.fix


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers /plain with a text and anything else with Ollama's form of an error."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 500)
        self.end_headers()
        self.wfile.write(b"no luck" if self.path == "/plain" else b'{"error": "out of memory"}')

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize(
    ("path", "message", "reason"),
    [
        ("/any", "tiny: Ollama failed: out of memory", "out of memory"),
        ("/plain", "tiny: Ollama failed: no luck", "no luck"),
        ("/missing", "tiny: Ollama has no such model", "out of memory"),
    ],
)
def test_a_refusal_keeps_the_servers_reason(path: str, message: str, reason: str, host: str) -> None:
    with pytest.raises(OllamaRefusal) as caught, requests("tiny", host), connect(host) as client:
        check(client.get(path))
    assert (caught.value.message, caught.value.reason) == (message, reason) and caught.value.fix


def test_the_reason_of_a_streamed_refusal_is_read_too(host: str) -> None:
    with (
        pytest.raises(OllamaRefusal, match="out of memory"),
        requests("tiny", host),
        connect(host) as client,
        client.stream("GET", "/any") as response,
    ):
        check(response)


def test_no_server_is_named_with_its_address() -> None:
    with (
        pytest.raises(NoOllama, match=r"no Ollama server answers at 127\.0\.0\.1:1 \(ConnectError\)"),
        requests("", "127.0.0.1:1"),
        connect("127.0.0.1:1") as client,
    ):
        check(client.get("/api/version"))
