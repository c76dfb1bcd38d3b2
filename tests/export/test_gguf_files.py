"""The GGUF files of an export: their types, the importance matrix, what a pattern changes, tokens that were added."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import RecipeError, SqlLlamaError
from sql_llama.core.recipe import Base, Export, Recipe
from sql_llama.core.run import Run
from sql_llama.evals.pick import Picked
from sql_llama.export import gguf_files
from sql_llama.export.certificate.reference import Reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.export import export_run
from sql_llama.export.merge.merge import merge
from sql_llama.export.plan import Judges, Options
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf, read_gguf

from .exporting import exported


def test_tokens_that_an_adapter_added_are_in_the_file(
    tiny_stopping_base: Path, make_tiny_adapter: Any, tmp_path: Path
) -> None:
    """Its folder has the tokenizer of the embedding that it resized."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_stopping_base)
    grown, adapter = tmp_path / "grown", tmp_path / "adapter"
    added = tokenizer.add_tokens(["<schema>", "<answer>"])
    model = AutoModelForCausalLM.from_pretrained(tiny_stopping_base)
    rows = model.get_input_embeddings().weight.shape[0] + added
    model.resize_token_embeddings(rows, mean_resizing=False)
    model.save_pretrained(grown)
    tokenizer.save_pretrained(grown)
    make_tiny_adapter(grown, adapter, modules_to_save=["embed_tokens", "lm_head"])
    tokenizer.save_pretrained(adapter)
    facts = check_gguf(exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["F16"]).gguf[0])
    tokens = facts["tokenizer.ggml.tokens"]
    assert len(tokens) == rows
    assert [tokens[number] for number in tokenizer.convert_tokens_to_ids(["<schema>", "<answer>"])] == [
        "<schema>",
        "<answer>",
    ]


def test_an_importance_matrix_of_the_runs_prompts_is_made_once_and_used(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    args = tiny_stopping_base, tiny_adapter, tmp_path / "out"
    path = exported(*args, quants=["Q4_K_M"], importance=True).gguf[0]
    assert work == ["convert_all", "importance", "convert_all"]
    assert check_gguf(path)["quantize.imatrix.file"] == "imatrix.gguf"
    exported(*args, quants=["Q4_K_M", "Q3_K_M"], importance=True)
    assert work[3:] == ["convert_all"]
    given = tmp_path / "mine.gguf"
    shutil.copy(tmp_path / "out" / "imatrix.gguf", given)
    path = exported(*args[:2], tmp_path / "other", quants=["Q4_K_M"], imatrix=given).gguf[0]
    assert check_gguf(path)["quantize.imatrix.file"] == "mine.gguf"
    assert not (tmp_path / "other" / "imatrix.gguf").exists()


def test_a_pattern_changes_the_type_of_the_tensors_that_it_finds(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    types = {
        tensor.name: tensor.kind
        for tensor in read_gguf(
            exported(
                tiny_stopping_base, tiny_adapter, tmp_path / "out", quants=["Q4_0"], overrides={"attn_v": "Q8_0"}
            ).gguf[0]
        ).tensors
    }
    assert types["blk.0.attn_v.weight"] == "Q8_0"
    assert types["blk.0.attn_q.weight"] == "Q4_0"


def test_such_a_type_is_rounded_with_the_importance_matrix_in_a_file_of_any_type(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    options = {"quants": ["Q8_0"], "overrides": {"attn_v": "Q4_0"}, "importance": True}
    path = exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", **options).gguf[0]
    assert check_gguf(path)["quantize.imatrix.file"] == "imatrix.gguf"
    assert work == ["convert_all", "importance", "convert_all"]


def test_a_run_is_exported_over_the_nf4_weights_of_its_own_dtype(
    trained: Run, tiny_stopping_base: Path, tmp_path: Path
) -> None:
    """The fixture's training says float32; rounded through bfloat16 the weights would be others."""
    from gguf import GGUFReader

    def weights(path: Path) -> dict[str, bytes]:
        return {tensor.name: tensor.data.tobytes() for tensor in GGUFReader(path).tensors}

    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny"))
    (file,) = export_run(trained, recipe, Options(quants=["F16"], verify=False)).gguf
    for dtype, same in (("float32", True), ("bfloat16", False)):
        merged = merge(tiny_stopping_base, trained.adapter, merge_base="nf4", dtype=dtype)
        expected = convert(tiny_stopping_base, tmp_path / f"{dtype}.gguf", family("chatml"), merged)
        assert (weights(file) == weights(expected)) is same
    assert trained.merge_base() == "nf4"


@pytest.mark.parametrize("better", ["nf4", "base"])
def test_the_ground_that_the_judge_prefers_is_the_one_that_ships(
    trained: Run, tiny_stopping_base: Path, better: str, work: list[str]
) -> None:
    asked: list[dict[str, bytes]] = []

    def judge(run: Run, files: Mapping[str, Path]) -> Any:
        asked.append({ground: path.read_bytes() for ground, path in files.items()})
        return Picked("ground", better, "", ())

    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny"))
    options, judges = Options(quants=["Q8_0"], verify=False), Judges(merge_base=judge)
    for _ in range(2):  # the second time it is known
        result = export_run(trained, recipe, options, judges)
        assert [path.name for path in trained.gguf.iterdir()] == ["tiny-Q8_0.gguf"]
        assert result.gguf[0].read_bytes() == asked[0][better]
        assert trained.merge_base() == better
    assert asked[0]["nf4"] != asked[0]["base"]
    assert len(asked) == 1 and work == ["convert_all", "convert_all"]


def test_auto_ships_the_type_that_the_judge_takes(trained: Run, tiny_stopping_base: Path, work: list[str]) -> None:
    offered: list[list[str]] = []

    def judge(run: Run, files: Mapping[str, Path], reference: Reference) -> Any:
        offered.append(list(files))
        return Picked("quant", "Q5_K_M", "", ())

    recipe = Recipe(
        name="tiny",
        base=Base(model=str(tiny_stopping_base)),
        export=Export(name="tiny", ground="nf4", quants=("auto",)),
    )
    for _ in range(2):
        result = export_run(trained, recipe, Options(verify=False, importance=False), Judges(quant=judge))
        assert [path.name for path in result.gguf] == [path.name for path in trained.gguf.iterdir()]
        assert result.gguf[0].name == "tiny-Q5_K_M.gguf"
        assert result.modelfile.read_text().startswith("FROM ./gguf/tiny-Q5_K_M.gguf\n")
    assert offered == [list(gguf_files.CANDIDATES)]
    assert work == ["convert_all", "convert_all"]  # types without an importance matrix, and those with
    with pytest.raises(RecipeError, match="has to evaluate the files"):
        export_run(trained, recipe, Options(verify=False, importance=False), Judges())


def test_a_full_disk_is_told_before_the_work(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("sql_llama.core.files.shutil.disk_usage", lambda path: usage)
    with pytest.raises(SqlLlamaError, match=r"writing Q8_0 \(\d+ MiB\) needs"):
        exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"])
    assert not (tmp_path / "out").exists()
