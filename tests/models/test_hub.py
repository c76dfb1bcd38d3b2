"""A model of the Hub: only what is needed is fetched, and what goes wrong is one clear line."""

import subprocess
import sys
from pathlib import Path
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
