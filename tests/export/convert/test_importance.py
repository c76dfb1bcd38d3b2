"""The importance matrix: the sums that a model really computes, in a file that llama.cpp's own tools read."""

import ctypes
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.export.convert import importance as module
from sql_llama.export.convert.convert import convert
from sql_llama.export.convert.importance import importance, read_importance
from sql_llama.modelfiles.templates import family, render_chat

if TYPE_CHECKING:
    from conftest import OllamaServer

Chat = tuple[tuple[Message, ...], str]

CHATS: list[Chat] = [
    (
        (Message("system", "You answer with SQL."), Message("user", f"How many {what} are older than {age}?\n" * 6)),
        f"SELECT count(*) FROM {what} WHERE {what}.age > {age}",
    )
    for what, age in (("singers", 20), ("pets", 3), ("stadiums", 100))
]
# llama.cpp's name of each matrix, Hugging Face's, which of both is asked
MATRICES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def gguf_of(base: Path, out: Path, chat_family: str = "chatml") -> Path:
    convert(base, out, family(chat_family))
    return out


@pytest.fixture(scope="module")
def tiny_gguf(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_of(tiny_base, tmp_path_factory.mktemp("importance") / "tiny.gguf")


@pytest.fixture(scope="module")
def tiny_matrix(tiny_gguf: Path) -> Path:
    return importance(tiny_gguf, CHATS, tiny_gguf.with_name("tiny-imatrix.gguf"))


def by_torch(base: Path, chats: Sequence[Chat], chat_family: str = "chatml") -> dict[str, tuple[Any, int]]:
    """Sums of squares and counts, gathered with hooks in transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    sums: dict[str, tuple[Any, int]] = {}

    def listen(name: str) -> Any:
        def hook(_module: object, inputs: tuple[Any, ...]) -> None:
            rows = inputs[0][0].double()
            before, count = sums.get(name, (0, 0))
            sums[name] = before + rows.square().sum(0), count + len(rows)

        return hook

    for ours, theirs in MATRICES.items():
        for number, layer in enumerate(model.model.layers):
            layer.get_submodule(theirs).register_forward_pre_hook(listen(f"blk.{number}.{ours}.weight"))
    template = family(chat_family)
    with torch.no_grad():
        for chat, answer in chats:
            prompt = (tokenizer.bos_token if template.bos else "") + render_chat(template.jinja, chat)
            ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, answer)]
            model(torch.tensor([ids[0] + ids[1]]))
    return {name: (total.numpy(), count) for name, (total, count) in sums.items()}


def assert_sums(path: Path, expected: Mapping[str, tuple[Any, int]], tolerance: float) -> None:
    means = read_importance(path)
    assert means.keys() == expected.keys()
    for name, (sums, count) in expected.items():
        wanted = sums / count
        # a column's own size is what counts, down to where float16 products end
        np.testing.assert_allclose(
            means[name], wanted, rtol=tolerance, atol=tolerance * 0.01 * wanted.mean(), err_msg=name
        )


@pytest.mark.parametrize(("fixture", "chat_family"), [("tiny_base", "chatml"), ("tiny_llama3", "llama3")])
def test_the_sums_are_those_of_the_model_in_torch(
    fixture: str, chat_family: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(fixture)
    matrix = importance(gguf_of(base, tmp_path / "m.gguf", chat_family), CHATS, tmp_path / "i.gguf")
    assert_sums(matrix, by_torch(base, CHATS, chat_family), 0.02)


@pytest.mark.base
def test_the_sums_of_the_real_base_are_those_of_torch(real_base: Path, tmp_path: Path) -> None:
    matrix = importance(gguf_of(real_base, tmp_path / "m.gguf"), CHATS, tmp_path / "i.gguf")
    assert_sums(matrix, by_torch(real_base, CHATS), 0.02)


def test_the_layout_is_the_one_of_llama_imatrix(tiny_matrix: Path, tiny_gguf: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader
    from sql_llama.engines.llamacpp import load_llamacpp

    engine = load_llamacpp(tiny_gguf)
    tokens = sum(len(engine.prompt_tokens(chat) + engine.tokenize(answer)) for chat, answer in CHATS)
    engine.close()
    reader = GGUFReader(tiny_matrix)
    facts = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert list(facts) == ["general.type", "imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"]
    assert facts["general.type"] == "imatrix"
    assert facts["imatrix.datasets"][0].startswith(f"3 SQL prompts with answers, {tokens} tokens, sha256 ")
    assert (facts["imatrix.chunk_count"], facts["imatrix.chunk_size"]) == (3, -(-tokens // 3))
    shapes = {tensor.name: tensor.shape.tolist() for tensor in reader.tensors}
    assert list(shapes) == [
        f"blk.{number}.{name}.weight.{part}"
        for number in (0, 1)
        for name in sorted(MATRICES)
        for part in ("in_sum2", "counts")
    ]
    assert shapes["blk.1.ffn_down.weight.in_sum2"] == [128]
    assert shapes["blk.1.ffn_down.weight.counts"] == [1]
    assert all(tensor.tensor_type == GGMLQuantizationType.F32 for tensor in reader.tensors)
    # the last layer too has seen every token
    assert {float(t.data[0]) for t in reader.tensors if t.name.endswith(".counts")} == {tokens}


def test_the_same_chats_give_the_same_file(tiny_matrix: Path, tiny_gguf: Path, tmp_path: Path) -> None:
    again = importance(tiny_gguf, CHATS, tmp_path / "again.gguf")
    assert again.read_bytes() == tiny_matrix.read_bytes()
    other = importance(tiny_gguf, CHATS[:1], tmp_path / "other.gguf")
    assert other.read_bytes() != tiny_matrix.read_bytes()


def test_a_long_prompt_is_read_in_passes(tiny_base: Path, tiny_gguf: Path, tmp_path: Path) -> None:
    chat = ((Message("user", "How many singers are there? " * 90),), "SELECT count(*) FROM singer")
    matrix = importance(tiny_gguf, [chat], tmp_path / "long.gguf")
    expected = by_torch(tiny_base, [chat])
    assert expected["blk.0.attn_q.weight"][1] > 2 * module.PASS
    assert_sums(matrix, expected, 0.02)


def quantize_with(source: Path, out: Path, kind: int, means: Mapping[str, Any] | None) -> int:
    """llama.cpp's quantizer with our matrix, handed over in memory."""
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = kind, 2
    if means is not None:
        entries = (llama_cpp.llama_model_imatrix_data * (len(means) + 1))()
        for entry, (name, mean) in zip(entries, means.items(), strict=False):
            entry.name, entry.size = name.encode(), mean.size
            entry.data = mean.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        params.imatrix = entries
    code: int = llama_cpp.llama_model_quantize(bytes(source), bytes(out), ctypes.byref(params))
    return code


def tensors(path: Path) -> dict[str, Any]:
    from gguf import GGUFReader

    return {tensor.name: tensor for tensor in GGUFReader(path).tensors}


def test_llama_cpp_rounds_with_the_matrix_what_matters_better(
    tiny_matrix: Path, tiny_gguf: Path, tmp_path: Path
) -> None:
    import llama_cpp
    from gguf.quants import dequantize

    means = read_importance(tiny_matrix)
    plain, weighted = tmp_path / "plain.gguf", tmp_path / "weighted.gguf"
    assert quantize_with(tiny_gguf, plain, llama_cpp.LLAMA_FTYPE_MOSTLY_IQ4_NL, None) == 0
    assert quantize_with(tiny_gguf, weighted, llama_cpp.LLAMA_FTYPE_MOSTLY_IQ4_NL, means) == 0
    exact = {name: tensor.data.astype(np.float32) for name, tensor in tensors(tiny_gguf).items()}

    def error(path: Path, name: str) -> float:
        tensor = tensors(path)[name]
        rounded = dequantize(tensor.data, tensor.tensor_type)
        return float((means[name] * (rounded - exact[name]) ** 2).sum())

    for name in means:
        assert error(weighted, name) < 0.99 * error(plain, name), name


@pytest.mark.ollama
@pytest.mark.parametrize("ollama_server", ["0.32.15"], indirect=True)  # its build leaves llama.cpp's tool
def test_llama_quantize_reads_the_file_and_makes_the_same_of_it(
    ollama_server: "OllamaServer", tiny_matrix: Path, tiny_gguf: Path, tmp_path: Path
) -> None:
    import llama_cpp

    tool = ollama_server.program.parent.parent / "lib" / "ollama" / "llama-quantize"
    theirs, ours = tmp_path / "theirs.gguf", tmp_path / "ours.gguf"
    done = subprocess.run(
        [tool, "--imatrix", tiny_matrix, tiny_gguf, theirs, "Q4_0"], capture_output=True, text=True, timeout=100
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert "loaded 14 importance matrix entries" in said
    assert "computed on 3 chunks" in said
    assert quantize_with(tiny_gguf, ours, llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, read_importance(tiny_matrix)) == 0
    written = tensors(theirs)
    assert len(written) == len(tensors(ours))
    for name, tensor in tensors(ours).items():
        np.testing.assert_array_equal(tensor.data, written[name].data, err_msg=name)


def write_matrix(
    path: Path,
    arrays: Iterable[tuple[str, Any]],
    *,
    kind: str = "imatrix",
    datasets: str | Sequence[str] = ("some",),
    keys: Sequence[str] = ("imatrix.chunk_count", "imatrix.chunk_size"),
) -> Path:
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "any")
    writer.add_type(kind)
    if isinstance(datasets, str):
        writer.add_string("imatrix.datasets", datasets)
    else:
        writer.add_array("imatrix.datasets", datasets)
    for key in keys:
        writer.add_uint32(key, 1)
    for name, array in arrays:
        writer.add_tensor(name, np.array(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def floats(*numbers: float) -> Any:
    return np.array(numbers, np.float32)


GOOD = [("a.weight.in_sum2", floats(2, 4)), ("a.weight.counts", floats(2))]


def test_means_are_made_as_llama_quantize_makes_them(tmp_path: Path) -> None:
    experts = [("b.weight.in_sum2", floats(3, 6, 5, 7).reshape(2, 2)), ("b.weight.counts", floats(3, 0).reshape(2, 1))]
    means = read_importance(write_matrix(tmp_path / "i.gguf", [*GOOD, *experts]))
    assert {name: mean.tolist() for name, mean in means.items()} == {"a.weight": [1, 2], "b.weight": [1, 2, 1, 1]}
    assert all(mean.dtype == np.float32 and mean.flags.c_contiguous for mean in means.values())


@pytest.mark.parametrize(
    ("arrays", "options", "problem"),
    [
        (GOOD, {"kind": "model"}, "its general.type is 'model'"),
        (GOOD, {"keys": ("imatrix.chunk_count",)}, "no imatrix.chunk_size"),
        (GOOD, {"datasets": "some"}, "imatrix.datasets is 'some'"),
        (GOOD[:1], {}, "a.weight has no sums or no counts"),
        (GOOD[1:], {}, "a.weight has no sums or no counts"),
        ([("a.weight.in_sum2", np.array([2, 4], np.float16)), GOOD[1]], {}, "a.weight.in_sum2 is F16, not F32"),
        ([GOOD[0], ("a.weight.counts", floats(1, 1, 1))], {}, "2 sums and 3 counts"),
        ([("a.weight.in_sum2", floats(2, float("nan"))), GOOD[1]], {}, "numbers that cannot be sums of squares"),
        ([("a.weight.in_sum2", floats(2, -1)), GOOD[1]], {}, "numbers that cannot be sums of squares"),
        ([("a.weight", floats(2, 1))], {}, "a.weight has no sums or no counts"),
    ],
)
def test_a_file_that_cannot_be_one_is_refused(
    arrays: list[tuple[str, Any]], options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    path = write_matrix(tmp_path / "i.gguf", arrays, **options)
    with pytest.raises(DataError, match=problem) as caught:
        read_importance(path)
    assert str(path) in str(caught.value) and caught.value.fix


def test_models_cut_files_and_other_files_are_refused(tiny_gguf: Path, tiny_matrix: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its general\.type is 'model'"):
        read_importance(tiny_gguf)
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_matrix.read_bytes()[:-100])
    with pytest.raises(DataError, match="truncated"):
        read_importance(cut)
    with pytest.raises(DataError, match="no such file"):
        read_importance(tmp_path / "none.gguf")
    old = tmp_path / "imatrix.dat"
    old.write_bytes(b"\1\0\0\0" * 40)
    with pytest.raises(DataError, match="does not start as one"):
        read_importance(old)


def test_no_chats_and_chats_beyond_the_context_are_refused(tiny_gguf: Path, tmp_path: Path) -> None:
    out = tmp_path / "i.gguf"
    with pytest.raises(DataError, match="no prompts"):
        importance(tiny_gguf, [], out)
    with pytest.raises(SqlLlamaError, match="the context holds 2048"):
        importance(tiny_gguf, [((Message("user", "singers " * 3000),), "SELECT 1")], out)
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_numbers_that_are_not_finite_are_told(tiny_base: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(tiny_base, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.layers.1.input_layernorm.weight"][0] = 6e4
    weights["model.layers.1.mlp.up_proj.weight"][:] = 6e4
    weights["model.layers.1.mlp.gate_proj.weight"][:] = 6e4
    weights["model.layers.0.mlp.down_proj.weight"][:] = 6e4
    weights["model.layers.0.mlp.up_proj.weight"][:] = 6e4
    weights["model.layers.0.post_attention_layernorm.weight"][:] = 6e4
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    out = tmp_path / "i.gguf"
    with pytest.raises(DataError, match=r"the inputs of blk\.\d\.\w+\.weight are not finite"):
        importance(gguf_of(broken, tmp_path / "m.gguf"), CHATS, out)
    assert not out.exists()


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), ValueError("inside")])
def test_what_goes_wrong_while_llama_cpp_calls_is_not_lost(
    problem: BaseException, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(*_: object) -> None:
        raise problem

    monkeypatch.setattr(module._Collector, "_add", add)
    with pytest.raises(type(problem)):
        importance(tiny_gguf, CHATS, tmp_path / "i.gguf")
    assert not (tmp_path / "i.gguf").exists()
