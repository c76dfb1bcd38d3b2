"""A tokenizer in Hugging Face layout as GGUF wants it: a text and a kind per id, merges or scores, special ids.

Two kinds are known: byte-level BPE with one of four ways to split text before it (SmolLM, Llama 3, Qwen2, Mistral's
Tekken), and SentencePiece BPE with byte fallback (Llama 2, CodeLlama, TinyLlama, Mistral to 0.3). What counts is the
tokenizer as transformers builds it, which is what training saw. Keys and values follow llama.cpp's
convert_hf_to_gguf.py (conversion/base.py, llama.py) and gguf's SpecialVocab, but for four things:

- Scores where there is a tokenizer.json alone: the reference gives every token the same, which in llama.cpp makes other
  tokens of most texts; here they are the ranks of the merges.
- Added tokens that only tokenizer.json names, which the reference loses beside a tokenizer.model.
- `add_space_prefix` where the reference makes other tokens of a prompt than transformers does (see _space_prefix).
- `add_bos_token` is the chat family's, `add_eos_token` is always false: an end token after a prompt ends the answer.

llama.cpp itself differs from transformers in two known places: it does not normalise text to NFC as Qwen2's tokenizer
does, and its Tekken takes letters beyond ASCII as neither upper nor lower case. With SentencePiece it puts a space
before a text that begins with one too, and before every piece after a special token where transformers (`legacy` false)
puts none: later turns of a conversation whose turns begin with text may differ by that one token.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import DataError
from ..core.records import Message
from ..modelfiles.templates import Family, render_chat
from .architecture import ANOTHER_WAY
from .sentencepiece import Piece, sentencepiece

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3_SPLIT = rf"{CONTRACTIONS}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*{SPACES}"
QWEN2_SPLIT = rf"{CONTRACTIONS}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*{SPACES}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN_SPLIT = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{SPACES}"
)
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # gguf.TokenType

CODELLAMA_SIZE, CODELLAMA_EOT = 32016, 32010  # "▁<EOT>"; the reference knows CodeLlama by its size too

Prefix = Literal["", "always", "first", "never"]
GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")  # transformers' class that takes tokenizer.json as it is


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as GGUF wants it.

    `model` is gpt2 (byte-level BPE, with `merges`) or llama (SentencePiece, with `scores`), `pre` llama.cpp's name for
    the way to split text. `prefix` says where transformers puts a space before a text (SentencePiece only): before
    every piece between special tokens, before the first, nowhere. `said_prefix` is what tokenizer_config.json says.
    """

    model: Literal["gpt2", "llama"]
    pre: str
    tokens: Sequence[str]
    kinds: Sequence[int]
    special: Mapping[str, int]
    merges: Sequence[str] = ()
    scores: Sequence[float] = ()
    prefix: Prefix = ""
    said_prefix: bool | None = None


def add_tokenizer(writer: Any, vocabulary: Vocabulary, chat_family: Family) -> None:
    """The vocabulary, special ids and chat template, given to a gguf.GGUFWriter."""
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.kinds))
    if vocabulary.model == "llama":
        writer.add_token_scores(list(vocabulary.scores))
    else:
        writer.add_token_merges(list(vocabulary.merges))
    for kind, number in vocabulary.special.items():
        getattr(writer, f"add_{kind}_token_id")(number)
    end = list(vocabulary.tokens).index(chat_family.end_of_turn)
    if vocabulary.special.get("eos") != end:
        writer.add_eot_token_id(end)
    elif vocabulary.model == "llama" and len(vocabulary.tokens) == CODELLAMA_SIZE:
        writer.add_eot_token_id(CODELLAMA_EOT)
    space = _space_prefix(vocabulary, chat_family)
    if vocabulary.said_prefix is not None or (vocabulary.model == "llama" and not space):
        writer.add_add_space_prefix(space)
    writer.add_add_bos_token(chat_family.bos)
    writer.add_add_eos_token(False)
    writer.add_chat_template(chat_family.jinja)


def _space_prefix(vocabulary: Vocabulary, chat_family: Family) -> bool:
    """Whether llama.cpp, which knows only "before every piece" and "nowhere", is to put a space before text.

    Where transformers puts it before the first piece only, a prompt that begins with text has one, and a prompt that
    begins with a special token (Mistral 0.3's [INST]) has none at all. A prompt that begins with a space has no second
    one in transformers, while llama.cpp would add it.
    """
    if vocabulary.model != "llama":
        return bool(vocabulary.said_prefix)
    prompt = render_chat(chat_family.jinja, [Message("user", "x")])
    if vocabulary.prefix == "never" or prompt.startswith(" "):
        return False
    special = (
        t for t, kind in zip(vocabulary.tokens, vocabulary.kinds, strict=True) if kind in (CONTROL, USER_DEFINED)
    )
    return vocabulary.prefix == "always" or not prompt.startswith(tuple(special))


def read_vocabulary(base: Path, size: int) -> Vocabulary:
    """The tokenizer of a model folder, padded to `size` ids, the rows of the embedding.

    Raises DataError for one that is missing, broken or larger than the embedding, and for one that llama.cpp would
    split otherwise than transformers.
    """
    has_model = (base / "tokenizer.model").is_file()
    if not (base / "tokenizer.json").is_file():
        if not has_model:
            raise DataError(f"{base}: has neither tokenizer.json nor tokenizer.model", fix="get the base again")
        return _from_pieces(base, size, None)
    path = base / "tokenizer.json"
    tokenizer = _as_transformers_builds_it(path)
    try:
        if tokenizer["model"]["type"] == "BPE" and tokenizer["model"].get("byte_fallback"):
            return _from_pieces(base, size, tokenizer) if has_model else _from_merges(base, size, tokenizer)
        return _from_bytes(base, size, tokenizer)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _broken(path, error) from None


def _from_bytes(base: Path, size: int, tokenizer: Mapping[str, Any]) -> Vocabulary:
    """Byte-level BPE."""
    path = base / "tokenizer.json"
    pre = _pre_tokenizer(tokenizer)
    if not pre:
        raise DataError(f"{path}: its way to split text is not known", fix=ANOTHER_WAY)
    added = _added(tokenizer)
    by_id = {number: text for text, number in tokenizer["model"]["vocab"].items()}
    by_id |= {number: item["content"] for number, item in added.items()}
    _must_fit(path, by_id, size)
    tokens, kinds = [], []
    for number in range(size):
        text, kind = by_id.get(number, f"[PAD{number}]"), NORMAL if number in by_id else UNUSED
        if number in added:
            text, kind = _added_token(added[number])
        tokens.append(text)
        kinds.append(kind)
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in tokenizer["model"]["merges"]]
    facts, config = _facts(base, "tokenizer_config.json"), _facts(base, "config.json")
    # the reference hands this on for a Llama alone; llama.cpp reads it with any tokenizer
    said = None if "Qwen2ForCausalLM" in (config.get("architectures") or []) else facts.get("add_prefix_space")
    special = _special_ids(facts, config, added, by_id, size)
    return Vocabulary("gpt2", pre, tokens, kinds, special, merges=merges, said_prefix=said)


def _from_pieces(base: Path, size: int, tokenizer: Mapping[str, Any] | None) -> Vocabulary:
    """SentencePiece with its tokenizer.model; `tokenizer` is the folder's tokenizer.json, where there is one."""
    path = base / "tokenizer.model"
    model = sentencepiece(path)
    facts, config = _facts(base, "tokenizer_config.json"), _facts(base, "config.json")
    # user-defined pieces count as normal, as in the reference
    found = {
        i: Piece(one.text, one.score, NORMAL if one.kind == USER_DEFINED else one.kind)
        for i, one in enumerate(model.pieces)
    }
    prefix: Prefix = "always" if model.space_prefix else "never"
    in_json: dict[int, dict[str, Any]] = {}
    if tokenizer is not None:
        prefix, in_json = _prefix(base, tokenizer), _added(tokenizer)
        for text, number in tokenizer["model"]["vocab"].items():
            there = model.pieces[number].text if number < len(model.pieces) else "nothing"
            if text != there and number not in in_json:
                raise DataError(
                    f"{base}: id {number} is {text!r} in tokenizer.json and {there!r} in tokenizer.model",
                    fix="get the base's tokenizer files again",
                )
    for number, item in in_json.items():
        if number not in found:
            text, kind = _added_token(item)
            found[number] = Piece(text, -1000.0, kind)
    for text, number in _facts(base, "added_tokens.json").items():
        found[number] = Piece(text, -1000.0, USER_DEFINED)
    for number, item in (facts.get("added_tokens_decoder") or {}).items():
        text, kind = _added_token(item)
        found[int(number)] = Piece(text, -1000.0, kind)
    by_id = {number: one.text for number, one in found.items()}
    return _from_spm(base, size, found, _special_ids(facts, config, in_json, by_id, size), prefix)


def _from_merges(base: Path, size: int, tokenizer: Mapping[str, Any]) -> Vocabulary:
    """SentencePiece known from its tokenizer.json alone: scores that make llama.cpp merge as the merges say."""
    path = base / "tokenizer.json"
    facts, config = _facts(base, "tokenizer_config.json"), _facts(base, "config.json")
    vocab: dict[str, int] = tokenizer["model"]["vocab"]
    added = _added(tokenizer)
    pairs = [
        tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in tokenizer["model"]["merges"]
    ]
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(pairs):
        ranks.setdefault(left + right, rank)
    _must_be_whole(path, vocab, set(added), set(pairs))
    found = {}
    for text, number in vocab.items():
        kind = BYTE if re.fullmatch("<0x[0-9A-Fa-f]{2}>", text) else NORMAL
        found[number] = Piece(text, -float(ranks.get(text, len(pairs))), kind)
    for number, item in added.items():
        inside = number in found
        text, kind = item["content"], CONTROL if item.get("special") else (NORMAL if inside else USER_DEFINED)
        found[number] = Piece(text, found[number].score if inside else -1000.0, kind)
    by_id = {number: one.text for number, one in found.items()}
    special = _special_ids(facts, config, added, by_id, size)
    return _from_spm(base, size, found, special, _prefix(base, tokenizer))


def _from_spm(
    base: Path, size: int, found: Mapping[int, Piece], special: Mapping[str, int], prefix: Prefix
) -> Vocabulary:
    name = "tokenizer.model" if (base / "tokenizer.model").is_file() else "tokenizer.json"
    _must_fit(base / name, found, size)
    texts = {one.text for one in found.values() if one.kind == BYTE}
    if len(texts) < 256:
        raise DataError(f"{base / name}: has {len(texts)} of the 256 byte tokens", fix=ANOTHER_WAY)
    pieces = [found.get(i) or Piece(f"[PAD{i}]", -10000.0, UNUSED) for i in range(size)]
    said = _facts(base, "tokenizer_config.json").get("add_prefix_space")
    return Vocabulary(
        "llama",
        "default",
        [one.text for one in pieces],
        [one.kind for one in pieces],
        special,
        scores=[one.score for one in pieces],
        prefix=prefix,
        said_prefix=said if isinstance(said, bool) else None,
    )


def _as_transformers_builds_it(path: Path) -> dict[str, Any]:
    """tokenizer.json after transformers has loaded it: its class for a family may replace the steps around the BPE."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        _must_differ(path, raw["model"]["vocab"])
        if _taken_as_it_is(path.parent, raw):
            from tokenizers import Tokenizer

            built: dict[str, Any] = json.loads(Tokenizer.from_file(str(path)).to_str())
            return built
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(path.parent, local_files_only=True)
        built = json.loads(tokenizer.backend_tokenizer.to_str())
    except DataError:
        raise
    except Exception as error:  # tokenizers raises plain Exception
        raise _broken(path, error) from None
    return built


def _taken_as_it_is(base: Path, tokenizer: Mapping[str, Any]) -> bool:
    """Whether transformers would change nothing: the general class, and no token that only tokenizer_config.json has.

    Worth asking, since loading transformers takes 240 MB, a third of what an export needs.
    """
    path = base / "tokenizer_config.json"
    if not path.is_file() or (base / "added_tokens.json").is_file():
        return False
    config = json.loads(path.read_text(encoding="utf-8"))
    special = config.get("additional_special_tokens") or config.get("extra_special_tokens") or ()
    texts = special.values() if isinstance(special, dict) else special
    named = [config.get(f"{kind}_token") for kind in ("bos", "eos", "unk", "pad", "sep", "cls", "mask")]
    wanted = {item["content"] if isinstance(item, dict) else item for item in (*texts, *named) if item}
    added = {item["content"]: item["id"] for item in tokenizer.get("added_tokens") or ()}
    decoder = {item["content"]: int(number) for number, item in (config.get("added_tokens_decoder") or {}).items()}
    return config.get("tokenizer_class") in GENERAL and wanted <= added.keys() and decoder.items() <= added.items()


def _broken(path: Path, error: Exception) -> DataError:
    said = " ".join(str(error).split())[:200]
    return DataError(f"{path}: cannot be read ({type(error).__name__}: {said})", fix="check the base's folder")


def _pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer.json splits text; empty when it is none of the known ways.

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
    found = (str((first.get("pattern") or {}).get("Regex")), whole, str((normalizer or {}).get("type", "")))
    return {
        (LLAMA3_SPLIT, True, ""): "llama-bpe",
        (TEKKEN_SPLIT, True, ""): "tekken",
        (QWEN2_SPLIT, False, "NFC"): "qwen2",
        (QWEN2_SPLIT, False, ""): "qwen2",
    }.get(found, "")


UNLIKE = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")  # llama.cpp's BPE has none


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
    raise DataError(f"{base / 'tokenizer.json'}: its way to split text is not known", fix=ANOTHER_WAY)


def _must_be_whole(path: Path, vocab: Mapping[str, int], added: set[int], pairs: set[tuple[str, ...]]) -> None:
    """Raise DataError if two neighbours make a token but are no merge: llama.cpp would merge them all the same."""
    for text, number in vocab.items():
        if number in added or (text.startswith("<0x") and text.endswith(">")):
            continue
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if (left in vocab or len(left) == 1) and (right in vocab or len(right) == 1) and (left, right) not in pairs:
                raise DataError(
                    f"{path}: {left!r} and {right!r} make a token and are no merge, so this is not SentencePiece's BPE",
                    fix="get the base's tokenizer.model, or another base",
                )


def _must_fit(path: Path, ids: Mapping[int, Any], size: int) -> None:
    if ids and max(ids) >= size:
        raise DataError(
            f"{path}: has ids up to {max(ids)}, and the embedding has {size} rows",
            fix="resize the embedding, or take the tokenizer that the weights were saved with",
        )


def _must_differ(path: Path, vocab: Any) -> None:
    """Raise DataError for two tokens of one id: which of them a reader keeps is its own choice."""
    seen: dict[int, str] = {}
    for text, number in vocab.items() if isinstance(vocab, dict) else ():
        if seen.setdefault(number, text) != text:
            raise DataError(
                f"{path}: {seen[number]!r} and {text!r} have one id ({number})",
                fix="get the base's tokenizer files again",
            )


def _added(tokenizer: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    return {item["id"]: item for item in tokenizer.get("added_tokens") or []}


def _added_token(item: Mapping[str, Any]) -> tuple[str, int]:
    """Text and kind of an added token. One that looks special is never left to be written by a user's text."""
    text: str = item["content"]
    if item.get("special") or _looks_special(text):
        return text, CONTROL
    return text.replace("▁", " "), USER_DEFINED


def _looks_special(text: str) -> bool:
    """As the reference's does_token_look_special."""
    ends = (("<|", "|>"), ("<｜", "｜>"), ("<unused", ">"))
    return text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or any(
        text.startswith(a) and text.endswith(b) for a, b in ends
    )


def _facts(base: Path, name: str) -> dict[str, Any]:
    """A JSON file of the folder, empty where there is none."""
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


def _special_ids(
    facts: Mapping[str, Any],
    config: Mapping[str, Any],
    added: Mapping[int, Mapping[str, Any]],
    by_id: Mapping[int, str],
    size: int,
) -> dict[str, int]:
    """Ids of special tokens: of the added token that tokenizer_config.json names, else config.json's number.

    For bos and eos, where neither is there, the id of the token that tokenizer_config.json names.
    """
    in_added = {item["content"]: number for number, item in added.items()}
    in_all = {text: number for number, text in by_id.items()}
    found: dict[str, int] = {}
    for kind in ("bos", "eos", "unk", "sep", "pad", "mask"):
        text = facts.get(f"{kind}_token")
        text = str(text.get("content") if isinstance(text, dict) else text)
        number = in_added.get(text, config.get(f"{kind}_token_id"))
        if not isinstance(number, int) and kind in ("bos", "eos"):
            number = in_all.get(text)
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < size:
            found[kind] = number
    return found
