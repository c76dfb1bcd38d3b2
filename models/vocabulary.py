"""A tokenizer as a GGUF file holds it: a text and a type for each id, merges or scores, special ids.

Two kinds are known: byte-level BPE with one of four ways to split text before it (SmolLM, Llama 3, Qwen2, Mistral's
Tekken), and SentencePiece BPE with byte fallback (Llama 2, CodeLlama, TinyLlama, Mistral to 0.3). The source is the
tokenizer as transformers builds it, because training used that one. Keys and values follow llama.cpp's
convert_hf_to_gguf.py (conversion/base.py, llama.py) and gguf's SpecialVocab, with four exceptions:

- Scores, when the folder has only a tokenizer.json. The reference gives all tokens the same score, and llama.cpp then
  splits most texts into other tokens. Here the scores are the ranks of the merges.
- Added tokens that only tokenizer.json names. The reference loses them when there is a tokenizer.model too.
- `add_space_prefix`, where the reference's value makes other tokens of a prompt than transformers (see _space_prefix).
- `add_bos_token` is the chat family's. `add_eos_token` is always false: an end token after the prompt would end the
  answer.

llama.cpp itself differs from transformers in a few known cases. It does not normalise text to NFC as Qwen2's tokenizer
does. Its Tekken takes letters beyond ASCII as neither upper nor lower case. With SentencePiece it puts a space also
before a text that begins with a space, and before every piece after a special token where transformers (`legacy` false)
puts none: later turns of a conversation may differ by that one token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core.records import Message
from ..modelfiles.templates import Family, render_chat

CODELLAMA_SIZE, CODELLAMA_EOT = 32016, 32010  # "▁<EOT>"; the reference knows CodeLlama by its size too

Prefix = Literal["", "always", "first", "never"]


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as GGUF wants it.

    `model` is gpt2 (byte-level BPE, with `merges`) or llama (SentencePiece, with `scores`), `pre` is llama.cpp's name
    for the way to split text, `types` are gguf.TokenType. `prefix` says where transformers puts a space before a text
    (SentencePiece only): before every piece between special tokens, before the first, nowhere. `add_prefix_space` is
    the value of that key in tokenizer_config.json.
    """

    model: Literal["gpt2", "llama"]
    pre: str
    tokens: Sequence[str]
    types: Sequence[int]
    special: Mapping[str, int]
    merges: Sequence[str] = ()
    scores: Sequence[float] = ()
    prefix: Prefix = ""
    add_prefix_space: bool | None = None


def add_tokenizer(writer: Any, vocabulary: Vocabulary, chat_family: Family) -> None:
    """Give the vocabulary, the special ids and the family's chat template to a gguf.GGUFWriter."""
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.types))
    if vocabulary.model == "llama":
        writer.add_token_scores(list(vocabulary.scores))
    else:
        writer.add_token_merges(list(vocabulary.merges))
    for name, number in vocabulary.special.items():
        getattr(writer, f"add_{name}_token_id")(number)
    end_of_turn = list(vocabulary.tokens).index(chat_family.end_of_turn)
    if vocabulary.special.get("eos") != end_of_turn:
        writer.add_eot_token_id(end_of_turn)
    elif vocabulary.model == "llama" and len(vocabulary.tokens) == CODELLAMA_SIZE:
        writer.add_eot_token_id(CODELLAMA_EOT)
    space = _space_prefix(vocabulary, chat_family)
    if vocabulary.add_prefix_space is not None or (vocabulary.model == "llama" and not space):
        writer.add_add_space_prefix(space)
    writer.add_add_bos_token(chat_family.bos)
    writer.add_add_eos_token(False)
    writer.add_chat_template(chat_family.jinja)


def _space_prefix(vocabulary: Vocabulary, chat_family: Family) -> bool:
    """Tell whether llama.cpp, which knows only "before every piece" and "nowhere", is to put a space before text.

    Where transformers puts it before the first piece only, a prompt that begins with text has one, and a prompt that
    begins with a special token (Mistral 0.3's [INST]) has none at all. A prompt that begins with a space has no second
    one in transformers, while llama.cpp would add it.
    """
    from gguf import TokenType

    if vocabulary.model != "llama":
        return bool(vocabulary.add_prefix_space)
    prompt = render_chat(chat_family.jinja, [Message("user", "x")])
    if vocabulary.prefix == "never" or prompt.startswith(" "):
        return False
    special = (
        token
        for token, kind in zip(vocabulary.tokens, vocabulary.types, strict=True)
        if kind in (TokenType.CONTROL, TokenType.USER_DEFINED)
    )
    return vocabulary.prefix == "always" or not prompt.startswith(tuple(special))
