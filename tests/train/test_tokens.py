"""Rows to token ids: the prompt as engines tokenize it, then the answer and its end of turn."""

from pathlib import Path

import pytest
from sql_llama.core.records import Message
from sql_llama.data.rows import Row
from sql_llama.modelfiles.templates import family
from sql_llama.train.model import load_tokenizer
from sql_llama.train.tokens import tokenize

ROW = Row((Message("system", "Be short."), Message("user", "How many singers?")), "SELECT COUNT(*) FROM singer")


def test_chatml_has_no_bos_and_ends_with_its_end_of_turn(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    (item,) = tokenize([ROW], tokenizer, family("chatml"))
    text = tokenizer.decode(item.ids.tolist())
    assert text == (
        "<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nHow many singers?<|im_end|>\n"
        "<|im_start|>assistant\nSELECT COUNT(*) FROM singer<|im_end|>"
    )
    assert tokenizer.decode(item.ids[item.prompt :].tolist()) == "SELECT COUNT(*) FROM singer<|im_end|>"
    assert item.ids.dtype == "int32"


def test_llama_3_has_one_bos(tiny_llama3: Path) -> None:
    tokenizer = load_tokenizer(tiny_llama3)
    (item,) = tokenize([ROW], tokenizer, family("llama3"))
    assert item.ids[0] == tokenizer.bos_token_id and (item.ids == tokenizer.bos_token_id).sum() == 1
    assert tokenizer.decode(item.ids[item.prompt :].tolist()) == "SELECT COUNT(*) FROM singer<|eot_id|>"


@pytest.mark.parametrize("name", ["chatml", "llama3"])
def test_the_prompt_is_what_an_engine_would_tokenize(name: str, tiny_base: Path, tiny_llama3: Path) -> None:
    tokenizer = load_tokenizer(tiny_base if name == "chatml" else tiny_llama3)
    chat = [{"role": message.role, "content": message.content} for message in ROW.chat]
    text = tokenizer.apply_chat_template(
        chat, chat_template=family(name).jinja, tokenize=False, add_generation_prompt=True
    )
    (item,) = tokenize([ROW], tokenizer, family(name))
    bos = "<|begin_of_text|>" if name == "llama3" else ""  # Ollama and llama.cpp put it there themselves
    wanted = tokenizer(bos + text.removeprefix(bos), add_special_tokens=False)
    assert item.ids[: item.prompt].tolist() == wanted["input_ids"]


def test_each_row_is_tokenized_by_itself(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    longer = Row((*ROW.chat[:1], Message("user", "What? " * 30)), "SELECT 1")
    apart = [tokenize([row], tokenizer, family("chatml"))[0] for row in (ROW, longer)]
    together = tokenize([ROW, longer], tokenizer, family("chatml"))
    assert [item.ids.tolist() for item in together] == [item.ids.tolist() for item in apart]
    assert tokenize([], tokenizer, family("chatml")) == []
