"""A random model of two layers that is built like a recipe's base: for the dry run, which has no weights.

The tokenizer is the base's own where it is on this machine. Elsewhere it is a small one of bytes with the control
tokens of the recipe's template family: its token counts are larger than those of the base.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.recipe import Recipe
from ..models.byte_level import LLAMA3_SPLIT

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json")
MORE_FILES = ("added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json")
SPECIAL = {
    "chatml": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "llama3": ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "llama3-base": ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>"),
    "sentences": ("<unk>", "<s>", "</s>", "<pad>"),
}
"""Control tokens of a stand-in; llama2, mistral and plain share those of SentencePiece."""
ENDS = {  # first and last token of a text, and padding
    "chatml": ("<|endoftext|>", "<|im_end|>", "<|endoftext|>"),
    "llama3": ("<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>"),
    "llama3-base": ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>"),
    "sentences": ("<s>", "</s>", "<pad>"),
}
HEADS, HEAD = 4, 16  # a width of 64, which NF4's blocks divide
POSITIONS = 2048


@dataclass(frozen=True)
class TinyBase:
    """The folder of a tiny model; `own_tokenizer` says whether its tokenizer is that of the real base."""

    folder: Path
    model_type: str
    own_tokenizer: bool


def tiny_base(recipe: Recipe, folder: Path) -> TinyBase:
    """Write a random model into `folder`, with the architecture, the tying and the sharing of heads of the base."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from ..models.tokens import read_tokenizer

    folder.mkdir(parents=True)
    here = local_base(recipe)
    known = json.loads((here / "config.json").read_text(encoding="utf-8")) if here else {}
    shape = recipe.shape
    model_type = shape.model_type or known.get("model_type") or "llama"
    heads = shape.num_attention_heads or known.get("num_attention_heads") or 2
    shared = (shape.num_key_value_heads or known.get("num_key_value_heads") or 1) < heads
    if here is None:
        _write_tokenizer(recipe.base.family, folder)
    else:
        for name in (*TOKENIZER_FILES, *MORE_FILES):
            if (here / name).is_file():
                shutil.copyfile(here / name, folder / name)
    tokenizer = read_tokenizer(folder)
    config = AutoConfig.for_model(
        model_type,
        vocab_size=len(tokenizer),
        hidden_size=HEADS * HEAD,
        intermediate_size=2 * HEADS * HEAD,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2 if shared else HEADS,
        max_position_embeddings=max(POSITIONS, recipe.train.max_tokens),
        tie_word_embeddings=shape.tie_word_embeddings if shape.model_type else known.get("tie_word_embeddings", True),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(recipe.train.seed)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).to(torch.bfloat16).save_pretrained(folder)
    return TinyBase(folder, model_type, here is not None)


def local_base(recipe: Recipe) -> Path | None:
    """Return the folder of the recipe's base with config and tokenizer, if it is on this machine; asks no network."""
    from ..core.settings import settings
    from ..models.package import FOLDER

    model = recipe.base.model
    if model.startswith("package:"):
        found = settings().cache / "base" / FOLDER
    elif Path(model).expanduser().is_dir():
        found = Path(model).expanduser()
    else:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(model, "tokenizer.json", revision=recipe.base.revision)
        found = Path(cached).parent if isinstance(cached, str) else Path()
    whole = all((found / name).is_file() for name in ("config.json", "tokenizer.json", "tokenizer_config.json"))
    return found if whole else None


def _write_tokenizer(family: str, folder: Path) -> None:
    """Write a tokenizer of bytes with the family's control tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    kind = family if family in SPECIAL else "sentences"
    llama3 = kind.startswith("llama3")
    tokenizer: Any = Tokenizer(models.BPE(ignore_merges=llama3))
    split: Any = pre_tokenizers.Digits(individual_digits=True)
    if llama3:
        split = pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not llama3)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIAL[kind]), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(
        ["SELECT count(*) FROM singer WHERE age > 20", "How many singers are there?"], trainer
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    bos, eos, pad = ENDS[kind]
    facts = {"bos_token": bos, "eos_token": eos, "pad_token": pad, "add_bos_token": kind != "chatml"}
    facts |= {"tokenizer_class": "PreTrainedTokenizerFast", "add_eos_token": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), encoding="utf-8")
