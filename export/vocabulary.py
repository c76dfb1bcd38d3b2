"""A tokenizer in Hugging Face layout as GGUF wants it: a text and a kind per id, merges, special ids."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..modelfiles.templates import Family

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # gguf.TokenType


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as GGUF wants it: a text and a kind per id, merges, special ids, llama.cpp's pre-tokenizer name."""

    pre: str
    tokens: Sequence[str]
    kinds: Sequence[int]
    merges: Sequence[str]
    special: Mapping[str, int]


def add_tokenizer(writer: Any, vocabulary: Vocabulary, chat_family: Family) -> None:
    """The vocabulary, special ids and chat template, given to a gguf.GGUFWriter."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.kinds))
    writer.add_token_merges(list(vocabulary.merges))
    for kind, number in vocabulary.special.items():
        getattr(writer, f"add_{kind}_token_id")(number)
    end = list(vocabulary.tokens).index(chat_family.end_of_turn)
    if vocabulary.special.get("eos") != end:
        writer.add_eot_token_id(end)
    writer.add_add_bos_token(chat_family.bos)
    writer.add_add_eos_token(False)
    writer.add_chat_template(chat_family.jinja)


def read_vocabulary(base: Path, size: int) -> Vocabulary:
    """The vocabulary of tokenizer.json, padded to `size` ids; raises DataError for a tokenizer that is not known."""
    path = base / "tokenizer.json"
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        model = tokenizer["model"]
        pre = _pre_tokenizer(tokenizer)
        vocab: dict[str, int] = dict(model["vocab"])
        added = {item["content"]: item for item in tokenizer.get("added_tokens") or []}
        vocab.update({text: item["id"] for text, item in added.items()})
        by_id = {number: text for text, number in vocab.items()}
        merges = [_merge_text(merge) for merge in model["merges"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: cannot be read ({type(error).__name__}: {error})", fix="check the base's folder"
        ) from None
    if not pre:
        raise DataError(f"{path}: its way to split text is not known", fix="use a SmolLM2 or Llama 3 base")
    if by_id and max(by_id) >= size:
        raise DataError(f"{path}: has ids beyond config.json's vocab_size of {size}", fix="check the base's folder")
    tokens, kinds = [], []
    for number in range(size):
        text = by_id.get(number)
        tokens.append(f"[PAD{number}]" if text is None else text)
        if text is None:
            kinds.append(UNUSED)
        elif text in added:
            kinds.append(CONTROL if added[text].get("special") or _looks_special(text) else USER_DEFINED)
        else:
            kinds.append(NORMAL)
    return Vocabulary(pre, tokens, kinds, merges, _special_ids(base, by_id))


def _pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer.json splits text; empty when it is neither of the two known ways."""
    model, steps = tokenizer["model"], (tokenizer.get("pre_tokenizer") or {}).get("pretokenizers") or []
    if model.get("type") != "BPE" or tokenizer.get("normalizer") or model.get("byte_fallback") or len(steps) != 2:
        return ""
    first, second = steps
    if second.get("type") != "ByteLevel" or second.get("add_prefix_space"):
        return ""
    by_regex = second.get("use_regex", True)
    if first == {"type": "Digits", "individual_digits": True} and by_regex and not model.get("ignore_merges"):
        return "smollm"
    split = {"type": "Split", "pattern": {"Regex": LLAMA3_SPLIT}, "behavior": "Isolated", "invert": False}
    if first == split and not by_regex and model.get("ignore_merges"):
        return "llama-bpe"
    return ""


def _merge_text(merge: Any) -> str:
    return merge if isinstance(merge, str) else f"{merge[0]} {merge[1]}"


def _looks_special(text: str) -> bool:
    return text.startswith("<|") and text.endswith("|>")


def _special_ids(base: Path, by_id: Mapping[int, str]) -> dict[str, int]:
    """Ids of bos, eos, unk and pad: what tokenizer_config.json names, else config.json's numbers."""
    ids = {text: number for number, text in by_id.items()}
    found: dict[str, int] = {}
    for file, suffix in (("tokenizer_config.json", "token"), ("config.json", "token_id")):
        path = base / file
        if not path.is_file():
            continue
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: broken ({error})", fix="check the base's folder") from None
        for kind in ("bos", "eos", "unk", "pad"):
            value = facts.get(f"{kind}_{suffix}")
            value = value.get("content") if isinstance(value, dict) else value
            number = ids.get(value) if isinstance(value, str) else value
            if isinstance(number, int) and not isinstance(number, bool) and number in by_id:
                found.setdefault(kind, number)
    return found
