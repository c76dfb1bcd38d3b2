"""A model of the Hub: only what is needed is fetched, and what goes wrong is one clear line."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.models.base import resolve_base


def test_either_tokenizer_is_fetched_from_the_hub_and_no_weights_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    there = ["config.json", "tokenizer.model", "tokenizer.json", "added_tokens.json", "model.safetensors"]
    others = ["pytorch_model.bin", "original/tokenizer.model", "model.gguf", "README.md"]
    taken: list[str] = []

    def fetch(model: str, revision: str, allow_patterns: list[str]) -> str:
        taken.extend(filter_repo_objects([*there, *others], allow_patterns=allow_patterns))
        snapshot = tmp_path / "snapshot"
        snapshot.mkdir()
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            (snapshot / name).write_text("{}")
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    resolve_base("someone/some-model")
    assert taken == there


def offline(model: str, revision: str = "main") -> SqlLlamaError:
    """The error of a fresh process without a network (huggingface_hub reads HF_HUB_OFFLINE when it is imported)."""
    code = (
        "import sys\nfrom sql_llama.models.base import resolve_base\n"
        "from sql_llama.core.errors import SqlLlamaError\n"
        "try:\n    resolve_base(sys.argv[1], sys.argv[2])\n"
        "except SqlLlamaError as e:\n    print(e.message); print(e.fix)"
    )
    done = subprocess.run([sys.executable, "-c", code, model, revision], capture_output=True, text=True, check=True)
    message, fix = done.stdout.splitlines()
    return SqlLlamaError(message, fix=fix)


def test_a_hub_model_offline_is_one_clear_line() -> None:
    error = offline("someone/some-model")
    assert error.message == "someone/some-model (revision main): not on this machine, and HF_HUB_OFFLINE is set"
    assert "connect to the network" in error.fix


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        ("GatedRepoError", "accepted its licence"),
        ("RepositoryNotFoundError", "no such folder, and no such model on the Hub"),
        ("RevisionNotFoundError", "has no such revision"),
    ],
)
def test_gated_and_not_found_are_told_apart(raised: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*args: Any, **kwargs: Any) -> str:
        response = httpx.Response(403, request=httpx.Request("GET", "http://localhost"))
        raise getattr(errors, raised)("refused", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(SqlLlamaError, match=says):
        resolve_base("someone/some-model")


@pytest.mark.parametrize(
    ("status", "code", "said", "says"),
    [
        (401, "", "Invalid credentials in Authorization header", "the Hub refuses your token (HTTP 401)"),
        (403, "", "Forbidden", "the Hub refuses your token (HTTP 403)"),
        (403, "GatedRepo", "Access is restricted", "only to people who accepted its licence"),
        (404, "RepoNotFound", "Repository not found", "no such model on the Hub"),
        (404, "RevisionNotFound", "Invalid rev id", "has no such revision"),
        (500, "", "Internal error", "the Hub answers HTTP 500"),
    ],
)
def test_what_a_hub_answers_is_one_line_without_the_token(
    status: int, code: str, said: str, says: str, tmp_path: Path
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"error": said}).encode()
            self.send_response(status)
            headers = {"X-Error-Code": code, "X-Error-Message": said, "Content-Length": str(len(body))}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        secrets = {"HF_TOKEN": "hf_Secret123", "HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        recipe = tmp_path / "x.toml"
        recipe.write_text('name = "x"\n[base]\nmodel = "owner/name"\n[data]\nsynthetic = 20\n')
        done = subprocess.run(
            [sys.executable, "-m", "sql_llama.cli", "train", str(recipe)],
            cwd=tmp_path, env={**os.environ, **secrets}, capture_output=True, text=True,
        )  # fmt: skip
        server.shutdown()
    assert done.returncode == 1
    error, fix = done.stderr.splitlines()
    assert error.startswith("Error: owner/name") and says in error and fix.startswith("Fix: ")
    assert "Secret123" not in done.stdout + done.stderr
    assert not list((tmp_path / "runs").glob("*/manifest.json"))
