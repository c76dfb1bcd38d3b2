"""Every family of models, end to end: the file of llama.cpp's own converter, and the ids and logits of transformers.

The models are random and small; their tokenizers are trained on the spot, as SentencePiece and `tokenizers` train them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Message
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family, render_chat
from sql_llama.models.read_vocabulary import read_vocabulary

from .families import CASES, Case, build

REFERENCE = os.environ.get("SQL_LLAMA_LLAMA_CPP", "")
reference = pytest.mark.skipif(
    not (REFERENCE and (Path(REFERENCE) / "convert_hf_to_gguf.py").is_file()),
    reason="SQL_LLAMA_LLAMA_CPP does not name a folder with llama.cpp's convert_hf_to_gguf.py",
)


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
