"""The tokenizer's files in a model folder: tokenizer.json as transformers builds it, added tokens, special ids."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import DataError

GENERAL_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")  # transformers takes tokenizer.json as it is


def built_tokenizer(path: Path) -> dict[str, Any]:
    """Return the content of tokenizer.json after transformers has loaded it.

    transformers' class for a family may replace the steps around the BPE. Raises DataError for a broken file.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        _check_ids(path, raw["model"]["vocab"])
        if _loaded_unchanged(path.parent, raw):
            from tokenizers import Tokenizer

            built: dict[str, Any] = json.loads(Tokenizer.from_file(str(path)).to_str())
            return built
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(path.parent, local_files_only=True)
        built = json.loads(tokenizer.backend_tokenizer.to_str())
    except DataError:
        raise
    except Exception as error:  # tokenizers raises plain Exception
        raise broken(path, error) from None
    return built


def _loaded_unchanged(base: Path, tokenizer: Mapping[str, Any]) -> bool:
    """Whether transformers would change nothing: the general class, and no token that only tokenizer_config.json has.

    Then transformers is not loaded: it takes 240 MB, a third of what an export needs.
    """
    path = base / "tokenizer_config.json"
    if not path.is_file() or (base / "added_tokens.json").is_file():
        return False
    config = json.loads(path.read_text(encoding="utf-8"))
    special = config.get("additional_special_tokens") or config.get("extra_special_tokens") or ()
    texts = special.values() if isinstance(special, dict) else special
    named = [config.get(f"{kind}_token") for kind in ("bos", "eos", "unk", "pad", "sep", "cls", "mask")]
    texts_of_config = {item["content"] if isinstance(item, dict) else item for item in (*texts, *named) if item}
    added = {item["content"]: item["id"] for item in tokenizer.get("added_tokens") or ()}
    decoder = {item["content"]: int(number) for number, item in (config.get("added_tokens_decoder") or {}).items()}
    return (
        config.get("tokenizer_class") in GENERAL_CLASSES
        and texts_of_config <= added.keys()
        and decoder.items() <= added.items()
    )


def broken(path: Path, error: Exception) -> DataError:
    """Return the error for a file of a tokenizer that cannot be read."""
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{path}: cannot be read ({type(error).__name__}: {reason})", fix="check the base's folder")


def _check_ids(path: Path, vocab: Any) -> None:
    """Raise DataError for two tokens with one id: every reader would choose between them in its own way."""
    seen: dict[int, str] = {}
    for text, number in vocab.items() if isinstance(vocab, dict) else ():
        if seen.setdefault(number, text) != text:
            raise DataError(
                f"{path}: {seen[number]!r} and {text!r} have one id ({number})",
                fix="get the base's tokenizer files again",
            )


def check_size(path: Path, ids: Mapping[int, Any], size: int) -> None:
    """Raise DataError when a tokenizer has ids beyond the rows of the embedding, `size`."""
    if ids and max(ids) >= size:
        raise DataError(
            f"{path}: has ids up to {max(ids)}, and the embedding has {size} rows",
            fix="resize the embedding, or take the tokenizer that the weights were saved with",
        )


def added_tokens(tokenizer: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the added tokens of a tokenizer.json by their ids."""
    return {item["id"]: item for item in tokenizer.get("added_tokens") or []}


def text_and_type(item: Mapping[str, Any]) -> tuple[str, int]:
    """Return the text and the gguf.TokenType of an added token.

    One that looks special is a control token, so that it cannot be written by a user's text.
    """
    from gguf import TokenType

    text: str = item["content"]
    if item.get("special") or _looks_special(text):
        return text, TokenType.CONTROL
    return text.replace("▁", " "), TokenType.USER_DEFINED


def _looks_special(text: str) -> bool:
    """As the reference's does_token_look_special."""
    brackets = (("<|", "|>"), ("<｜", "｜>"), ("<unused", ">"))
    return text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or any(
        text.startswith(first) and text.endswith(last) for first, last in brackets
    )


def json_object(base: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the folder, empty where there is no such file; raises DataError."""
    path = base / name
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: broken ({error})", fix="check the base's folder") from None
    if not isinstance(facts, dict):
        raise DataError(f"{path}: not a JSON object", fix="check the base's folder")
    return facts


def special_ids(
    base: Path, added: Mapping[int, Mapping[str, Any]], texts: Mapping[int, str], size: int
) -> dict[str, int]:
    """Return the ids of the special tokens (bos, eos, unk, sep, pad, mask) of a model folder, as far as it has them.

    `added` are the added tokens and `texts` all tokens by id. The id is that of the added token which
    tokenizer_config.json names, else config.json's number, else (for bos and eos) that of any token with that text.
    """
    facts, config = json_object(base, "tokenizer_config.json"), json_object(base, "config.json")
    added_ids = {item["content"]: number for number, item in added.items()}
    all_ids = {text: number for number, text in texts.items()}
    ids: dict[str, int] = {}
    for name in ("bos", "eos", "unk", "sep", "pad", "mask"):
        text = facts.get(f"{name}_token")
        text = str(text.get("content") if isinstance(text, dict) else text)
        number = added_ids.get(text, config.get(f"{name}_token_id"))
        if not isinstance(number, int) and name in ("bos", "eos"):
            number = all_ids.get(text)
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < size:
            ids[name] = number
    return ids
