"""No training with a loss that would teach something else than the answer and its end of turn."""

import dataclasses
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.data.rows import Row
from sql_llama.modelfiles.templates import family
from sql_llama.train.model import load_tokenizer
from sql_llama.train.preflight import preflight
from sql_llama.train.tokens import Tokens, tokenize
from sql_llama.train.trainer import Collator

ROWS = [
    Row(
        (Message("system", "S"), Message("user", f"Question: number {number}?")),
        f"SELECT {number} FROM \"a b\" WHERE x = ' é '",
    )
    for number in (1, 22, 333)
]


@pytest.mark.parametrize("name", ["chatml", "llama3"])
def test_the_loss_covers_the_answer_its_end_and_nothing_else(name: str, tiny_base: Path, tiny_llama3: Path) -> None:
    tokenizer = load_tokenizer(tiny_base if name == "chatml" else tiny_llama3)
    tokens = tokenize(ROWS, tokenizer, family(name))
    preflight(ROWS, tokens, tokenizer, family(name))
    labels = Collator(int(tokenizer.pad_token_id or 0))([{"input_ids": t.ids, "prompt": t.prompt} for t in tokens])[
        "labels"
    ]
    for row, label in zip(ROWS, labels, strict=True):
        assert tokenizer.decode(label[label != -100].tolist()) == row.answer + family(name).end_of_turn


def refusal(rows: list[Row], tokens: list[Tokens], base: Path, name: str = "chatml", pad: str = "") -> str:
    tokenizer = load_tokenizer(base)
    if pad:
        tokenizer.pad_token = pad
    with pytest.raises(SqlLlamaError) as caught:
        preflight(rows, tokens, tokenizer, family(name))
    assert caught.value.fix
    return caught.value.message


def test_padding_with_the_end_of_turn_is_refused(tiny_base: Path) -> None:
    tokens = tokenize(ROWS, load_tokenizer(tiny_base), family("chatml"))
    said = refusal(ROWS, tokens, tiny_base, pad="<|im_end|>")
    assert said.startswith("the padding token is the end-of-turn token <|im_end|>")


def test_another_models_family_is_refused(tiny_base: Path, tiny_llama3: Path) -> None:
    for base, name, end in ((tiny_base, "llama3", "<|eot_id|>"), (tiny_llama3, "chatml", "<|im_end|>")):
        tokens = tokenize(ROWS, load_tokenizer(base), family(name))
        assert f"does not know the end-of-turn token {end}" in refusal(ROWS, tokens, base, name)


def test_an_answer_without_its_end_is_refused(tiny_base: Path) -> None:
    (item,) = tokenize(ROWS[:1], load_tokenizer(tiny_base), family("chatml"))
    cut = Tokens(item.ids[:-1], item.prompt)
    assert (
        refusal(ROWS[:1], [cut], tiny_base) == "question 'Question: number 1?': the answer does not end with <|im_end|>"
    )
    empty = Tokens(item.ids, len(item.ids))
    assert "does not end" in refusal(ROWS[:1], [empty], tiny_base)


def test_a_mask_that_is_off_by_one_token_is_refused(tiny_base: Path) -> None:
    (item,) = tokenize(ROWS[:1], load_tokenizer(tiny_base), family("chatml"))
    assert "the loss would cover" in refusal(ROWS[:1], [Tokens(item.ids, item.prompt + 1)], tiny_base)
    assert "the loss would cover" in refusal(ROWS[:1], [Tokens(item.ids, item.prompt - 3)], tiny_base)


def test_an_answer_that_holds_the_end_of_turn_is_refused(tiny_base: Path) -> None:
    row = dataclasses.replace(ROWS[0], answer="SELECT '<|im_end|>'")
    tokens = tokenize([row], load_tokenizer(tiny_base), family("chatml"))
    assert "the answer holds <|im_end|>" in refusal([row], tokens, tiny_base)


def test_a_family_that_needs_bos_is_refused_without_it(tiny_llama3: Path) -> None:
    tokens = tokenize(ROWS, load_tokenizer(tiny_llama3), family("llama3"))
    tokenizer = load_tokenizer(tiny_llama3)
    tokenizer.bos_token = None
    with pytest.raises(DataError, match=r"tokenizer_config\.json: names no bos_token"):
        preflight(ROWS, tokens, tokenizer, family("llama3"))
