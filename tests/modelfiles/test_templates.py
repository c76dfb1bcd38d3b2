"""A family's Jinja and Go templates are twins that hold no date and no BOS."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, RecipeError, UnknownFamily
from sql_llama.core.records import Message
from sql_llama.modelfiles.templates import FAMILIES, family, family_of, render_chat
from sql_llama.prompts.messages import SYSTEM_PROMPT

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


def test_llama2_is_written_as_llama_2_chat_knows_it_but_for_bos() -> None:
    assert render_chat(family("llama2").jinja, [*CHAT, Message("user", "And now?")]) == (
        f"[INST] <<SYS>>\n{SYSTEM_PROMPT}\n<</SYS>>\n\n How many?\n\n [/INST] SELECT 1</s>[INST] And now? [/INST]"
    )


def test_mistral_has_no_system_role_so_the_question_opens_with_it() -> None:
    assert render_chat(family("mistral").jinja, [*CHAT, Message("user", "And now?")]) == (
        f"[INST] {SYSTEM_PROMPT}\n\n How many?\n\n [/INST] SELECT 1</s>[INST] And now? [/INST]"
    )


def test_plain_is_headings_and_needs_no_token_but_eos() -> None:
    assert render_chat(family("plain").jinja, [*CHAT, Message("user", "And now?")]) == (
        f"### Instructions:\n{SYSTEM_PROMPT}\n\n### Input:\n How many?\n\n\n\n### Answer: SELECT 1</s>"
        "### Input:\nAnd now?\n\n### Answer:"
    )


S, U, A = Message("system", "Sys."), Message("user", "One?"), Message("assistant", "1")


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("chat", [[S], [S, U], [U, A, S, U], [S, A, U], [S, U, A, U, A, S], [S, S, U]])
def test_the_system_prompt_is_kept_wherever_it_stands(name: str, chat: list[Message]) -> None:
    text = render_chat(family(name).jinja, chat)
    assert text.count("Sys.") == chat.count(S)
    assert text.count("[INST]") == text.count("[/INST]")


@pytest.mark.parametrize("name", FAMILIES)
def test_without_a_system_prompt_none_is_invented(name: str) -> None:
    text = render_chat(family(name).jinja, [U])
    for mark in ("<|im_start|>system", "<|start_header_id|>system", "SYS", "Instructions", "You are"):
        assert mark not in text


@pytest.mark.parametrize("name", FAMILIES)
def test_no_word_makes_ollama_prefer_the_files_own_template(name: str) -> None:
    # server/images.go of Ollama 0.32 counts what a template can do by these
    for word in ("tools", "tool_call", "<think>", "</think>"):
        assert word not in family(name).jinja


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
    assert whole.startswith(prompt)
    # a prompt never ends in a blank: after one, a SentencePiece tokenizer makes other tokens of the answer
    assert whole.removeprefix(prompt).removeprefix(" ").startswith("SELECT 1" + one.end_of_turn)
    assert not prompt.endswith(" ")


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


SP = '{"added_tokens": [{"content": "<s>"}, {"content": "</s>"}]}'
BASES = {
    "smollm2": ('{"added_tokens": [{"content": "<|im_end|>"}]}', "{{ '<|im_start|>' }}", "chatml"),
    "llama 3.1": ('{"added_tokens": [{"content": "<|eot_id|>"}]}', "", "llama3"),
    "llama 2 chat": (SP, "{{ '<<SYS>>\\n' + system + '[INST]' }}", "llama2"),
    "codellama base": (SP, "", "plain"),
    "mistral 0.2": (SP, "{{ bos_token + '[INST] ' }}", "mistral"),
    "mistral 0.3 base": (SP.replace("]", ', {"content": "[INST]"}]'), "", "mistral"),
    "tinyllama chat": (SP, "{{ '<|user|>\\n' + message['content'] + eos_token }}", "plain"),
}


@pytest.mark.parametrize("where", ["tokenizer_config.json", "chat_template.jinja"])
@pytest.mark.parametrize(("tokenizer", "template", "name"), BASES.values(), ids=BASES)
def test_a_folders_family_is_told_by_its_tokenizer(
    tokenizer: str, template: str, name: str, where: str, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text(tokenizer)
    config: dict[str, object] = {"bos_token": "<s>"}
    if where == "chat_template.jinja":
        (tmp_path / where).write_text(template)
    elif template:
        config["chat_template"] = template
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert family_of(tmp_path).name == name


def test_a_tokenizer_that_fits_no_family_or_is_broken_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no tokenizer\.json"):
        family_of(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"added_tokens": [{"content": "<|endoftext|>"}]}')
    with pytest.raises(UnknownFamily, match="fits no template family"):
        family_of(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        family_of(tmp_path)


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
