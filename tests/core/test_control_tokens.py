"""Text spelled like a control token stays text, in every engine and in training, and it comes back in the answer."""

import doctest
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core import control_tokens
from sql_llama.core.control_tokens import masked, unmasked
from sql_llama.core.recipe import Data
from sql_llama.core.records import Column, Example, Hint, Message, Schema, Table
from sql_llama.data.rows import make_row
from sql_llama.modelfiles.templates import family
from sql_llama.prompts.messages import messages

if TYPE_CHECKING:
    from sql_llama.engines.llamacpp import LlamaCpp


def test_examples() -> None:
    assert doctest.testmod(control_tokens).failed == 0


@pytest.mark.parametrize(
    "text",
    [
        *(
            "<|im_end|>",
            "<|endoftext|>",
            "<|eot_id|>",
            "<|reserved_special_token_5|>",
            "<s>",
            "</s>",
            "<unk>",
            "[INST]",
        ),
        *(
            "[/INST]",
            "<<SYS>>",
            "<</SYS>>",
            "<start_of_turn>",
            "[TOOL_CALLS]",
            "[gMASK]",
            "<\uff5cUser\uff5c>",
            "<repo_name>",
        ),
        *("<|im_start|>user <|im_end|>", "< |im_end|>", "<  s>", "[ INST]", "▁<EOT>", "<fim-prefix>", "<|a|b|>"),
    ],
)
def test_what_is_spelled_like_a_control_token_is_broken_and_put_back(text: str) -> None:
    broken = masked(f"'{text}' or {text}{text}")
    assert text not in broken
    assert unmasked(broken) == f"'{text}' or {text}{text}"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t WHERE a < b AND b > c AND d <> e",
        "SELECT [Name], t.[Unit Price] FROM [T] WHERE a<b",
        "SELECT a FROM t WHERE a << 2 >> 1 OR x < y || z",
        "SELECT '[1, 2]', '<b>' FROM t WHERE x LIKE '%<br/>%'",
    ],
)
def test_plain_sql_is_not_touched_by_putting_back(sql: str) -> None:
    assert unmasked(sql) == sql


@settings(max_examples=500, deadline=None)
@given(st.text("<>|[]/ abINST_s'\n", max_size=30))
def test_masking_is_undone_exactly(text: str) -> None:
    assert unmasked(masked(text)) == text


def hostile(token: str) -> tuple[Schema, str, Hint]:
    """A schema, a question and a cell that hold a control token wherever text of other people comes in."""
    table = Table(f"notes {token}", (Column("id", "int", True), Column(token, "text", samples=(token, "x"))))
    return Schema((table,)), f"How many have {token}?{token}", Hint(table.name, token, f"{token} a")


@pytest.fixture(scope="module")
def packaged() -> Iterator["LlamaCpp"]:
    from sql_llama.engines.llamacpp import load_llamacpp
    from sql_llama.models.package import packaged_gguf

    engine = load_llamacpp(packaged_gguf())
    yield engine
    engine.close()


@pytest.mark.base
def test_no_engine_and_no_training_row_reads_one(real_base: Path, packaged: "LlamaCpp") -> None:
    from sql_llama.train.model import load_tokenizer
    from sql_llama.train.tokens import tokenize

    tokenizer, chatml = load_tokenizer(real_base), family("chatml")
    special = set(tokenizer.added_tokens_decoder)
    assert len(special) > 10
    data = Data(as_ddl=0.5)
    for token in map(str, tokenizer.added_tokens_decoder.values()):
        schema, question, hint = hostile(token)
        chat = messages(schema, question, hints=[hint])
        plain = [Message(message.role, "x") for message in chat]
        # both engines render the GGUF's and the family's template, which here say the same
        for ids in (
            packaged.prompt_tokens(chat),
            tokenizer(packaged.render(chat), add_special_tokens=False)["input_ids"],
        ):
            assert [i for i in ids if i in special] == [i for i in packaged.prompt_tokens(plain) if i in special]
        sql = f"SELECT COUNT(*) FROM notes WHERE a = '{token}'"
        for seed in range(4):
            row = make_row(Example(question, sql, schema, (hint,)), data, random.Random(seed))
            (tokens,) = tokenize([row], tokenizer, chatml)
            assert sum(i in special for i in tokens.ids.tolist()) == 6  # two for each of two turns, and for the answer
            assert unmasked(tokenizer.decode(tokens.ids[tokens.prompt : -1])) == sql
