"""A tiny random model with the architecture of a recipe's base, to try a recipe without its weights."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.byte_level import LLAMA3_SPLIT

WIDTH, INNER, HEADS = 128, 256, 4  # NF4 needs widths of whole blocks of 64
# of each family: the tokens that its templates and tokenizers need; the first begins a text, the last ends a turn
SPECIAL = {
    "chatml": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "llama3": ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "llama3-base": ("<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>"),
    "llama2": ("<s>", "<unk>", "</s>"),
    "mistral": ("<s>", "<unk>", "</s>"),
    "plain": ("<s>", "<unk>", "</s>"),
}
TEXT = ("SELECT name, count(*) FROM singer WHERE age > 20 GROUP BY name ORDER BY name", "How many singers are there?")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json")


def stand_in(folder: Path, config: Mapping[str, Any], family: str, base: Path | None) -> Path:
    """Write a model of two layers in Hugging Face layout into `folder`, which is made; returns it.

    `config` is the base's config.json, or the recipe's [shape]: the architecture, whether keys have fewer heads and
    whether the output layer is the embedding are kept. The tokenizer is that of the folder `base`; without one, a small
    byte-level one with the special tokens of the template family.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    folder.mkdir(parents=True)
    if base is not None:
        for name in TOKENIZER_FILES:
            if (base / name).is_file():
                shutil.copyfile(base / name, folder / name)
        rows = int(config["vocab_size"])
    else:
        rows = _write_tokenizer(folder, family)
    groups = max(1, int(config["num_attention_heads"]) // int(config.get("num_key_value_heads") or HEADS))
    tiny = AutoConfig.for_model(
        config.get("model_type") or "llama",
        vocab_size=rows,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS if groups == 1 else HEADS // 2,
        max_position_embeddings=8192,
        tie_word_embeddings=bool(config.get("tie_word_embeddings")),
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(tiny).to(torch.float16)
    logging.disable_progress_bar()
    try:
        model.save_pretrained(folder)
    finally:
        logging.enable_progress_bar()
    return folder


def _write_tokenizer(folder: Path, family: str) -> int:
    """Write a tokenizer of a few hundred tokens; returns how many."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    special = SPECIAL[family]
    tokenizer = Tokenizer(models.BPE(ignore_merges=family.startswith("llama3")))
    split: pre_tokenizers.PreTokenizer = pre_tokenizers.Digits(individual_digits=True)
    if family.startswith("llama3"):
        split = pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not family.startswith("llama3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=[*special, "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special[0],
        "eos_token": special[-1],
        "pad_token": "<pad>",
        "add_bos_token": family != "chatml",
        "add_eos_token": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), encoding="utf-8")
    return int(tokenizer.get_vocab_size())
