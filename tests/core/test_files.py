"""Files that are whole or not there at all."""

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.files import (
    ABANDONED,
    atomic,
    atomic_folder,
    need_space,
    remove_leftovers,
    sha256,
    size,
    write_json,
    write_text,
)


def test_a_file_appears_whole_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    with atomic(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() and temporary.parent == path.parent and temporary.suffix == ".txt"
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and {item.name for item in tmp_path.iterdir()} == {"home", path.name}


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for number in (1, 2):
        with atomic_folder(path) as temporary:
            (temporary / f"{number}.txt").write_text("x")
    assert [item.name for item in path.iterdir()] == ["2.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    with pytest.raises(ValueError), atomic_folder(path) as temporary:
        (temporary / "half").write_text("x")
        raise ValueError
    assert {item.name for item in tmp_path.iterdir()} == {"home", path.name} and not list(path.iterdir())


def test_what_killed_processes_left_goes_after_a_day_and_what_is_being_written_stays(tmp_path: Path) -> None:
    day_old = time.time() - ABANDONED - 60
    for name in (".old.1", ".slow.2", ".new.3", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.gguf").touch()
    (tmp_path / ".old.4").touch()
    for name in (".old.1/model.gguf", ".old.1", ".slow.2", ".old.4", "kept/model.gguf", "kept"):
        os.utime(tmp_path / name, (day_old, day_old))
    remove_leftovers(tmp_path, ".*.*")
    assert {item.name for item in tmp_path.iterdir()} == {"home", ".slow.2", ".new.3", "kept"}
    remove_leftovers(tmp_path / "not there", "*")


def test_text_and_json_are_utf8_and_keep_their_order(tmp_path: Path) -> None:
    write_text(tmp_path / "t", "ä")
    assert (tmp_path / "t").read_bytes() == "ä".encode()
    write_json(tmp_path / "j", {"b": "ä", "a": [1]})
    assert (tmp_path / "j").read_text(encoding="utf-8") == '{\n  "b": "ä",\n  "a": [\n    1\n  ]\n}\n'


def test_a_folders_hash_is_of_names_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "x").write_bytes(b"abc")
    assert sha256(one / "sub" / "x") == hashlib.sha256(b"abc").hexdigest()
    assert sha256(one) == sha256(two) and size(one) == size(one / "sub" / "x") == 3
    (two / "sub" / "x").rename(two / "sub" / "y")
    assert sha256(one) != sha256(two)


def test_too_little_space_is_said_before_the_work(tmp_path: Path) -> None:
    need_space(tmp_path / "not" / "there", 1, "a byte")
    with pytest.raises(SqlLlamaError, match=r"out: the moon needs \d+ MiB of disk and \d+ MiB are free"):
        need_space(tmp_path / "out", 2**60, "the moon")
    assert not (tmp_path / "out").exists()
