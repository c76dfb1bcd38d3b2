"""Our converter against llama.cpp's own, tensor by tensor and key by key."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core import files
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.export.convert.convert import convert, convert_all
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf
from sql_llama.models.vocabulary import read_vocabulary

REFERENCE = os.environ.get("SQL_LLAMA_LLAMA_CPP", "")
reference = pytest.mark.skipif(
    not (REFERENCE and (Path(REFERENCE) / "convert_hf_to_gguf.py").is_file()),
    reason="SQL_LLAMA_LLAMA_CPP does not name a folder with llama.cpp's convert_hf_to_gguf.py",
)

# what describes the file, not the model; and the template, which is ours on purpose
OWN_KEYS = {"tokenizer.chat_template", "general.name", "general.license", "general.quantization_version"}
DESCRIPTIVE = ("GGUF.", "general.size_label", "general.finetune", "general.basename", "general.sampling")


def convert_by_llama_cpp(base: Path, out: Path, pre: str = "", outtype: str = "f16") -> None:
    """Run the reference; `pre` overrides its recognition by hash, which a random tokenizer cannot pass."""
    patch = f"base.TextModel.get_vocab_base_pre = lambda self, tokenizer: {pre!r}\n" if pre else ""
    code = (
        f"import runpy, sys\nsys.path.insert(0, {REFERENCE!r})\nsys.path.insert(1, {REFERENCE + '/gguf-py'!r})\n"
        f"from conversion import base\n{patch}"
        f"sys.argv = ['convert', {str(base)!r}, '--outfile', {str(out)!r}, '--outtype', {outtype!r}]\n"
        f"runpy.run_path({REFERENCE + '/convert_hf_to_gguf.py'!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def read(path: Path) -> tuple[dict[str, Any], dict[str, tuple[str, Any]]]:
    """Metadata (value and type) and tensors (type and bytes) of a GGUF file."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    facts = {
        key: ([kind.name for kind in field.types], field.contents())
        for key, field in reader.fields.items()
        if key not in OWN_KEYS and not key.startswith(DESCRIPTIVE)
    }
    return facts, {t.name: (t.tensor_type.name, t.data) for t in reader.tensors}


def assert_same(ours: Path, theirs: Path) -> None:
    import numpy as np

    our_facts, our_tensors = read(ours)
    their_facts, their_tensors = read(theirs)
    assert our_facts.keys() == their_facts.keys()
    for key, value in their_facts.items():
        assert our_facts[key] == value, key
    assert our_tensors.keys() == their_tensors.keys()
    for name, (kind, data) in their_tensors.items():
        assert our_tensors[name][0] == kind, name
        assert our_tensors[name][1].dtype == data.dtype
        np.testing.assert_array_equal(our_tensors[name][1], data, err_msg=name)


@reference
@pytest.mark.parametrize(
    ("fixture", "chat", "pre"), [("tiny_base", "chatml", "smollm"), ("tiny_llama3", "llama3", "llama-bpe")]
)
def test_a_tiny_llama_is_converted_as_llama_cpp_does(
    fixture: str, chat: str, pre: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(fixture)
    ours = convert(base, tmp_path / "ours.gguf", family(chat))
    convert_by_llama_cpp(base, tmp_path / "theirs.gguf", pre)
    assert_same(ours, tmp_path / "theirs.gguf")


@reference
@pytest.mark.parametrize(("quant", "outtype"), [("F32", "f32"), ("BF16", "bf16"), ("Q8_0", "q8_0")])
def test_each_type_that_llama_cpps_converter_knows_is_equal(
    quant: str, outtype: str, tiny_llama3: Path, tmp_path: Path
) -> None:
    ours = convert(tiny_llama3, tmp_path / "ours.gguf", family("llama3"), quant=quant)
    convert_by_llama_cpp(tiny_llama3, tmp_path / "theirs.gguf", "llama-bpe", outtype)
    assert_same(ours, tmp_path / "theirs.gguf")


@reference
@pytest.mark.base
def test_the_real_base_is_converted_as_llama_cpp_does(real_base: Path, tmp_path: Path) -> None:
    ours = convert(real_base, tmp_path / "ours.gguf", family("chatml"))
    convert_by_llama_cpp(real_base, tmp_path / "theirs.gguf")  # which recognises the tokenizer by its ids
    assert_same(ours, tmp_path / "theirs.gguf")


@pytest.mark.parametrize(("fixture", "chat"), [("tiny_base", "chatml"), ("tiny_llama3", "llama3")])
def test_llama_cpp_computes_what_transformers_computes(
    fixture: str, chat: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import numpy as np
    import torch
    from llama_cpp import Llama
    from transformers import AutoModelForCausalLM

    base = request.getfixturevalue(fixture)
    path = convert(base, tmp_path / "x.gguf", family(chat))
    ids = list(range(5, 105))
    model = Llama(str(path), n_ctx=512, logits_all=True, n_threads=1, verbose=False)
    model.eval(ids)
    theirs = np.array(model.scores[: len(ids)])
    model.close()
    ours = (
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)(torch.tensor([ids])).logits[0].detach().numpy()
    )
    np.testing.assert_allclose(theirs, ours, atol=0.05 * float(np.abs(ours).max()))


def test_the_file_carries_our_template_and_says_whether_bos_is_added(
    tiny_base: Path, tiny_llama3: Path, tmp_path: Path
) -> None:
    chatml = check_gguf(convert(tiny_base, tmp_path / "a.gguf", family("chatml"), name="mine", license="apache-2.0"))
    assert chatml["tokenizer.chat_template"] == family("chatml").jinja
    assert chatml["tokenizer.ggml.add_bos_token"] is False
    assert chatml["general.name"] == "mine"
    assert chatml["general.license"] == "apache-2.0"
    tokens = chatml["tokenizer.ggml.tokens"]
    assert tokens[chatml["tokenizer.ggml.eos_token_id"]] == "<|im_end|>"
    assert tokens[chatml["tokenizer.ggml.padding_token_id"]] == "<|endoftext|>"
    llama3 = check_gguf(convert(tiny_llama3, tmp_path / "b.gguf", family("llama3")))
    assert llama3["tokenizer.ggml.add_bos_token"] is True


def changed(base: Path, folder: Path, file: str, **facts: Any) -> Path:
    shutil.copytree(base, folder)
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))
    return folder


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"architectures": ["GemmaForCausalLM"]}, "--llama-cpp DIR"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"vocab_size": None}, "vocab_size is missing"),
    ],
)
def test_a_model_that_is_not_known_is_refused_and_nothing_is_written(
    facts: dict[str, Any], says: str, tiny_base: Path, tmp_path: Path
) -> None:
    folder = changed(tiny_base, tmp_path / "base", "config.json", **facts)
    with pytest.raises(DataError, match=says):
        convert(folder, tmp_path / "out" / "x.gguf", family("chatml"))
    assert not list(tmp_path.glob("out/*"))


def test_a_tokenizer_that_is_not_known_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    folder = changed(tiny_base, tmp_path / "base", "tokenizer.json", pre_tokenizer={"type": "Whitespace"})
    with pytest.raises(DataError, match="way to split text is not known"):
        read_vocabulary(folder, 1000)


def test_the_wrong_family_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no <\|eot_id\|>"):
        convert(tiny_base, tmp_path / "x.gguf", family("llama3"))


def test_weights_beyond_float16_are_refused(tiny_llama3: Path, tmp_path: Path) -> None:
    from sql_llama.export.merge.merge import Weights, merge

    huge = (
        Weights(one.name, one.shape, lambda a, b, one=one: one.rows(a, b) * 1e7) for one in merge(tiny_llama3, None)
    )
    with pytest.raises(DataError, match="beyond float16"):
        convert(tiny_llama3, tmp_path / "x.gguf", family("llama3"), huge)
    assert list(tmp_path.glob("*.gguf")) == []


@pytest.mark.parametrize(("fixture", "chat"), [("tiny_base", "chatml"), ("tiny_llama3", "llama3")])
def test_any_text_has_the_same_ids_in_llama_cpp(
    fixture: str, chat: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from hypothesis import given, settings, strategies
    from sql_llama.engines.llamacpp import load_llamacpp
    from transformers import AutoTokenizer

    base = request.getfixturevalue(fixture)
    tokenizer = AutoTokenizer.from_pretrained(base)
    engine = load_llamacpp(convert(base, tmp_path / "x.gguf", family(chat)), threads=1)
    words = ["SELECT", " name", "19", "2024-02-29", "'s", "'LL", "\n\n", "  ", " \t", "é", "日本", "½", "\u00a0"]
    pieces = strategies.lists(strategies.sampled_from(words) | strategies.text(max_size=3), max_size=12)

    @settings(max_examples=1000, deadline=None, database=None)
    @given(pieces)
    def same(parts: list[str]) -> None:
        text = "".join(parts).replace("\0", "")
        assert engine.tokenize(text) == tokenizer(text, add_special_tokens=False)["input_ids"]

    try:
        same()
    finally:
        engine.close()


def test_several_files_in_one_pass_are_those_of_one_at_a_time(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    from sql_llama.export.merge.merge import merge

    outs = {quant: tmp_path / f"{quant}.gguf" for quant in ("F16", "Q8_0", "Q4_0")}
    convert_all(tiny_base, outs, family("chatml"), merge(tiny_base, tiny_adapter), threads=2)
    for quant, path in outs.items():
        alone = convert(
            tiny_base, tmp_path / "alone.gguf", family("chatml"), merge(tiny_base, tiny_adapter), quant=quant
        )
        assert path.read_bytes() == alone.read_bytes()


def test_further_facts_are_in_the_metadata(tiny_base: Path, tmp_path: Path) -> None:
    facts: dict[str, str | int | float] = {"a.text": "é", "a.number": 7, "a.large": 2**40, "a.less": -1, "a.part": 0.1}
    convert_all(tiny_base, {"F16": tmp_path / "x.gguf"}, family("chatml"), facts=facts)
    assert {key: value for key, value in check_gguf(tmp_path / "x.gguf").items() if key.startswith("a.")} == facts


def test_a_full_disk_is_told_before_the_work(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(SqlLlamaError, match=r"writing F16 \(0 MiB\), Q8_0 \(0 MiB\) needs 64 MiB of disk"):
        convert_all(tiny_base, {quant: tmp_path / f"{quant}.gguf" for quant in ("F16", "Q8_0")}, family("chatml"))
    assert list(tmp_path.glob("**/*.gguf")) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.pwrite, []

    def pwrite(file: int, data: Any, offset: int) -> int:
        written.append(len(data))
        if len(written) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(SqlLlamaError, match=r"q8\.gguf: cannot be written \(No space left on device\)"):
        convert(tiny_base, tmp_path / "q8.gguf", family("chatml"), quant="Q8_0")
    assert list(tmp_path.glob("**/*.gguf")) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from sql_llama.export import stream
from sql_llama.export.convert.convert import convert_all
from sql_llama.modelfiles.templates import family
put = stream._put
def once(*arguments):
    put(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
stream._put = once
convert_all(Path(sys.argv[1]), {"F16": Path(sys.argv[2]) / "x.gguf"}, family("chatml"))
"""


def test_a_killed_conversion_leaves_only_a_hidden_file(tiny_base: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tiny_base), str(tmp_path)], capture_output=True)
    assert done.returncode == -9
    (left,) = tmp_path.glob("**/*.gguf")
    assert left.name.startswith(".")  # which an export removes before it starts
