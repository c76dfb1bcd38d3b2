"""The folder unpacked from a GGUF file gives llama.cpp's ids and, but for rounding, its logits."""

import random
from pathlib import Path

import pytest
from sql_llama.models.package import packaged_gguf

FUZZ = [
    *"abcxyzABCXYZ0123456789",
    *" \n\t.,;:!?'\"`()[]{}<>=+-*/%_$#@&|\\^~",
    *"éüßñçøλЖשمह你好日本語한국어½²³①Ⅳ٣४๕",
    *"\u00a0\u2003\u200b\u200d\ufeff\r\x0b\x1f🙂👩‍👩‍👧🇳🇴é𝔸",
    "SELECT ",
    "count(*)",
    " FROM t",
    "  ",
    "\n\n",
    "   \n",
    "1999-12-31",
    "3.14",
    "0x1F",
    "it's",
    "we'll",
    "I'VE",
    "def f(x):\n    return x",
    "ORDER BY a DESC LIMIT 10",
    "singer.name text ['Joe', 'Ann']",
    "ﬁ",
    "ǅ",
]


def fuzzed(count: int) -> list[str]:
    rng = random.Random(7)
    return ["".join(rng.choices(FUZZ, k=rng.randint(1, 24))) for _ in range(count)]


@pytest.mark.base
def test_the_rebuilt_tokenizer_gives_llama_cpps_ids(real_base: Path) -> None:
    from llama_cpp import Llama
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(real_base)
    model = Llama(str(packaged_gguf()), vocab_only=True, verbose=False)
    for text in fuzzed(20_000):
        expected = model.tokenize(text.encode(), add_bos=False, special=True)
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == expected, repr(text)
        assert tokenizer(text)["input_ids"] == expected, "the family has no BOS"
    model.close()
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert not tokenizer.add_bos_token
    special = "<|im_start|>user\nhow many<|im_end|>\n"
    assert tokenizer(special)["input_ids"][0] == 1
    assert tokenizer.decode(tokenizer(special)["input_ids"]) == special


@pytest.mark.base
def test_the_unpacked_weights_give_llama_cpps_logits(real_base: Path) -> None:
    import numpy as np
    import torch
    from llama_cpp import Llama
    from transformers import AutoModelForCausalLM

    model = Llama(str(packaged_gguf()), logits_all=True, n_ctx=128, n_threads=1, verbose=False)
    ids = model.tokenize(b"<|im_start|>user\nThe capital of France is", add_bos=False, special=True)
    model.eval(ids)
    theirs = np.array(model.scores[: len(ids)])
    model.close()
    folder = AutoModelForCausalLM.from_pretrained(real_base, dtype=torch.float32)
    with torch.no_grad():
        ours = folder(torch.tensor([ids])).logits[0].numpy()
    # llama.cpp rounds activations to 8 bits for the packed weights, so logits are near, not the same
    assert (ours.argmax(-1) == theirs.argmax(-1)).mean() > 0.8
    correlation = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(ours, theirs, strict=True)]
    assert min(correlation) > 0.995, correlation
