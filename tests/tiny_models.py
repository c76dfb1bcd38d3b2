"""Random models of two layers and their adapters, made on the spot."""

import json
import warnings
from pathlib import Path
from typing import Any


def build_tiny_base(
    folder: Path, *, llama3: bool = False, tied: bool = True, dtype: str = "float16", stops: bool = False
) -> Path:
    """A random Llama of two layers with a real byte-level tokenizer, as SmolLM2 has it or as Llama 3 has it.

    With `stops` (not tied) its first token is always the end of the turn; without, it hardly ever stops.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if llama3:
        special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        bos, eos, pad = special[0], special[4], special[1]
    else:
        special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        bos, eos, pad = special[1], special[2], special[0]
    tokenizer = _byte_level_tokenizer(special, llama3)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"bos_token": bos, "eos_token": eos, "pad_token": pad, "add_bos_token": llama3, "add_eos_token": False}
    facts["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    torch.manual_seed(3)
    rope: dict[str, object] = {"rope_type": "default", "rope_theta": 10000.0}
    if llama3:
        rope = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0}
        rope |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 256}
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size() + (0 if llama3 else 3),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=tied,
        rope_parameters=rope,
        bos_token_id=tokenizer.token_to_id(bos),
        eos_token_id=tokenizer.token_to_id(eos),
        pad_token_id=tokenizer.token_to_id(pad),
        initializer_range=0.2,
    )
    model = LlamaForCausalLM(config)
    if stops:
        with torch.no_grad():
            model.model.embed_tokens.weight[:, 0] = 50.0
            model.lm_head.weight.zero_()
            model.lm_head.weight[config.eos_token_id, 0] = 1.0
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def _byte_level_tokenizer(special: list[str], llama3: bool) -> Any:
    """A tokenizer of 400 tokens at most, learnt from two lines; it splits digits, or words as Llama 3 does."""
    from sql_llama.models.byte_level import LLAMA3_SPLIT
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=llama3))
    split: pre_tokenizers.PreTokenizer = pre_tokenizers.Digits(individual_digits=True)
    if llama3:
        split = pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not llama3)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    text = [
        "SELECT name, count(*) FROM singer WHERE age > 20 GROUP BY name ORDER BY name",
        "How many singers are there?",
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    return tokenizer


def build_tiny_adapter(base: Path, folder: Path, **options: object) -> Any:
    """Save a random adapter over `base` in `folder`; returns the PeftModel (float32)."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    chosen = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **options}
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a name that is on its way out
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        peft_model = get_peft_model(model, LoraConfig(**chosen))
    torch.manual_seed(5)
    for name, parameter in peft_model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    peft_model.save_pretrained(folder)
    return peft_model
