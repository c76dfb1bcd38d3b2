"""SentencePiece BPE (Llama 2, CodeLlama, TinyLlama, Mistral to 0.3) from its files to GGUF's vocabulary."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import DataError, UnknownFamily
from .architecture import ANOTHER_WAY
from .sentencepiece import Piece, sentencepiece
from .tokenizer_files import added_tokens, check_size, json_object, special_ids, text_and_type
from .vocabulary import Prefix, Vocabulary

ADDED_SCORE, PADDING_SCORE = -1000.0, -10000.0  # as in the reference


def pieces_vocabulary(base: Path, size: int, tokenizer: Mapping[str, Any] | None) -> Vocabulary:
    """Return the vocabulary of a folder with a tokenizer.model, padded to `size` ids.

    `tokenizer` is the folder's tokenizer.json, where there is one. Raises DataError where the two differ.
    """
    from gguf import TokenType

    model = sentencepiece(base / "tokenizer.model")
    # user-defined pieces count as normal, as in the reference
    pieces = {
        number: Piece(piece.text, piece.score, TokenType.NORMAL if piece.type == TokenType.USER_DEFINED else piece.type)
        for number, piece in enumerate(model.pieces)
    }
    prefix: Prefix = "always" if model.space_prefix else "never"
    added: dict[int, dict[str, Any]] = {}
    if tokenizer is not None:
        prefix, added = _prefix(base, tokenizer), added_tokens(tokenizer)
        _check_same(base, tokenizer["model"]["vocab"], model.pieces, added)
    for number, item in added.items():
        if number not in pieces:
            text, kind = text_and_type(item)
            pieces[number] = Piece(text, ADDED_SCORE, kind)
    for text, number in json_object(base, "added_tokens.json").items():
        pieces[number] = Piece(text, ADDED_SCORE, TokenType.USER_DEFINED)
    decoder = json_object(base, "tokenizer_config.json").get("added_tokens_decoder") or {}
    for key, item in decoder.items():
        text, kind = text_and_type(item)
        pieces[int(key)] = Piece(text, ADDED_SCORE, kind)
    return _vocabulary(base, size, pieces, added, prefix)


def _check_same(
    base: Path, vocab: Mapping[str, int], pieces: tuple[Piece, ...], added: Mapping[int, Mapping[str, Any]]
) -> None:
    """Raise DataError for an id with one text in tokenizer.json and another one in tokenizer.model."""
    for text, number in vocab.items():
        other = pieces[number].text if number < len(pieces) else "nothing"
        if text != other and number not in added:
            raise DataError(
                f"{base}: id {number} is {text!r} in tokenizer.json and {other!r} in tokenizer.model",
                fix="get the base's tokenizer files again",
            )


def merges_vocabulary(base: Path, size: int, tokenizer: Mapping[str, Any]) -> Vocabulary:
    """Return the vocabulary of a folder with a tokenizer.json alone, padded to `size` ids.

    The scores make llama.cpp merge as the merges say. Raises DataError where no scores could.
    """
    from gguf import TokenType

    path = base / "tokenizer.json"
    vocab: dict[str, int] = tokenizer["model"]["vocab"]
    added = added_tokens(tokenizer)
    pairs = [
        tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in tokenizer["model"]["merges"]
    ]
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(pairs):
        ranks.setdefault(left + right, rank)
    _check_merges(path, vocab, set(added), set(pairs))
    pieces: dict[int, Piece] = {}
    for text, number in vocab.items():
        kind = TokenType.BYTE if re.fullmatch("<0x[0-9A-Fa-f]{2}>", text) else TokenType.NORMAL
        pieces[number] = Piece(text, -float(ranks.get(text, len(pairs))), kind)
    for number, item in added.items():
        inside = number in pieces
        kind = TokenType.NORMAL if inside else TokenType.USER_DEFINED
        if item.get("special"):
            kind = TokenType.CONTROL
        pieces[number] = Piece(item["content"], pieces[number].score if inside else ADDED_SCORE, kind)
    return _vocabulary(base, size, pieces, added, _prefix(base, tokenizer))


def _vocabulary(
    base: Path, size: int, pieces: Mapping[int, Piece], added: Mapping[int, Mapping[str, Any]], prefix: Prefix
) -> Vocabulary:
    from gguf import TokenType

    name = "tokenizer.model" if (base / "tokenizer.model").is_file() else "tokenizer.json"
    special = special_ids(base, added, {number: piece.text for number, piece in pieces.items()}, size)
    check_size(base / name, pieces, size)
    byte_tokens = {piece.text for piece in pieces.values() if piece.type == TokenType.BYTE}
    if len(byte_tokens) < 256:
        raise UnknownFamily(f"{base / name}: has {len(byte_tokens)} of the 256 byte tokens", fix=ANOTHER_WAY)
    padded = [pieces.get(i) or Piece(f"[PAD{i}]", PADDING_SCORE, TokenType.UNUSED) for i in range(size)]
    space = json_object(base, "tokenizer_config.json").get("add_prefix_space")
    return Vocabulary(
        "llama",
        "default",
        [piece.text for piece in padded],
        [piece.type for piece in padded],
        special,
        scores=[piece.score for piece in padded],
        prefix=prefix,
        add_prefix_space=space if isinstance(space, bool) else None,
    )


def _prefix(base: Path, tokenizer: Mapping[str, Any]) -> Prefix:
    """Where a SentencePiece tokenizer puts a space before text; raises DataError for other steps than Llama's."""
    normalizer, steps = tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer")
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    if steps is None and normalizer == replace:
        return "never"
    if steps is None and normalizer == {
        "type": "Sequence",
        "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace],
    }:
        return "always"
    if normalizer is None and steps and steps.get("type") == "Metaspace" and steps.get("replacement") == "▁":
        scheme = steps.get("prepend_scheme", "always")
        if steps.get("split") is False and scheme in ("always", "first", "never"):
            return scheme  # type: ignore[no-any-return]
    raise UnknownFamily(f"{base / 'tokenizer.json'}: its way to split text is not known", fix=ANOTHER_WAY)


def _check_merges(path: Path, vocab: Mapping[str, int], added: set[int], pairs: set[tuple[str, ...]]) -> None:
    """Raise DataError if two neighbours make a token but are no merge: llama.cpp would still merge them."""
    for text, number in vocab.items():
        if number in added or (text.startswith("<0x") and text.endswith(">")):
            continue
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if (left in vocab or len(left) == 1) and (right in vocab or len(right) == 1) and (left, right) not in pairs:
                raise UnknownFamily(
                    f"{path}: {left!r} and {right!r} make a token and are no merge, so this is not SentencePiece's BPE",
                    fix="get the base's tokenizer.model, or another base",
                )
