"""The real command against a server of this machine that speaks the Hub's protocol."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_llama.core.run import Run

from .hub_server import TOKEN, Hub, Repository, hub_server

NAME = "me/tiny-GGUF"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        yield server


def environment(hub: Hub, token: str = TOKEN) -> dict[str, str]:
    """HF_HUB_DISABLE_XET: the Hub's newer way of uploading needs a storage server that cannot be had here."""
    env = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_HUB_OFFLINE": os.environ.get("OFFLINE", "0"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_USERNAME": "me",
    }
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HOME"):
        env.pop(name, None)
    return {**env, "HF_TOKEN": token} if token else env


def push(hub: Hub, run: Run, *options: str, token: str = TOKEN) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sql_llama.cli", "push", str(run.path), *options]
    return subprocess.run(command, env=environment(hub, token), capture_output=True, text=True, timeout=110)


def test_the_very_bytes_arrive_in_one_commit_and_pushing_again_changes_nothing(hub: Hub, exported: Run) -> None:
    done = push(hub, exported, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["repository"], said["private"], said["sent"]["changed"]) == (NAME, False, True)
    repository = hub.repositories[NAME]
    assert sorted(repository.files) == sorted(item["path"] for item in said["files"])
    for name in ("tiny-Q8_0.gguf", "tiny-F16.gguf"):
        assert repository.files[name] == (exported.gguf / name).read_bytes()
    assert repository.files["README.md"].decode() == said["card"]
    assert repository.files["certificate.json"] == (exported.path / "certificate.json").read_bytes()
    assert (len(repository.commits), hub.count("PUT")) == (2, 2)
    again = push(hub, exported)
    assert again.returncode == 0 and f"Nothing has changed in {hub.address}/{NAME}" in again.stdout
    assert (len(repository.commits), hub.count("PUT")) == (2, 2)


def test_a_push_that_is_interrupted_leaves_the_repository_as_it_was_and_goes_on(hub: Hub, exported: Run) -> None:
    hub.trouble = "hold"
    command = [sys.executable, "-m", "sql_llama.cli", "push", str(exported.path)]
    process = subprocess.Popen(command, env=environment(hub), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert hub.uploading.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.go_on.set()
    assert hub.repositories[NAME].files == {}
    hub.trouble = "drop"  # once, which is tried again
    done = push(hub, exported)
    assert done.returncode == 0, done.stderr
    assert hub.repositories[NAME].files["tiny-Q8_0.gguf"] == (exported.gguf / "tiny-Q8_0.gguf").read_bytes()
    assert len(hub.repositories[NAME].commits) == 2


def test_ctrl_c_ends_a_push_without_a_commit(hub: Hub, exported: Run) -> None:
    hub.trouble = "hold"
    (exported.gguf / "tiny-F16.gguf").unlink()  # of one file, which is sent by the main thread
    manifest = exported.manifest()
    del manifest["stages"]["quantize F16"]
    exported.manifest_path.write_text(json.dumps(manifest))
    command = [sys.executable, "-m", "sql_llama.cli", "push", str(exported.path)]
    process = subprocess.Popen(command, env=environment(hub), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert hub.uploading.wait(60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors
    assert hub.repositories[NAME].files == {}


def test_files_of_earlier_pushes_stay_and_are_named(hub: Hub, exported: Run) -> None:
    hub.repositories[NAME] = Repository(False, {"NOTES.md": b"mine", "tiny-Q2_K.gguf": b"old"})
    done = push(hub, exported)
    assert done.returncode == 0 and "Still there from before: NOTES.md, tiny-Q2_K.gguf" in done.stdout
    assert hub.repositories[NAME].files["NOTES.md"] == b"mine"


def test_private_means_private(hub: Hub, exported: Run) -> None:
    assert push(hub, exported, "--private").returncode == 0
    assert hub.repositories[NAME].private
    hub.repositories["me/open"] = Repository(False)
    done = push(hub, exported, "--private", "--to", "me/open")
    assert done.returncode == 1 and hub.repositories["me/open"].files == {}
    assert done.stderr.splitlines()[0] == "Error: me/open: is there already and is public, so nothing was sent"


@pytest.mark.parametrize(
    ("trouble", "token", "options", "says"),
    [
        ("", "", (), f"{NAME}: cannot be pushed without a token of the Hub"),
        ("", "hf_wrongToken", (), f"{NAME}: the Hub does not accept the token (Invalid user token.)"),
        ("", TOKEN, ("--to", "them/tiny"), "them/tiny: the Hub refuses, the token may not write there (You don't"),
        ("broken", TOKEN, (), f"{NAME}: the Hub failed with status 500 (Internal Error)"),
        ("echo", TOKEN, (), f"{NAME}: the Hub refuses with status 418 (no Bearer ***)"),
        ("down", TOKEN, (), f"{NAME}: cannot be pushed to "),
        ("offline", TOKEN, (), f"{NAME}: cannot be pushed, HF_HUB_OFFLINE is set"),
    ],
)
def test_what_the_hub_refuses_is_one_line_without_the_token(
    trouble: str,
    token: str,
    options: tuple[str, ...],
    says: str,
    hub: Hub,
    exported: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.trouble = trouble
    if trouble == "offline":
        monkeypatch.setenv("OFFLINE", "1")
    if trouble == "down":
        hub.address = "http://127.0.0.1:1"
    done = push(hub, exported, *options, token=token)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) == 2, done.stderr
    assert lines[0].startswith(f"Error: {says}") and lines[1].startswith("Fix: ")
    assert not token or token not in done.stdout + done.stderr


def test_a_hub_without_xet_storage_is_one_line(hub: Hub, exported: Run) -> None:
    command = [sys.executable, "-m", "sql_llama.cli", "push", str(exported.path)]
    env = {**environment(hub), "HF_HUB_DISABLE_XET": "0"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=110)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) == 2, done.stderr
    assert "404" in lines[0] and lines[1].endswith("for a Hub without Xet storage set HF_HUB_DISABLE_XET=1")
    assert hub.repositories[NAME].files == {}


def test_the_token_is_nowhere(hub: Hub, exported: Run, tmp_path: Path) -> None:
    done = push(hub, exported)
    assert done.returncode == 0 and TOKEN not in done.stdout + done.stderr
    for folder in (exported.path, Path(os.environ["HOME"])):
        for path in folder.rglob("*"):
            assert not path.is_file() or path.is_symlink() or TOKEN.encode() not in path.read_bytes(), path
    assert all(TOKEN.encode() not in data for data in hub.repositories[NAME].files.values())


def test_a_token_in_a_file_of_the_run_is_not_sent(hub: Hub, exported: Run) -> None:
    page = exported.path / "Modelfile"
    page.write_text(page.read_text().replace('SYSTEM """', f'SYSTEM """{TOKEN} '))
    done = push(hub, exported)
    assert done.returncode == 1 and done.stderr.splitlines()[0] == "Error: Modelfile: holds your token"
    assert hub.requests == [] and TOKEN not in done.stderr
