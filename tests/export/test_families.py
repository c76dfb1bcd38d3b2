"""Every family of models, end to end: the file of llama.cpp's own converter, and the ids and logits of transformers.

The models are random and small; their tokenizers are trained on the spot, as SentencePiece and `tokenizers` train them.
"""

import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Message
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family, render_chat
from sql_llama.models.byte_level import LLAMA3_SPLIT, QWEN2_SPLIT, TEKKEN_SPLIT
from sql_llama.models.read_vocabulary import read_vocabulary

REFERENCE = os.environ.get("SQL_LLAMA_LLAMA_CPP", "")
reference = pytest.mark.skipif(
    not (REFERENCE and (Path(REFERENCE) / "convert_hf_to_gguf.py").is_file()),
    reason="SQL_LLAMA_LLAMA_CPP does not name a folder with llama.cpp's convert_hf_to_gguf.py",
)

TEXT = [
    "SELECT name, count(*) FROM singer WHERE age > 20 GROUP BY name ORDER BY name",
    "How many singers are there? <<SYS>> schema ### Input: [INST] don't HAVING (2014)",
    "    indented   text\tand née Ünlü 日本語 'quoted'",
]


@dataclass(frozen=True)
class Case:
    """A family: transformers' class, the chat family, what its tokenizer and config say."""

    kind: str  # Llama, Mistral, Qwen2
    chat: str
    tokenizer: str  # spm, or a key of SPLITS
    pre: str = "default"
    config: dict[str, Any] = field(default_factory=dict)
    legacy: bool = False  # as tokenizer_config.json's
    files: tuple[str, ...] = ("tokenizer.model", "tokenizer.json")
    special: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    scores: bool = True  # whether the reference has the true ones
    spare: int = 5  # rows of the embedding beyond the tokenizer's ids


LLAMA3_ROPE = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0}
LLAMA3_ROPE |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 256}
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 512}
INST = ("[INST]", "[/INST]")
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LLAMA3 = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
CASES = {
    "smollm2": Case("Llama", "chatml", "smollm", "smollm", {"tie_word_embeddings": True}, special=CHATML),
    "llama-3.1": Case("Llama", "llama3", "llama-bpe", "llama-bpe", {"rope_parameters": LLAMA3_ROPE}, special=LLAMA3),
    "llama-2": Case("Llama", "llama2", "spm", facts={"add_bos_token": True}),
    "llama-2-legacy": Case("Llama", "llama2", "spm", legacy=True),
    "llama-2-model-alone": Case("Llama", "llama2", "spm", files=("tokenizer.model",)),
    "llama-2-json-alone": Case("Llama", "plain", "spm", files=("tokenizer.json",), scores=False, spare=0),
    "tinyllama": Case("Llama", "plain", "spm", config={"num_key_value_heads": 1}),
    "codellama": Case(
        "Llama",
        "plain",
        "spm",
        config={"vocab_size": 32016, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    ),
    "biases": Case(
        "Llama",
        "plain",
        "spm",
        config={
            "attention_bias": True,
            "mlp_bias": True,
            "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
        },
    ),
    "mistral-0.1": Case("Mistral", "mistral", "spm", config={"sliding_window": 4096}, legacy=True),
    "mistral-0.3": Case("Mistral", "mistral", "spm", config={"head_dim": 32}, special=INST),
    "mistral-nemo": Case(
        "Mistral", "mistral", "tekken", "tekken", {"head_dim": 32}, special=("<unk>", "<s>", "</s>", *INST)
    ),
    "qwen-2.5": Case("Qwen2", "chatml", "qwen2", "qwen2", {"tie_word_embeddings": True}, special=CHATML),
    "qwen-2.5-yarn": Case("Qwen2", "chatml", "qwen2", "qwen2", {"rope_parameters": YARN}, special=CHATML),
}
SPLITS = {"llama-bpe": LLAMA3_SPLIT, "tekken": TEKKEN_SPLIT, "qwen2": QWEN2_SPLIT}


def build(case: Case, folder: Path) -> Path:
    """The model folder of a case, as the Hub has it."""
    folder.mkdir(parents=True)
    texts = spm(case, folder) if case.tokenizer == "spm" else bytes_bpe(case, folder)
    weights(case, folder, texts)
    return folder


def spm(case: Case, folder: Path) -> dict[str, int]:
    """tokenizer.model by SentencePiece, and the tokenizer.json that transformers makes of its pieces."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from transformers import LlamaTokenizer
    from transformers.convert_slow_tokenizer import generate_merges

    out = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 9),
        model_writer=out,
        model_type="bpe",
        vocab_size=420,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        control_symbols=list(case.special),
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    model = SentencePieceProcessor(model_proto=out.getvalue())
    pieces = {model.IdToPiece(i): i for i in range(model.vocab_size())}
    scores = {piece: model.GetScore(i) for piece, i in pieces.items()}
    special = [piece for piece, i in pieces.items() if model.IsControl(i) or model.IsUnknown(i)]
    merges = generate_merges(pieces, scores, special)
    tokenizer = LlamaTokenizer(vocab=pieces, merges=merges, legacy=case.legacy, extra_special_tokens=list(case.special))
    tokenizer.save_pretrained(folder)
    facts = {"tokenizer_class": "LlamaTokenizer", "legacy": case.legacy, "add_eos_token": False, **case.facts}
    facts |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    if "tokenizer.json" in case.files:
        flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        facts["added_tokens_decoder"] = {str(pieces[piece]): {"content": piece, **flags} for piece in special}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    for name in {"tokenizer.model", "tokenizer.json"} - set(case.files):
        (folder / name).unlink()
    return pieces


def bytes_bpe(case: Case, folder: Path) -> dict[str, int]:
    """A tokenizer.json as the Hub has it for each way to split text."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    whole = case.tokenizer in ("llama-bpe", "tekken")
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    if case.tokenizer == "smollm":
        split: pre_tokenizers.PreTokenizer = pre_tokenizers.Digits(individual_digits=True)
    else:
        split = pre_tokenizers.Split(Regex(SPLITS[case.tokenizer]), "isolated")
    if case.tokenizer == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    by_regex = case.tokenizer == "smollm"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=by_regex)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(case.special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    # as in Qwen2.5: one that is not special, and one that is not but looks it
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("<|fim_prefix|>", normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    ends = family(case.chat)
    facts: dict[str, Any] = {"eos_token": ends.end_of_turn, "add_bos_token": ends.bos, "add_eos_token": False}
    facts |= {"pad_token": case.special[0], "add_prefix_space": False, "tokenizer_class": "PreTrainedTokenizerFast"}
    facts["bos_token"] = {"chatml": None, "llama3": "<|begin_of_text|>", "mistral": "<s>"}[case.chat]
    if case.kind == "Qwen2":
        facts["tokenizer_class"] = "Qwen2Tokenizer"
    (folder / "tokenizer_config.json").write_text(json.dumps({**facts, **case.facts}))
    ids: dict[str, int] = tokenizer.get_vocab()
    return ids


def weights(case: Case, folder: Path, texts: dict[str, int]) -> None:
    import torch
    import transformers

    torch.manual_seed(3)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "max_position_embeddings": 2048, "vocab_size": len(texts) + case.spare}
    numbers = {"bos_token_id": texts.get("<s>"), "eos_token_id": texts[family(case.chat).end_of_turn]}
    config = getattr(transformers, f"{case.kind}Config")(
        **{**shape, **numbers, "initializer_range": 0.2, **case.config}
    )
    model = getattr(transformers, f"{case.kind}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "norm.weight")):
                parameter += 0.3 * torch.randn(parameter.shape)
    model.to(torch.bfloat16).save_pretrained(folder)


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a case, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = build(CASES[name], tmp_path_factory.mktemp("families") / name)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def gguf_of(model_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The float16 GGUF file of a case, made once."""
    made: dict[str, Path] = {}

    def path(name: str) -> Path:
        if name not in made:
            out = tmp_path_factory.mktemp("families") / f"{name}.gguf"
            made[name] = convert(model_of(name), out, family(CASES[name].chat))
        return made[name]

    return path


every_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="session")
def reference_of(model_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """What llama.cpp's converter makes of a case; one process makes all, since its imports take longer than its work.

    Its recognition of a way to split text by hash is passed over, which a random tokenizer cannot pass.
    """
    folder = tmp_path_factory.mktemp("reference")
    jobs = [(str(model_of(name)), str(folder / f"{name}.gguf"), case.pre) for name, case in CASES.items()]
    code = f"""
import runpy, sys
sys.path[:0] = [{REFERENCE!r}, {REFERENCE + "/gguf-py"!r}]
from conversion import base
for model, out, pre in {jobs!r}:
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer, pre=pre: pre
    sys.argv = ["convert", model, "--outfile", out, "--outtype", "f16"]
    runpy.run_path({REFERENCE + "/convert_hf_to_gguf.py"!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return lambda name: folder / f"{name}.gguf"


# what describes the file, not the model; the template, which is ours on purpose; and what is false by default
OWN = ("GGUF.", "general.name", "general.license", "general.quantization_version", "general.size_label")
OWN += ("general.finetune", "general.basename", "general.version", "general.sampling", "tokenizer.chat_template")
OWN += ("tokenizer.ggml.add_eos_token",)


def read(path: Path) -> tuple[dict[str, Any], dict[str, tuple[str, Any]]]:
    """Metadata (types and value) and tensors (type and bytes) of a GGUF file."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    facts = {
        key: ([kind.name for kind in one.types], one.contents())
        for key, one in reader.fields.items()
        if not key.startswith(OWN)
    }
    return facts, {t.name: (t.tensor_type.name, t.data) for t in reader.tensors}


@reference
@every_case
def test_a_file_is_that_of_llama_cpps_own_converter(
    name: str, reference_of: Callable[[str], Path], gguf_of: Callable[[str], Path]
) -> None:
    import numpy as np

    our_facts, our_tensors = read(gguf_of(name))
    their_facts, their_tensors = read(reference_of(name))
    if not CASES[name].scores:
        for facts in (our_facts, their_facts):
            del facts["tokenizer.ggml.scores"]
    if name == "mistral-0.3":  # where a prompt begins with a special token, transformers puts no space anywhere
        assert our_facts.pop("tokenizer.ggml.add_space_prefix")[1] is False
    assert our_facts == their_facts
    assert our_tensors.keys() == their_tensors.keys()
    for tensor, (kind, data) in their_tensors.items():
        assert our_tensors[tensor][0] == kind, tensor
        np.testing.assert_array_equal(our_tensors[tensor][1], data, err_msg=tensor)


WORDS = [
    "SELECT",
    " name",
    "19",
    "2024-02-29",
    "'s",
    "'LL",
    "\n\n",
    "  ",
    " \t",
    "é",
    "日本",
    "½",
    "[INST]",
    "</",
    "s>",
]
WORDS += ["<0x41>", "▁", "🦙", "don't", "[PAD421]", "Ünlü", "singer_id", "(", "<<SYS>>", "\r\n"]
ODD = [
    "",
    " ",
    "  SELECT",
    "SELECT  name ",
    "\n",
    "'quoted' 日本語\t½ 🦙",
    "a▁b ▁",
    "COUNT(*)",
    "İstanbul ǅ",
    "e\u0301",
]


def odd_texts() -> list[str]:
    draw = random.Random(7)
    return ODD + ["".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in range(400)]


def comparable(case: Case, text: str) -> bool:
    """Whether llama.cpp can split a text as transformers does; what it cannot is said in models/vocabulary.py."""
    if case.tokenizer == "tekken":
        return text.isascii()
    if case.tokenizer != "spm" or "[INST]" in case.special:
        return True
    return not text.startswith((" ", "▁")) and (case.legacy or "</s>" not in text)


@every_case
def test_any_text_has_the_ids_of_transformers_in_llama_cpp(
    name: str, model_of: Callable[[str], Path], gguf_of: Callable[[str], Path]
) -> None:
    import unicodedata

    tokenizer = tokenizer_of(name, model_of)
    engine = load_llamacpp(gguf_of(name), threads=1)
    try:
        for text in odd_texts():
            # llama.cpp normalises nothing, Qwen2's tokenizer does
            text = unicodedata.normalize("NFC", text) if "qwen" in name else text
            if comparable(CASES[name], text):
                text = "[INST]" + text if name == "mistral-0.3" else text  # there a prompt begins so
                assert engine.tokenize(text) == tokenizer(text, add_special_tokens=False)["input_ids"], text
    finally:
        engine.close()


@every_case
def test_a_prompt_has_the_ids_of_transformers_in_llama_cpp(
    name: str, model_of: Callable[[str], Path], gguf_of: Callable[[str], Path]
) -> None:
    """One turn and several, special tokens inside, BOS exactly where the family has one."""
    tokenizer = tokenizer_of(name, model_of)
    chat_family = family(CASES[name].chat)
    engine = load_llamacpp(gguf_of(name), threads=1)
    chats = [
        [Message("system", "singer(name)\n 'x'"), Message("user", text)] for text in ("How many?", "  odd ", "née")
    ]
    bos = [tokenizer.bos_token_id] if chat_family.bos else []
    try:
        for chat in chats:
            text = render_chat(chat_family.jinja, chat)
            wanted = bos + tokenizer(text, add_special_tokens=False)["input_ids"]
            assert engine.prompt_tokens(chat) == wanted, text
    finally:
        engine.close()


@every_case
def test_llama_cpp_computes_what_transformers_computes(
    name: str, model_of: Callable[[str], Path], gguf_of: Callable[[str], Path]
) -> None:
    import numpy as np
    import torch
    from llama_cpp import Llama
    from transformers import AutoModelForCausalLM

    ids = list(range(5, 105))
    model = Llama(str(gguf_of(name)), n_ctx=512, logits_all=True, n_threads=1, verbose=False)
    model.eval(ids)
    theirs = np.array(model.scores[: len(ids)])
    model.close()
    whole = AutoModelForCausalLM.from_pretrained(model_of(name), dtype=torch.float32)
    ours = whole(torch.tensor([ids])).logits[0].detach().numpy()
    np.testing.assert_allclose(theirs, ours, atol=0.01 * float(np.abs(ours).max()))


def tokenizer_of(name: str, model_of: Callable[[str], Path]) -> Any:
    """The tokenizer of a case as training has it; transformers reads no tokenizer.model without protobuf."""
    from transformers import AutoTokenizer

    twin = {"llama-2-model-alone": "llama-2-legacy"}.get(name, name)
    return AutoTokenizer.from_pretrained(model_of(twin))


@reference
def test_without_a_tokenizer_model_the_references_scores_make_other_tokens(
    model_of: Callable[[str], Path], gguf_of: Callable[[str], Path], reference_of: Callable[[str], Path]
) -> None:
    """Why ours differ from it in that one key."""
    from llama_cpp import Llama

    tokenizer = tokenizer_of("llama-2-json-alone", model_of)
    texts = [text for text in odd_texts() if comparable(CASES["llama-2-json-alone"], text)]
    wanted = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    for path, same in ((gguf_of("llama-2-json-alone"), True), (reference_of("llama-2-json-alone"), False)):
        model = Llama(str(path), vocab_only=True, verbose=False)
        assert ([model.tokenize(text.encode(), add_bos=False, special=True) for text in texts] == wanted) is same
        model.close()


def copied(base: Path, folder: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of a model folder with its tokenizer.json edited."""
    shutil.copytree(base, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    edit(tokenizer)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def test_a_token_that_only_tokenizer_json_adds_is_kept_beside_a_tokenizer_model(
    model_of: Callable[[str], Path], tmp_path: Path
) -> None:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    new = len(json.loads((model_of("llama-2") / "tokenizer.json").read_text())["model"]["vocab"])
    folder = copied(
        model_of("llama-2"),
        tmp_path / "x",
        lambda t: t["added_tokens"].append({"id": new, "content": "<|sql|>", **flags}),
    )
    facts = json.loads((folder / "tokenizer_config.json").read_text())
    del facts["added_tokens_decoder"]  # as transformers 5 saves it
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    found = read_vocabulary(folder, new + 3)
    assert found.tokens[new:] == ["<|sql|>", f"[PAD{new + 1}]", f"[PAD{new + 2}]"]
    assert list(found.types[new:]) == [3, 5, 5]


@pytest.mark.parametrize(
    ("name", "edit", "says"),
    [
        ("llama-2", lambda t: t["model"]["vocab"].update({"<0x00>": 5000}), "in tokenizer.json and"),
        ("llama-2-json-alone", lambda t: t["model"]["merges"].pop(0), "make a token and are no merge"),
        ("llama-2-json-alone", lambda t: t["model"]["vocab"].pop("<0x7F>"), "255 of the 256 byte tokens"),
        ("llama-2", lambda t: t["model"]["vocab"].update({"new": 420}), "and 'nothing' in tokenizer.model"),
    ],
)
def test_a_sentencepiece_tokenizer_that_llama_cpp_would_split_otherwise_is_refused(
    name: str, edit: Callable[[dict[str, Any]], Any], says: str, model_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied(model_of(name), tmp_path / "x", edit)
    with pytest.raises(DataError, match=says):
        read_vocabulary(folder, 1000)


def test_pieces_beyond_the_embedding_are_refused_with_both_numbers(model_of: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match=r"ids up to \d+, and the embedding has 300 rows"):
        read_vocabulary(model_of("llama-2-model-alone"), 300)
