"""Read a SentencePiece model (tokenizer.model) without the package of that name: pieces, scores, types."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError, UnknownFamily

BPE = 2  # TrainerSpec.ModelType of sentencepiece_model.proto; 1 is UNIGRAM
FIX = "get the base's tokenizer files again"


@dataclass(frozen=True)
class Piece:
    """One token; `type` is a gguf.TokenType, whose numbers are SentencePiece's own."""

    text: str
    score: float
    type: int


@dataclass(frozen=True)
class SentencePieceModel:
    """The pieces in the order of their ids, and whether a space is put before a text."""

    pieces: tuple[Piece, ...]
    space_prefix: bool


def sentencepiece(path: Path) -> SentencePieceModel:
    """Read tokenizer.model; raises DataError for a broken one, and for one that is not trained as BPE.

    The file is a protobuf message. The numbers of its fields are those of SentencePiece's sentencepiece_model.proto:
    ModelProto has pieces (1), trainer_spec (2: its model_type is 3), normalizer_spec (3: its add_dummy_prefix is 3); a
    piece has piece (1), score (2), type (3). llama.cpp merges by score: BPE models split text so, unigram ones do not.
    """
    pieces, model_type, space_prefix = [], 1, True  # the defaults of the .proto
    try:
        for number, value in _fields(path.read_bytes()):
            if number == 1 and isinstance(value, bytes):
                pieces.append(_piece(value))
            elif number in (2, 3) and isinstance(value, bytes):
                for inner, number_inside in _fields(value):
                    if inner == 3 and isinstance(number_inside, int):
                        if number == 2:
                            model_type = number_inside
                        else:
                            space_prefix = bool(number_inside)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix=FIX) from None
    if not pieces:
        raise DataError(f"{path}: not a SentencePiece model", fix=FIX)
    if model_type != BPE:
        raise UnknownFamily(
            f"{path}: a SentencePiece model that is not BPE cannot be converted", fix="use another base"
        )
    return SentencePieceModel(tuple(pieces), space_prefix)


def _piece(message: bytes) -> Piece:
    text, score, kind = "", 0.0, 1  # the defaults of the .proto: a normal piece
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == 2 and isinstance(value, bytes):
            score = struct.unpack("<f", value)[0]
        elif number == 3 and isinstance(value, int):
            kind = value
    return Piece(text, score, kind)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and raw value of each field of a protobuf message; a float is its four bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(message):
            raise ValueError("the file is cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
