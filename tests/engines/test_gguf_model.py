"""A GGUF file in memory: shared by engines, and refused where its BOS token is missing."""

from pathlib import Path

import gguf
import pytest
from sql_llama.core.errors import DataError
from sql_llama.engines.gguf_model import open_model
from sql_llama.engines.trial import write_tiny_gguf


def test_the_weights_stay_until_the_last_engine_has_left(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    model = open_model(tmp_path / "tiny.gguf").join().join()
    model.leave()
    assert model.handle and model.parameters() > 1000
    model.leave()
    assert model.handle is None


def test_text_and_tokens_are_each_others_inverse(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    model = open_model(tmp_path / "tiny.gguf").join()
    tokens = model.tokenize("多x")
    assert model.text(tokens) == "▁多x" and model.bos == 1  # its bytes have no token for the space that it puts before
    assert model.piece(1) == b"" and model.piece(1, special=True) == b"<s>" == model.bos_text.encode()
    model.leave()


def test_a_file_that_wants_bos_and_has_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_tokenizer = gguf.GGUFWriter.add_tokenizer_model

    def without_bos(writer: gguf.GGUFWriter, _: str) -> None:
        name_tokenizer(writer, "t5")  # the one kind for which llama.cpp has no BOS token of its own
        writer.add_add_bos_token(True)

    monkeypatch.setattr(gguf.GGUFWriter, "add_tokenizer_model", without_bos)
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path)
    with pytest.raises(DataError, match=r"tiny\.gguf: needs a BOS token before each prompt, but names none"):
        open_model(path)
