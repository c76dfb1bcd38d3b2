"""Blocks of rows are read, rounded and written by some threads; the bytes do not depend on how."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.convert import stream as module
from sql_llama.export.convert.ggml import row_bytes
from sql_llama.export.convert.stream import Place, Stream, stream


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[int]]:
    numbers = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("first", "second")]
    yield numbers
    for number in numbers:
        os.close(number)


def matrix(height: int = 64, columns: int = 256, seed: int = 0) -> Any:
    import torch

    return torch.randn(height, columns, generator=torch.Generator().manual_seed(seed)) * 0.02


def tensor(values: Any, *places: Place, step: int = 1, seen: list[tuple[int, int]] | None = None) -> Stream:
    def rows(start: int, stop: int) -> Any:
        if seen is not None:
            seen.append((start, stop))
        return values[start:stop].clone()

    return Stream(Path("base"), "model.x", tuple(values.shape), rows, places, step)


def nothing(steps: int = 1, note: str = "") -> None:
    pass


def test_each_file_gets_each_row_in_its_own_type(
    files: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    monkeypatch.setattr(module, "BLOCK", 10 * 256)
    values = matrix()
    stream([tensor(values, Place(files[0], 32, "F16"), Place(files[1], 0, "Q8_0"))], nothing, threads=3)
    assert (tmp_path / "first").read_bytes()[32:] == values.numpy().astype(np.float16).tobytes()
    assert (tmp_path / "second").read_bytes() == quants.quantize(values.numpy(), GGMLQuantizationType.Q8_0).tobytes()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_bytes_depend_neither_on_threads_nor_on_blocks(
    threads: int, files: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = [matrix(seed=seed) for seed in range(3)]
    size = 64 * row_bytes("Q4_K", 256)

    def streams(file: int) -> list[Stream]:
        return [tensor(values, Place(file, size * number, "Q4_K")) for number, values in enumerate(tensors)]

    stream(streams(files[0]), nothing, threads=1)
    monkeypatch.setattr(module, "BLOCK", 3 * 256)
    stream(streams(files[1]), nothing, threads=threads)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_no_block_is_larger_than_it_should_be_and_heads_stay_whole(
    files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 10 * 256)
    seen: list[tuple[int, int]] = []
    stream([tensor(matrix(), Place(files[0], 0, "F32"), step=4, seen=seen)], nothing, threads=1)
    assert seen == [(start, start + 8) for start in range(0, 64, 8)]
    seen.clear()
    stream([tensor(matrix(), Place(files[0], 0, "F32"), step=32, seen=seen)], nothing, threads=1)
    assert seen == [(0, 32), (32, 64)]


def test_a_vector_is_one_row(files: list[int], tmp_path: Path) -> None:
    values = matrix(1, 48).flatten()
    stream([tensor(values, Place(files[0], 0, "F32"))], nothing)
    assert (tmp_path / "first").read_bytes() == values.numpy().tobytes()


def test_progress_names_the_tensor_of_each_block(files: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 16 * 256)
    told: list[tuple[int, str]] = []
    stream([tensor(matrix(), Place(files[0], 0, "F16"))], lambda steps=1, note="": told.append((steps, note)))
    assert told == [(1, "model.x")] * 4


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_K"])
@pytest.mark.parametrize("value", [70000.0, -1e30])
def test_what_float16_cannot_hold_is_refused(kind: str, value: float, files: list[int]) -> None:
    values = matrix()
    values[63, 255] = value
    with pytest.raises(DataError, match=r"base: model\.x has values beyond float16"):
        stream([tensor(values, Place(files[0], 0, kind))], nothing)
    stream([tensor(values, Place(files[0], 0, "BF16"), Place(files[1], 0, "F32"))], nothing)


def test_many_large_values_within_float16_are_no_mistake(files: list[int]) -> None:
    stream([tensor(matrix() * 0 + 65504, Place(files[0], 0, "F16"))], nothing)


@pytest.mark.parametrize("problem", [DataError("not finite"), KeyboardInterrupt()])
def test_the_first_problem_stops_all_threads(
    problem: BaseException, files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 256)
    asked: list[int] = []

    def rows(start: int, stop: int) -> Any:
        asked.append(start)
        if start == 5:
            raise problem
        return matrix(1)

    threads = threading.active_count()
    with pytest.raises(type(problem)):
        stream([Stream(Path("base"), "x", (64, 256), rows, (Place(files[0], 0, "F32"),))], nothing, threads=2)
    assert len(asked) < 16
    assert threading.active_count() == threads


def test_torch_keeps_its_number_of_threads(files: list[int]) -> None:
    import torch

    before = torch.get_num_threads()
    stream([tensor(matrix(), Place(files[0], 0, "F32"))], nothing, threads=3)
    assert torch.get_num_threads() == before


def test_a_slow_tensor_does_not_hold_up_the_next(files: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 256)
    other = threading.Event()

    def waits(start: int, stop: int) -> Any:
        assert other.wait(10)
        return matrix(1)

    def lets_go(start: int, stop: int) -> Any:
        other.set()
        return matrix(1)

    def one(rows: Callable[[int, int], Any], offset: int) -> Stream:
        return Stream(Path("base"), "x", (8, 256), rows, (Place(files[0], offset, "F32"),))

    stream([one(waits, 0), one(lets_go, 8192)], nothing, threads=2)
