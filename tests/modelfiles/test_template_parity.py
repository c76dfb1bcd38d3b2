"""Random conversations are the same text, and the same tokens, in Hugging Face, llama.cpp and two real Ollamas."""

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies
from sql_llama.core.records import Message
from sql_llama.engines.ollama import prompt_token_counts, rendered_prompts
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import FAMILIES, family, family_of, render_chat, template_with_schema
from sql_llama.prompts.messages import user_message

if TYPE_CHECKING:
    from conftest import OllamaServer

PIECES = [
    *("{{", "}}", "{%", "%}", "{#", "{{ .Content }}", "{{ message['content'] }}", "{{- end -}}", "$open", "`", "\\"),
    *('"', "'", '"""', "'''", "\n", "\r\n", " ", "\t", "  ", "\n\n", "\u00a0", "\u200b", "\ufeff", "é", "多少", "🦙"),
    *("<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<|endoftext|>", "<s>", "</s>", "<unk>"),
    *("[INST]", "[/INST]", "<<SYS>>", "### Answer:", "<think>", "</think>", "[img]", "[img-0]", "<|image|>"),
    *("system", "user\n", "SELECT name FROM singer", "1234567", "&lt;", "%s", "${x}", "Question: "),
]
text = strategies.lists(strategies.sampled_from(PIECES) | strategies.text(max_size=3), max_size=5).map("".join)


@strategies.composite
def conversations(draw: strategies.DrawFn) -> list[Message]:
    """A system message or none, then user and assistant by turns, the user last."""
    chat = [Message("system", draw(text))] if draw(strategies.booleans()) else []
    for _ in range(draw(strategies.integers(0, 3))):
        chat += [Message("user", draw(text)), Message("assistant", draw(text))]
    return [*chat, Message("user", draw(text))]


def for_many(examples: int, check: Callable[[list[Message]], None]) -> None:
    # without a database of failures and by a fixed seed: a test says the same on every machine
    settings(max_examples=examples, deadline=None, database=None, derandomize=True)(given(conversations())(check))()


@pytest.fixture(scope="module")
def tiny_gguf(tiny_stopping_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_stopping_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


@pytest.mark.parametrize(("name", "fixture"), [("chatml", "tiny_base"), ("llama3", "tiny_llama3")])
def test_hugging_face_and_llamacpp_make_the_same_tokens(
    name: str, fixture: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from sql_llama.engines.llamacpp import load_llamacpp
    from transformers import AutoTokenizer

    base: Path = request.getfixturevalue(fixture)
    one = family(name)
    tokenizer = AutoTokenizer.from_pretrained(base)
    engine = load_llamacpp(convert(base, tmp_path / "x.gguf", one), threads=1)

    def same(chat: list[Message]) -> None:
        conversation = [{"role": message.role, "content": message.content} for message in chat]
        theirs = tokenizer.apply_chat_template(
            conversation, chat_template=one.jinja, add_generation_prompt=True, return_dict=False
        )
        assert engine.prompt_tokens(chat) == [tokenizer.bos_token_id] * one.bos + theirs

    try:
        for_many(300, same)
    finally:
        engine.close()


def build_tiny_sentencepiece(folder: Path, *, legacy: bool) -> Path:
    """A random Llama with Llama 2's kind of tokenizer; `legacy` puts a space before every piece of text, else one."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaTokenizer

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    words = ["SELECT name FROM singer WHERE age > 20 ### Answer: [INST] <<SYS>> Question: how many \n"] * 3
    trained.train_from_iterator(words, trainers.BpeTrainer(vocab_size=120, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"]]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [(left, right) for left, right in model["merges"]]
    LlamaTokenizer(vocab=vocabulary, merges=merges, legacy=legacy).save_pretrained(folder)
    facts = {"tokenizer_class": "LlamaTokenizer", "legacy": legacy, "add_bos_token": True, "add_eos_token": False}
    facts |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    config = LlamaConfig(
        vocab_size=len(pieces),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=2048,
    )
    random = LlamaForCausalLM(config)
    with torch.no_grad():  # it ends every answer at once: bytes that are no text break an answer of Ollama 0.32 off
        random.model.embed_tokens.weight[:, 0] = 50.0
        random.lm_head.weight.zero_()
        random.lm_head.weight[vocabulary["</s>"], 0] = 1.0
    random.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["legacy", "first"])
def sentencepiece_base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_sentencepiece(tmp_path_factory.mktemp("spm") / request.param, legacy=request.param == "legacy")


@pytest.mark.parametrize("name", ["llama2", "mistral", "plain"])
def test_sentencepiece_families_are_the_same_tokens_too(name: str, sentencepiece_base: Path, tmp_path: Path) -> None:
    """But for text after a special token: llama.cpp puts a space before it where transformers puts none.

    That is before a text that begins with a space; and, where transformers (`legacy` false) puts a space before the
    first piece only, before every one. So there one turn is the same, and several differ by a token after each `</s>`.
    """
    from sql_llama.engines.llamacpp import load_llamacpp
    from transformers import AutoTokenizer

    one = family(name)
    assert family_of(sentencepiece_base) == family("plain")
    tokenizer = AutoTokenizer.from_pretrained(sentencepiece_base)
    engine = load_llamacpp(convert(sentencepiece_base, tmp_path / "x.gguf", one), threads=1)
    other = re.compile("(<s>|</s>|<unk>)" + ("[ ▁]" if sentencepiece_base.name == "legacy" else ""))
    compared = []

    def same(chat: list[Message]) -> None:
        prompt = render_chat(one.jinja, chat)
        if other.search(prompt):
            return
        compared.append(chat)
        conversation = [{"role": message.role, "content": message.content} for message in chat]
        theirs = tokenizer.apply_chat_template(
            conversation, chat_template=one.jinja, add_generation_prompt=True, return_dict=False
        )
        assert engine.prompt_tokens(chat) == [tokenizer.bos_token_id, *theirs]

    try:
        for_many(300, same)
    finally:
        engine.close()
    assert len(compared) > 20


@pytest.mark.parametrize("name", ["llama2", "mistral", "plain"])
def test_training_teaches_the_end_of_an_answer_that_is_eos(name: str, sentencepiece_base: Path) -> None:
    from sql_llama.data.rows import Row
    from sql_llama.train.model import load_tokenizer
    from sql_llama.train.preflight import preflight
    from sql_llama.train.tokens import tokenize
    from sql_llama.train.trainer import Collator

    one = family(name)
    tokenizer = load_tokenizer(sentencepiece_base)
    rows = [Row((Message("system", "S."), Message("user", f"Question: {n}?")), f"SELECT {n}") for n in (1, 22)]
    tokens = tokenize(rows, tokenizer, one)
    preflight(rows, tokens, tokenizer, one)
    assert all(item.ids[0] == tokenizer.bos_token_id for item in tokens)
    batch = Collator(int(tokenizer.pad_token_id or 0))([{"input_ids": t.ids, "prompt": t.prompt} for t in tokens])
    for row, labels in zip(rows, batch["labels"], strict=True):
        taught = labels[labels != -100].tolist()
        assert taught[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(taught[:-1]).strip() == row.answer
    # in a conversation the same answer is the same tokens
    whole = render_chat(one.jinja, [*rows[0].chat, Message("assistant", rows[0].answer)], add_generation_prompt=False)
    again = tokenizer(whole, add_special_tokens=False)["input_ids"]
    assert [tokenizer.bos_token_id, *again] == tokens[0].ids.tolist()


@pytest.fixture(scope="module")
def created(ollama_server: "OllamaServer", tiny_gguf: Path) -> "OllamaServer":
    """A server with a model of each family's name; the tokens are ChatML's in all, for a TEMPLATE is only text."""
    for name in FAMILIES:
        for model, template in ((name, family(name).go), (f"{name}-shop", template_with_schema(family(name), SHOP))):
            create(ollama_server, model, tiny_gguf, template=template)
    return ollama_server


def create(server: "OllamaServer", model: str, gguf: Path, **more: str) -> None:
    """A model without a SYSTEM, and here without a TEMPLATE too if none is given."""
    data = gguf.read_bytes()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    blob = urllib.request.Request(f"http://{server.host}/api/blobs/{digest}", data, method="POST")
    with urllib.request.urlopen(blob, timeout=60):
        server.post("/api/create", model=model, files={"tiny.gguf": digest}, stream=False, **more)


SHOP = "shop.\"a b\" text ['it''s', '{{ . }}', '\\', '\"\"\"']\nshop.id int pk\nshop.name text ['é🦙']"


@pytest.mark.ollama
@pytest.mark.parametrize("name", FAMILIES)
def test_ollama_renders_what_hugging_face_renders(name: str, created: "OllamaServer") -> None:
    def same(chat: list[Message]) -> None:
        (theirs,) = rendered_prompts(name, [chat], created.host)
        assert theirs == render_chat(family(name).jinja, chat)

    for_many(60, same)


@pytest.mark.ollama
@pytest.mark.parametrize("name", FAMILIES)
def test_with_a_schema_ollama_makes_the_prompt_of_training_from_a_bare_question(
    name: str, created: "OllamaServer"
) -> None:
    def asked(message: Message) -> Message:
        bare = message.role == "user" and not message.content.startswith("Question: ")
        return Message("user", f"Question: {message.content}\n{SHOP}\nQuestion: {message.content}") if bare else message

    def same(chat: list[Message]) -> None:
        (theirs,) = rendered_prompts(f"{name}-shop", [chat], created.host)
        assert theirs == render_chat(family(name).jinja, [asked(message) for message in chat])

    for_many(30, same)
    question = "How many customers are there?"
    assert asked(Message("user", question)).content == user_message(SHOP, question)


@pytest.mark.ollama
@pytest.mark.parametrize("name", FAMILIES)
def test_the_files_own_template_says_the_same_where_a_server_reads_it(
    name: str, ollama_server: "OllamaServer", tiny_base: Path, tmp_path: Path
) -> None:
    """Ollama 0.30 and later read it where there is no TEMPLATE, or under OLLAMA_GO_TEMPLATE=0."""
    if ollama_server.version.startswith("0.24"):
        pytest.skip("0.24 does not read the file's template")
    # without the comment Ollama sees that ours is nearly its own ChatML, and takes its own Go template
    comment = f"{{# {'not one that Ollama knows ' * 9}#}}"
    own = replace(family("chatml"), jinja=family(name).jinja + comment)
    create(ollama_server, f"{name}-own", convert(tiny_base, tmp_path / "own.gguf", own))
    assert ollama_server.post("/api/show", model=f"{name}-own")["template"] == own.jinja

    def same(chat: list[Message]) -> None:
        (theirs,) = rendered_prompts(f"{name}-own", [chat], ollama_server.host)
        assert theirs == render_chat(family(name).jinja, chat)

    for_many(60, same)


@pytest.mark.ollama
@pytest.mark.parametrize("name", FAMILIES)
def test_ollama_gives_the_model_as_many_tokens(name: str, created: "OllamaServer", tiny_gguf: Path) -> None:
    from sql_llama.engines.llamacpp import load_llamacpp

    engine = load_llamacpp(tiny_gguf, threads=1)
    engine.template = family(name).jinja
    chats = [
        [Message("user", "How many?")],
        [
            Message("system", ' é 🦙 {{ """'),
            Message("user", "<|im_end|></s>\n\n"),
            Message("assistant", "SELECT 1"),
            Message("user", "2?"),
        ],
    ]
    try:
        wanted = [len(engine.prompt_tokens(chat)) for chat in chats]
    finally:
        engine.close()
    assert prompt_token_counts(name, chats, created.host) == wanted


@pytest.mark.ollama
def test_ollama_puts_one_bos_before_a_sentencepiece_prompt(
    ollama_server: "OllamaServer", sentencepiece_base: Path, tmp_path: Path
) -> None:
    from sql_llama.engines.llamacpp import load_llamacpp

    one = family("llama2")
    gguf = convert(sentencepiece_base, tmp_path / "x.gguf", one)
    engine = load_llamacpp(gguf, threads=1)
    chat = [Message("system", "S. é"), Message("user", "1?"), Message("assistant", "SELECT 1"), Message("user", "2?")]
    wanted = engine.prompt_tokens(chat)
    engine.close()
    assert wanted.count(1) == 1
    create(ollama_server, "sentencepiece", gguf, template=one.go)
    assert rendered_prompts("sentencepiece", [chat], ollama_server.host) == [render_chat(one.jinja, chat)]
    assert prompt_token_counts("sentencepiece", [chat], ollama_server.host) == [len(wanted)]
