"""Byte-level BPE (SmolLM, Llama 3, Qwen2, Mistral's Tekken) from tokenizer.json to GGUF's vocabulary."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import UnknownFamily
from .architecture import ANOTHER_WAY
from .tokenizer_files import added_tokens, check_size, json_object, special_ids, text_and_type
from .vocabulary import Vocabulary

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3_SPLIT = rf"{CONTRACTIONS}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*{SPACES}"
QWEN2_SPLIT = rf"{CONTRACTIONS}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*{SPACES}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN_SPLIT = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{SPACES}"
)
UNLIKE = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")  # llama.cpp's BPE has none


def byte_level_vocabulary(base: Path, size: int, tokenizer: Mapping[str, Any]) -> Vocabulary:
    """Return the vocabulary of a folder whose tokenizer.json, `tokenizer`, is byte-level BPE, padded to `size` ids.

    Raises DataError for a way to split text that llama.cpp does not know, and for ids of `size` or more.
    """
    from gguf import TokenType

    path = base / "tokenizer.json"
    pre = pre_tokenizer(tokenizer)
    if not pre:
        raise UnknownFamily(f"{path}: its way to split text is not known", fix=ANOTHER_WAY)
    added = added_tokens(tokenizer)
    texts = {number: text for text, number in tokenizer["model"]["vocab"].items()}
    texts |= {number: item["content"] for number, item in added.items()}
    check_size(path, texts, size)
    tokens: list[str] = []
    types: list[int] = []
    for number in range(size):
        text, kind = texts.get(number, f"[PAD{number}]"), TokenType.NORMAL if number in texts else TokenType.UNUSED
        if number in added:
            text, kind = text_and_type(added[number])
        tokens.append(text)
        types.append(kind)
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in tokenizer["model"]["merges"]]
    # the reference hands this on for a Llama alone; llama.cpp reads it with any tokenizer
    is_qwen2 = "Qwen2ForCausalLM" in (json_object(base, "config.json").get("architectures") or [])
    space = None if is_qwen2 else json_object(base, "tokenizer_config.json").get("add_prefix_space")
    special = special_ids(base, added, texts, size)
    return Vocabulary("gpt2", pre, tokens, types, special, merges=merges, add_prefix_space=space)


def pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a tokenizer.json splits text; empty when it is none of the known ways.

    llama.cpp's converter knows them by the ids of a test text, which only the original vocabularies have. Here every
    step must be the one that src/llama-vocab.cpp takes under that name, and so must `ignore_merges`.
    """
    model, normalizer = tokenizer["model"], tokenizer.get("normalizer")
    steps = (tokenizer.get("pre_tokenizer") or {}).get("pretokenizers") or []
    if model["type"] != "BPE" or len(steps) != 2 or any(model.get(key) for key in UNLIKE):
        return ""
    first, second = steps
    if second.get("type") != "ByteLevel" or second.get("add_prefix_space"):
        return ""
    whole, by_regex = bool(model.get("ignore_merges")), second.get("use_regex", True)
    if first == {"type": "Digits", "individual_digits": True} and by_regex:
        return "" if whole or normalizer else "smollm"
    if by_regex or first.get("type") != "Split" or first.get("behavior") != "Isolated" or first.get("invert"):
        return ""
    way = (str((first.get("pattern") or {}).get("Regex")), whole, str((normalizer or {}).get("type", "")))
    return {
        (LLAMA3_SPLIT, True, ""): "llama-bpe",
        (TEKKEN_SPLIT, True, ""): "tekken",
        (QWEN2_SPLIT, False, "NFC"): "qwen2",
        (QWEN2_SPLIT, False, ""): "qwen2",
    }.get(way, "")
