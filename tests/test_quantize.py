"""llama.cpp writes the smaller files, whole or not at all."""

from pathlib import Path

import pytest
from sql_llama.core import files
from sql_llama.core.errors import DataError, RecipeError, SqlLlamaError
from sql_llama.core.gguf_file import check_gguf
from sql_llama.export.convert import convert
from sql_llama.export.quantize import check_quant, quant_types, quantize
from sql_llama.modelfiles.templates import family


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
    whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    quantize(whole, tmp_path / "x.gguf", "Q8_0", threads=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("quantizing to Q8_0: 20/20")
    assert "token_embd" not in err


def test_an_unknown_type_is_a_usage_error() -> None:
    with pytest.raises(RecipeError, match="Q4_X: no GGUF type"):
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
