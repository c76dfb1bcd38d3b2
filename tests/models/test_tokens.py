"""A chat has the same token ids in training, transformers and llama.cpp; a missing BOS token is an error."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Message
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.certificate.probes import answered_probes, probes
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family, render_chat
from sql_llama.models.tokens import answered_tokens, bos_id, chat_tokens, read_tokenizer, with_bos

CHAT = (Message("system", "Be short."), Message("user", "How many singers?"))


@pytest.mark.parametrize("name", ["chatml", "llama3"])
def test_prompt_and_answer_have_llama_cpps_ids(name: str, tiny_base: Path, tiny_llama3: Path, tmp_path: Path) -> None:
    base, chat_family = tiny_base if name == "chatml" else tiny_llama3, family(name)
    tokenizer = read_tokenizer(base)
    engine = load_llamacpp(convert(base, tmp_path / "x.gguf", chat_family), threads=1)
    try:
        for chat in probes():
            assert chat_tokens(chat, tokenizer, chat_family) == engine.prompt_tokens(chat)
        rows = answered_probes()
        for (chat, sql), row in zip(rows, answered_tokens(rows, tokenizer, chat_family), strict=True):
            prompt = engine.prompt_tokens(chat)
            assert list(row.ids) == prompt + engine.tokenize(sql + chat_family.end_of_turn)
            assert row.prompt == len(prompt)
    finally:
        engine.close()


@pytest.mark.base
def test_on_the_real_base_they_are_llama_cpps_ids_too(real_base: Path) -> None:
    from sql_llama.models.package import packaged_gguf

    tokenizer, chat_family = read_tokenizer(real_base), family("chatml")
    engine = load_llamacpp(packaged_gguf())
    try:
        for chat in probes():
            ids = engine.tokenize(render_chat(chat_family.jinja, chat))
            assert chat_tokens(chat, tokenizer, chat_family) == ids
    finally:
        engine.close()


def test_a_family_with_bos_has_it_once(tiny_llama3: Path) -> None:
    tokenizer = read_tokenizer(tiny_llama3)
    ids = chat_tokens(CHAT, tokenizer, family("llama3"))
    assert ids[0] == tokenizer.bos_token_id and ids.count(tokenizer.bos_token_id) == 1
    (row,) = answered_tokens([(CHAT, "SELECT 1")], tokenizer, family("llama3"))
    assert list(row.ids[: row.prompt]) == ids


def test_a_bos_that_a_template_wrote_is_not_doubled() -> None:
    assert with_bos([5, 6], 1) == [1, 5, 6]
    assert with_bos([1, 5, 6], 1) == [1, 5, 6]
    assert with_bos([5, 6], None) == [5, 6]


def test_a_family_without_bos_needs_none(tiny_base: Path) -> None:
    tokenizer = read_tokenizer(tiny_base)
    tokenizer.bos_token = None
    assert bos_id(tokenizer, family("chatml")) is None
    assert tokenizer.decode(chat_tokens(CHAT, tokenizer, family("chatml"))).startswith("<|im_start|>system")


def test_a_missing_bos_is_an_error_that_names_the_file(tiny_llama3: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama3, tmp_path / "base", ignore=shutil.ignore_patterns("*.safetensors"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["bos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = read_tokenizer(folder)
    for tokens in (chat_tokens, lambda chat, *rest: answered_tokens([(chat, "SELECT 1")], *rest)):
        with pytest.raises(DataError) as caught:
            tokens(CHAT, tokenizer, family("llama3"))
        assert caught.value.message.startswith(f"{folder}/tokenizer_config.json: names no bos_token")
        assert "bos_token" in caught.value.fix


NO_UNKNOWN = {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tokenizer.json", "{", "its tokenizer cannot be loaded"),
        ("tokenizer.json", json.dumps({"added_tokens": [], "model": NO_UNKNOWN}), "`<unk>` not found"),
        ("tokenizer.model", "pieces", "transformers cannot read its tokenizer.model"),
    ],
    ids=["broken", "no unknown token", "SentencePiece alone"],
)
def test_a_tokenizer_that_cannot_be_loaded_is_one_line(
    name: str, text: str, says: str, tiny_base: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    shutil.copy(tiny_base / "config.json", folder)
    (folder / name).write_text(text)
    with pytest.raises(DataError) as caught:
        read_tokenizer(folder)
    assert caught.value.message.startswith(f"{folder}: ") and says in caught.value.message
    assert "\n" not in str(caught.value)
    assert ("protobuf" in (caught.value.fix or "")) == (name == "tokenizer.model")
    assert capfd.readouterr() == ("", "")
