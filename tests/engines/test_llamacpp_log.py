"""llama.cpp's log goes to whoever listens in the thread that logs, and to nobody else."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.engines.llamacpp_log import ERROR, LOG, problems


def load(path: Path) -> None:
    """Let llama.cpp itself refuse a file, which it does with lines in its log that name the file."""
    import llama_cpp

    LOG.install()
    assert not llama_cpp.llama_model_load_from_file(bytes(path), llama_cpp.llama_model_default_params())


def test_the_block_hears_its_own_lines_and_no_later_ones(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with problems() as lines:
        load(tmp_path / "first.gguf")
    assert any("first.gguf" in line for line in lines)
    count = len(lines)
    load(tmp_path / "second.gguf")
    assert len(lines) == count
    assert capfd.readouterr() == ("", "")


def test_a_block_inside_another_takes_the_lines(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    with problems() as outer, LOG.listening(lambda level, text: heard.append((level, text))):
        load(tmp_path / "x.gguf")
    assert not outer and any(level == ERROR and "x.gguf" in text for level, text in heard)


def test_two_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    together = threading.Barrier(2)

    def hear(name: str) -> str:
        with problems() as lines:
            for _ in range(20):
                together.wait(30)
                load(tmp_path / name)
        return "\n".join(lines)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(hear, ["first.gguf", "second.gguf"])
    assert "first.gguf" in first and "second.gguf" not in first
    assert "second.gguf" in second and "first.gguf" not in second


def test_a_model_that_cannot_be_loaded_names_llama_cpps_reason(tmp_path: Path, tiny_stopping_base: Path) -> None:
    from sql_llama.export.convert.convert import convert
    from sql_llama.modelfiles.templates import family

    path = convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml"))
    path.write_bytes(path.read_bytes().replace(b"output_norm.weight", b"output_Norm.weight"))
    with pytest.raises(DataError, match=r"x\.gguf: broken or unknown model file \(.*output_norm"):
        load_llamacpp(path)
