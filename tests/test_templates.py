"""A family's Jinja and Go templates are twins that hold no date and no BOS."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.prompt import SYSTEM_PROMPT
from sql_llama.core.records import Message
from sql_llama.modelfiles.templates import FAMILIES, family, render_chat

CHAT = (Message("system", SYSTEM_PROMPT), Message("user", " How many?\n\n"), Message("assistant", "SELECT 1"))


def test_chatml_is_written_as_smollm2_knows_it() -> None:
    assert render_chat(family("chatml").jinja, CHAT[:2]) == (
        f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n"
        "<|im_start|>user\n How many?\n\n<|im_end|>\n<|im_start|>assistant\n"
    )


def test_llama3_is_written_as_llama_3_knows_it() -> None:
    assert render_chat(family("llama3").jinja, CHAT[1:], add_generation_prompt=False) == (
        "<|start_header_id|>user<|end_header_id|>\n\n How many?\n\n<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nSELECT 1<|eot_id|>"
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_no_family_writes_bos_or_the_date(name: str) -> None:
    one = family(name)
    for text in (one.jinja, one.go):
        assert "begin_of_text" not in text
        assert "bos_token" not in text
        assert "now" not in text.lower()
        assert "date" not in text.lower()
    assert one.end_of_turn in one.stops
    assert one.end_of_turn in one.go


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_goes_on_where_the_prompt_ends(name: str) -> None:
    one = family(name)
    prompt = render_chat(one.jinja, CHAT[:2])
    whole = render_chat(one.jinja, CHAT, add_generation_prompt=False)
    assert whole.startswith(prompt + "SELECT 1" + one.end_of_turn)


@pytest.mark.parametrize("name", FAMILIES)
def test_transformers_renders_the_same(name: str, tiny_base: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    template = family(name).jinja
    for chat, more in ((CHAT, False), (CHAT[:2], True), (CHAT[1:2], True)):
        conversation = [{"role": message.role, "content": message.content} for message in chat]
        theirs = tokenizer.apply_chat_template(
            conversation, chat_template=template, add_generation_prompt=more, tokenize=False
        )
        assert render_chat(template, chat, add_generation_prompt=more) == theirs


def test_an_unknown_family_is_a_mistake_in_the_recipe() -> None:
    with pytest.raises(RecipeError, match="no such template family"):
        family("alpaca")


@pytest.mark.parametrize(
    "template",
    ["{% for", "{{ raise_exception('no system') }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ 1 / 0 }}"],
)
def test_a_template_that_breaks_or_reaches_out_is_one_clear_line(template: str) -> None:
    with pytest.raises(DataError, match="the chat template cannot be used"):
        render_chat(template, CHAT)


def test_a_template_may_use_what_transformers_offers() -> None:
    template = "{{ bos_token }}{{ messages | length }}{{ messages[0] | tojson }}{{ strftime_now('%Y') | length }}"
    assert render_chat(template, CHAT[2:], bos_token="<s>") == '<s>1{"role": "assistant", "content": "SELECT 1"}4'
