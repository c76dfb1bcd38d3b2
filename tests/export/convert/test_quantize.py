"""llama.cpp writes the smaller files, whole or not at all; and the converter writes the same without it."""

from pathlib import Path
from typing import Any

import pytest
from sql_llama.core import files
from sql_llama.core.errors import DataError, RecipeError, SqlLlamaError
from sql_llama.export.convert.convert import convert, convert_all
from sql_llama.export.convert.quantize import check_quant, file_type, plan, quant_types, quantize
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf


@pytest.fixture
def whole(tiny_base: Path, tmp_path: Path) -> Path:
    return convert(tiny_base, tmp_path / "f16.gguf", family("chatml"))


@pytest.mark.parametrize(("quant", "file_type"), [("Q4_K_M", 15), ("Q8_0", 7), ("Q5_K_M", 17)])
def test_a_file_is_quantized_and_keeps_its_metadata(whole: Path, tmp_path: Path, quant: str, file_type: int) -> None:
    out = quantize(whole, tmp_path / f"{quant}.gguf", quant, threads=1)
    before, after = check_gguf(whole), check_gguf(out)
    assert after["general.file_type"] == file_type
    assert out.stat().st_size < whole.stat().st_size
    same = set(before) - {"general.file_type"}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}


def test_q8_0_is_what_the_gguf_package_writes(whole: Path, tmp_path: Path) -> None:
    import numpy as np
    from gguf import GGUFReader, quants

    out = quantize(whole, tmp_path / "q8.gguf", "Q8_0", threads=1)
    before = {t.name: t for t in GGUFReader(whole).tensors}
    for tensor in GGUFReader(out).tensors:
        if tensor.tensor_type.name == "Q8_0":
            weights = before[tensor.name].data.astype(np.float32)
            rounded = quants.dequantize(tensor.data, tensor.tensor_type)
            theirs = quants.dequantize(quants.quantize(weights, tensor.tensor_type), tensor.tensor_type)
            # one step of rounding may fall the other way
            np.testing.assert_allclose(rounded, theirs, atol=float(np.abs(weights).max()) / 127 * 1.01)


def test_progress_goes_to_standard_error_and_llama_cpps_log_does_not(
    whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql_llama.core.progress.SHORT", 0.0)
    quantize(whole, tmp_path / "x.gguf", "Q8_0", threads=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("quantizing to Q8_0: 20/20")
    assert "token_embd" not in err


def test_an_unknown_type_is_a_usage_error() -> None:
    with pytest.raises(RecipeError, match="Q4_X: not a GGUF type"):
        check_quant("Q4_X")
    assert {"Q4_K_M", "Q8_0", "F16"} <= set(quant_types())


def test_a_broken_source_is_refused_before_llama_cpp_sees_it(whole: Path, tmp_path: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(DataError, match="truncated"):
        quantize(whole, tmp_path / "x.gguf", "Q8_0")
    assert not (tmp_path / "x.gguf").exists()


def test_a_full_disk_is_told_before_the_work(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SqlLlamaError, match="MiB of disk"):
        quantize(whole, tmp_path / "x.gguf", "Q8_0")
    assert sorted(path.name for path in tmp_path.glob("*.gguf")) == ["f16.gguf"]


def test_what_llama_cpp_refuses_leaves_nothing_behind(whole: Path, tmp_path: Path) -> None:
    small = quantize(whole, tmp_path / "q4.gguf", "Q4_K_M", threads=1)
    with pytest.raises(SqlLlamaError, match=r"q4\.gguf: llama.cpp cannot write it as Q8_0"):
        quantize(small, tmp_path / "x.gguf", "Q8_0", threads=1)  # it does not requantize
    assert sorted(path.name for path in tmp_path.glob("*.gguf")) == ["f16.gguf", "q4.gguf"]


@pytest.fixture(scope="session")
def wide_base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight layers whose columns fill K-quants' blocks of 256, and one kind of matrix (attn_output) that does not."""
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide") / "base"
    shutil.copytree(tiny_base, folder)
    torch.manual_seed(5)
    config = LlamaConfig.from_pretrained(
        tiny_base,
        hidden_size=256,
        intermediate_size=256,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=10,
        initializer_range=0.05,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def float32(wide_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(wide_base, tmp_path_factory.mktemp("wide") / "f32.gguf", family("chatml"), quant="F32")


@pytest.fixture(scope="session")
def matrix(float32: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An importance matrix as llama.cpp's tools write it, of random numbers."""
    import numpy as np
    from gguf import GGUFReader, GGUFWriter

    path = tmp_path_factory.mktemp("wide") / "imatrix.gguf"
    random = np.random.default_rng(7)
    writer = GGUFWriter(path, "")
    writer.kv_data[0].clear()
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["some questions"])
    writer.add_uint32("imatrix.chunk_count", 12)
    writer.add_uint32("imatrix.chunk_size", 512)
    for tensor in GGUFReader(float32).tensors:
        if tensor.name.startswith("blk.") and len(tensor.shape) == 2:
            writer.add_tensor(f"{tensor.name}.in_sum2", random.random((1, int(tensor.shape[0])), dtype=np.float32))
            writer.add_tensor(f"{tensor.name}.counts", np.full((1, 1), 3, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def content(path: Path) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """Metadata (kind and value), and type and bytes of each tensor."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    facts = {key: ([kind.name for kind in field.types], field.contents()) for key, field in reader.fields.items()}
    return facts, {tensor.name: (tensor.tensor_type.name, tensor.data.tobytes()) for tensor in reader.tensors}


def assert_same(ours: Path, theirs: Path) -> None:
    our_facts, our_tensors = content(ours)
    their_facts, their_tensors = content(theirs)
    assert our_facts == their_facts
    assert {name: kind for name, (kind, _) in our_tensors.items()} == {
        name: kind for name, (kind, _) in their_tensors.items()
    }
    for name, (_, data) in their_tensors.items():
        assert our_tensors[name][1] == data, name


HUNGRY = ("IQ1_M", "IQ1_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ3_XS", "IQ3_XXS", "Q2_K_S")


@pytest.mark.parametrize("quant", [quant for quant in quant_types() if quant not in (*HUNGRY, "Q1_0")])
def test_the_converter_quantizes_as_llama_cpp_does(quant: str, wide_base: Path, float32: Path, tmp_path: Path) -> None:
    ours = convert(wide_base, tmp_path / "ours.gguf", family("chatml"), quant=quant)
    assert_same(ours, quantize(float32, tmp_path / "theirs.gguf", quant))
    assert check_gguf(ours)["general.file_type"] == file_type(quant)


@pytest.mark.parametrize("quant", ["IQ2_XXS", "Q2_K_S", "Q4_0", "Q4_K_M"])
def test_and_with_an_importance_matrix(
    quant: str, wide_base: Path, float32: Path, matrix: Path, tmp_path: Path
) -> None:
    convert_all(wide_base, {quant: tmp_path / "ours.gguf"}, family("chatml"), imatrix=matrix)
    assert_same(tmp_path / "ours.gguf", quantize(float32, tmp_path / "theirs.gguf", quant, imatrix=matrix))
    facts = check_gguf(tmp_path / "ours.gguf")
    assert facts["quantize.imatrix.file"] == "imatrix.gguf"
    assert facts["quantize.imatrix.dataset"] == "some questions"
    assert facts["quantize.imatrix.chunks_count"] == 12


def test_and_with_tensors_named_by_patterns(wide_base: Path, float32: Path, tmp_path: Path) -> None:
    wanted = {r"blk\.[01]\.attn_q": "Q8_0", "ffn_down": "q5_K", "token_embd": "F16"}
    convert_all(wide_base, {"Q4_K_M": tmp_path / "ours.gguf"}, family("chatml"), overrides=wanted)
    assert_same(tmp_path / "ours.gguf", quantize(float32, tmp_path / "theirs.gguf", "Q4_K_M", overrides=wanted))
    kinds = {name: kind for name, (kind, _) in content(tmp_path / "ours.gguf")[1].items()}
    assert kinds["blk.1.attn_q.weight"] == "Q8_0"
    assert kinds["blk.2.attn_q.weight"] == "Q4_K"
    assert kinds["token_embd.weight"] == "F16"


def test_a_plan_is_the_file(whole: Path, tmp_path: Path) -> None:
    planned = plan(whole, "Q8_0")
    tensors = content(quantize(whole, tmp_path / "x.gguf", "Q8_0"))[1]
    assert planned.tensors == len(tensors)
    assert planned.types == {name: kind for name, (kind, _) in tensors.items() if kind != "F32"}
    assert planned.size == pytest.approx(sum(len(data) for _, data in tensors.values()), abs=0.01 * 2**20)


@pytest.mark.parametrize("quant", HUNGRY)
def test_a_type_that_needs_an_importance_matrix_says_so(
    quant: str, wide_base: Path, float32: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=f"{quant} needs an importance matrix"):
        convert(wide_base, tmp_path / "ours.gguf", family("chatml"), quant=quant)
    with pytest.raises(RecipeError, match=f"{quant} needs an importance matrix"):
        quantize(float32, tmp_path / "theirs.gguf", quant)
    assert list(tmp_path.glob("**/*.gguf")) == []


def test_what_llama_cpp_has_no_type_for_names_the_base(wide_base: Path, tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match=r"/base: llama.cpp cannot write it as Q1_0 .*no tensor type fallback"):
        convert(wide_base, tmp_path / "x.gguf", family("chatml"), quant="Q1_0")
    assert list(tmp_path.glob("**/*.gguf")) == []


@pytest.mark.parametrize(
    ("overrides", "says"),
    [({"attn_q": "Q4_X"}, "Q4_X: not a tensor type"), ({"attn_(": "Q8_0"}, "attn_.: not a pattern")],
)
def test_overrides_that_cannot_be_are_refused(
    overrides: dict[str, str], says: str, tiny_base: Path, tmp_path: Path
) -> None:
    with pytest.raises(SqlLlamaError, match=says):
        convert_all(tiny_base, {"Q4_0": tmp_path / "x.gguf"}, family("chatml"), overrides=overrides)
    assert list(tmp_path.glob("**/*.gguf")) == []


def test_a_matrix_of_another_model_is_refused(tiny_base: Path, matrix: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"imatrix\.gguf: has 256 columns of blk\.0\.ffn_down\.weight, the model 128"):
        convert_all(tiny_base, {"Q4_0": tmp_path / "x.gguf"}, family("chatml"), imatrix=matrix)
    assert list(tmp_path.glob("**/*.gguf")) == []


@pytest.mark.base
def test_the_real_base_is_quantized_as_llama_cpp_does(real_base: Path, tmp_path: Path) -> None:
    outs = {quant: tmp_path / f"{quant}.gguf" for quant in ("F32", "Q4_K_M", "Q8_0")}
    convert_all(real_base, outs, family("chatml"))
    for quant in ("Q4_K_M", "Q8_0"):
        assert_same(outs[quant], quantize(outs["F32"], tmp_path / "theirs.gguf", quant))
