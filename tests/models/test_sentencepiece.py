"""tokenizer.model read by hand, against the package that writes it."""

import io
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.models.sentencepiece import sentencepiece


def train(**options: Any) -> bytes:
    from sentencepiece import SentencePieceTrainer

    out = io.BytesIO()
    chosen = {
        "model_type": "bpe",
        "vocab_size": 320,
        "byte_fallback": True,
        "hard_vocab_limit": False,
        "minloglevel": 2,
    }
    text = ["SELECT name FROM singer WHERE née > 'Ünlü 日本'"] * 9
    SentencePieceTrainer.train(sentence_iterator=iter(text), model_writer=out, **{**chosen, **options})
    return out.getvalue()


@pytest.mark.parametrize("prefix", [True, False])
def test_pieces_scores_and_types_are_those_that_sentencepiece_reads(prefix: bool, tmp_path: Path) -> None:
    from sentencepiece import SentencePieceProcessor

    data = train(add_dummy_prefix=prefix, control_symbols=["[INST]"], user_defined_symbols=["<tool>"], pad_id=3)
    (tmp_path / "tokenizer.model").write_bytes(data)
    theirs = SentencePieceProcessor(model_proto=data)
    ours = sentencepiece(tmp_path / "tokenizer.model")
    assert ours.space_prefix is prefix
    assert len(ours.pieces) == theirs.vocab_size()
    for number, piece in enumerate(ours.pieces):
        assert (piece.text, piece.score) == (theirs.IdToPiece(number), theirs.GetScore(number))
        assert (piece.type == 2) == theirs.IsUnknown(number)
        assert (piece.type == 3) == theirs.IsControl(number)
        assert (piece.type == 6) == theirs.IsByte(number)
    assert {piece.text for piece in ours.pieces if piece.type == 4} == {"<tool>"}


def test_a_unigram_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(train(model_type="unigram"))
    with pytest.raises(DataError, match="that is not BPE"):
        sentencepiece(tmp_path / "tokenizer.model")


def test_a_cut_or_foreign_file_is_one_clear_line(tmp_path: Path) -> None:
    path, whole = tmp_path / "tokenizer.model", train()
    for data in (b"", b"\x0a", b"\xff" * 20, b"hello world", b"\x0a\x85\x80\x80\x80\x80\x10abc", whole[:1000]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"tokenizer\.model: "):
            sentencepiece(path)
    with pytest.raises(DataError, match="cannot be read"):
        sentencepiece(tmp_path / "nothing")


def test_any_bytes_are_a_model_or_an_error(tmp_path: Path) -> None:
    from hypothesis import given, settings, strategies

    path, whole = tmp_path / "tokenizer.model", train()

    @settings(max_examples=200, deadline=None, database=None)
    @given(strategies.integers(0, len(whole) - 1), strategies.binary(max_size=8))
    def either(at: int, data: bytes) -> None:
        path.write_bytes(whole[:at] + data + whole[at + len(data) :])
        try:
            sentencepiece(path)
        except DataError as error:
            assert "\n" not in str(error)

    either()
