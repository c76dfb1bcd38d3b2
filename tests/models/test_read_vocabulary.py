"""Tokenizers that are taken, padded or refused; test_families holds their ids in llama.cpp against transformers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf import TokenType
from sql_llama.core.errors import DataError, UnknownFamily
from sql_llama.models.read_vocabulary import read_vocabulary

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a model folder without weights, with one of its JSON files edited."""

    def make(base: Path, edit: Edit, file: str = "tokenizer.json") -> Path:
        folder = tmp_path / "base"
        shutil.copytree(base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        facts = json.loads((folder / file).read_text())
        edit(facts)
        (folder / file).write_text(json.dumps(facts))
        return folder

    return make


def test_rows_beyond_the_tokenizer_are_unused_tokens(tiny_base: Path) -> None:
    vocabulary = read_vocabulary(tiny_base, 1000)
    known = json.loads((tiny_base / "tokenizer.json").read_text())["model"]["vocab"]
    assert len(vocabulary.tokens) == len(vocabulary.types) == 1000
    assert vocabulary.tokens[len(known) :] == [f"[PAD{i}]" for i in range(len(known), 1000)]
    assert set(vocabulary.types[len(known) :]) == {TokenType.UNUSED}
    assert (vocabulary.model, vocabulary.pre) == ("gpt2", "smollm")


def test_a_tokenizer_larger_than_the_embedding_is_refused_with_both_numbers(tiny_base: Path) -> None:
    last = max(json.loads((tiny_base / "tokenizer.json").read_text())["model"]["vocab"].values())
    assert len(read_vocabulary(tiny_base, last + 1).tokens) == last + 1
    with pytest.raises(DataError, match=rf"has ids up to {last}, and the embedding has 100 rows"):
        read_vocabulary(tiny_base, 100)


def test_added_tokens_are_control_if_special_or_if_they_look_it(tiny_base: Path, edited: Callable[..., Path]) -> None:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    new = [("<tool_call>", False), ("<|fim|>", False), ("[MINE]", True), ("a▁b", False)]

    def add(tokenizer: dict[str, Any]) -> None:
        start = max(tokenizer["model"]["vocab"].values()) + 1
        for number, (text, special) in enumerate(new, start):
            tokenizer["added_tokens"].append({"id": number, "content": text, "special": special, **flags})

    vocabulary = read_vocabulary(edited(tiny_base, add), 1000)
    types = dict(zip(vocabulary.tokens, vocabulary.types, strict=True))
    assert [types[text] for text in ("<tool_call>", "<|fim|>", "[MINE]", "a b")] == [
        TokenType.USER_DEFINED,
        TokenType.CONTROL,
        TokenType.CONTROL,
        TokenType.USER_DEFINED,
    ]
    assert types["SELECT"] == TokenType.NORMAL


SPLIT = {"type": "Split", "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t.update(pre_tokenizer={"type": "Whitespace"}),
        lambda t: t.update(pre_tokenizer=None),
        lambda t: t.update(normalizer={"type": "NFKC"}),
        lambda t: t["model"].update(ignore_merges=True),
        lambda t: t["model"].update(dropout=0.1),
        lambda t: t["model"].update(end_of_word_suffix="</w>"),
        lambda t: t["pre_tokenizer"]["pretokenizers"][0].update(individual_digits=False),
        lambda t: t["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True),
        lambda t: t["pre_tokenizer"]["pretokenizers"][1].update(use_regex=False),
        lambda t: t["pre_tokenizer"]["pretokenizers"].reverse(),
        lambda t: t["pre_tokenizer"]["pretokenizers"].pop(),
        lambda t: t["pre_tokenizer"]["pretokenizers"].__setitem__(0, {**SPLIT, "pattern": {"Regex": r"\p{N}"}}),
    ],
)
def test_one_step_otherwise_and_the_tokenizer_is_not_known(
    edit: Edit, tiny_base: Path, edited: Callable[..., Path]
) -> None:
    with pytest.raises(UnknownFamily, match=r"its way to split text is not known \(give --llama-cpp DIR"):
        read_vocabulary(edited(tiny_base, edit), 1000)


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t["model"].update(ignore_merges=False),
        lambda t: t["pre_tokenizer"]["pretokenizers"][0].update(behavior="Removed"),
        lambda t: t["pre_tokenizer"]["pretokenizers"][0].update(invert=True),
        lambda t: t["pre_tokenizer"]["pretokenizers"][0].update(pattern={"String": "x"}),
        lambda t: t["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(
            Regex=t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"].replace("{1,3}", "{1,2}")
        ),
    ],
)
def test_nearly_llama_3_is_not_llama_3(edit: Edit, tiny_llama3: Path, edited: Callable[..., Path]) -> None:
    with pytest.raises(UnknownFamily, match="its way to split text is not known"):
        read_vocabulary(edited(tiny_llama3, edit), 1000)


def test_missing_and_broken_files_are_one_clear_line_each(tiny_base: Path, edited: Callable[..., Path]) -> None:
    folder = edited(tiny_base, lambda _: None)
    for text in ("{", "[]", "null", '{"model": {}}', '{"model": {"type": "BPE", "vocab": 3}}', "\x00"):
        (folder / "tokenizer.json").write_text(text)
        with pytest.raises(DataError, match=r"tokenizer\.json: cannot be read") as error:
            read_vocabulary(folder, 1000)
        assert "\n" not in str(error.value)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"has neither tokenizer\.json nor tokenizer\.model"):
        read_vocabulary(folder, 1000)


def test_a_broken_config_beside_it_is_named(tiny_base: Path, edited: Callable[..., Path]) -> None:
    folder = edited(tiny_base, lambda _: None)
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(DataError, match="tokenizer"):
        read_vocabulary(folder, 1000)


def test_special_ids_are_the_tokens_that_are_named_else_the_configs_numbers(
    tiny_base: Path, edited: Callable[..., Path]
) -> None:
    assert read_vocabulary(tiny_base, 1000).special == {"bos": 1, "eos": 2, "pad": 0}

    def other(facts: dict[str, Any]) -> None:
        facts.update(
            eos_token={"__type": "AddedToken", "content": "<|endoftext|>"}, bos_token=None, pad_token="<|nobody|>"
        )

    folder = edited(tiny_base, other, "tokenizer_config.json")
    config = json.loads((folder / "config.json").read_text())
    config |= {"eos_token_id": [2, 0], "bos_token_id": 5, "pad_token_id": 7, "unk_token_id": 9999}
    (folder / "config.json").write_text(json.dumps(config))
    assert read_vocabulary(folder, 1000).special == {"bos": 5, "eos": 0, "pad": 317}  # transformers adds what is named
