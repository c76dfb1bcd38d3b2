"""The base that a tuned model is compared with: same base, same template, same quantization."""

import os
import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.run import Run, create_run
from sql_llama.core.settings import settings
from sql_llama.export.convert.convert import convert
from sql_llama.export.convert.quantize import quantize
from sql_llama.export.merge.merge import merge
from sql_llama.export.quantized_base import lora_base, quant_of, quantized_base
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf


@pytest.fixture
def run(tiny_base: Path, tmp_path: Path) -> Run:
    """A run over a tiny base, exported as F16 and Q8_0."""
    base = shutil.copytree(tiny_base, tmp_path / "tiny-base")
    recipe = f'name = "tiny"\n[base]\nmodel = "{base}"\n[export]\nquants = ["Q8_0"]\n'
    run = create_run(tmp_path / "run", "tiny", recipe)
    half = convert(base, run.gguf / "tuned-F16.gguf", family("chatml"), name="tuned")
    quantize(half, run.gguf / "tuned-Q8_0.gguf", "Q8_0", threads=1)
    (run.path / "Modelfile").write_text("FROM ./gguf/tuned-Q8_0.gguf\n")
    return run


@pytest.mark.parametrize("quant", ["Q8_0", "F16"])
def test_the_twin_has_the_type_and_the_template_of_the_tuned_file(run: Run, quant: str) -> None:
    path = quantized_base(run.gguf / f"tuned-{quant}.gguf")
    assert path.name == f"tiny-base-{quant}.gguf"
    assert path.is_relative_to(settings().cache / "twins")
    assert quant_of(path) == quant
    assert check_gguf(path)["tokenizer.chat_template"] == family("chatml").jinja
    assert [path.name for path in path.parent.iterdir()] == [path.name]


def test_a_type_that_needs_an_importance_matrix_gets_one_of_the_base_s_own(run: Run) -> None:
    tuned = quantize(run.gguf / "tuned-F16.gguf", run.gguf / "tuned-Q2_K_S.gguf", "Q2_K_S", threads=1)
    path = quantized_base(tuned)
    assert quant_of(path) == "Q2_K_S"
    assert check_gguf(path)["quantize.imatrix.file"] == "imatrix.gguf"


@pytest.mark.parametrize("quant", ["Q8_0", "F16"])
def test_a_run_stands_for_the_file_that_its_modelfile_names(run: Run, quant: str) -> None:
    """Whatever lies beside it: other types, one whose name ends alike, an adapter."""
    (run.path / "Modelfile").write_text(f"FROM ./gguf/tuned-{quant}.gguf\n")
    (run.gguf / "a-BF16.gguf").touch()
    (run.gguf / "a-lora-F16.gguf").touch()
    assert quantized_base(run.path) == quantized_base(run.gguf / f"tuned-{quant}.gguf")


def test_a_twin_that_was_killed_while_it_was_made_is_cleaned_up_by_the_next(run: Run) -> None:
    left = settings().cache / "twins" / ".0123456789ab.x1y2z3"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    path = quantized_base(run.path)
    assert [path.name for path in path.parent.parent.iterdir()] == [path.parent.name]


def test_it_is_made_once(run: Run) -> None:
    made = quantized_base(run.path).stat()
    assert quantized_base(run.path).stat() == made


def test_another_base_gets_another_twin(run: Run, tmp_path: Path) -> None:
    before = quantized_base(run.path)
    config = tmp_path / "tiny-base" / "config.json"
    config.write_text(config.read_text() + "\n")
    after = quantized_base(run.path)
    assert after != before
    (tmp_path / "tiny-base" / "tokenizer.model").touch()  # it is not read beside a byte-level tokenizer.json
    assert quantized_base(run.path) not in (before, after)


def test_a_file_outside_a_run_has_no_known_base(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "other" / "files"
    folder.mkdir(parents=True)
    loose = shutil.copy(run.gguf / "tuned-Q8_0.gguf", folder / "loose.gguf")
    with pytest.raises(DataError, match="not in a run directory"):
        quantized_base(Path(loose))
    (folder.parent / "manifest.json").write_text("{}")  # of something else: a browser's extension, an app
    with pytest.raises(DataError, match="not in a run directory"):
        quantized_base(Path(loose))


def test_a_run_that_was_not_exported_says_how_to(run: Run) -> None:
    shutil.rmtree(run.gguf)
    with pytest.raises(SqlLlamaError, match=r"not exported yet \(sql-llama export"):
        quantized_base(run.path)


def test_an_adapter_lies_over_the_ground_of_its_export(run: Run, tiny_base: Path, tmp_path: Path) -> None:
    from gguf import GGUFReader

    def weights(path: Path) -> dict[str, bytes]:
        return {tensor.name: tensor.data.tobytes() for tensor in GGUFReader(path).tensors}

    seen = convert(tiny_base, tmp_path / "seen.gguf", family("chatml"), merge(tiny_base, None, merge_base="nf4"))
    made = lora_base(run, "nf4")
    plain = quantized_base(run.gguf / "tuned-F16.gguf")
    assert made.name == "tiny-base-nf4-F16.gguf" and weights(made) == weights(seen) != weights(plain)
    assert lora_base(run, "base") == plain
