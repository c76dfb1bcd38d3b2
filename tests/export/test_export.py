"""An export makes the files that ship, once; a killed one goes on where it was."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.recipe import Base, Recipe
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.export import export as stages
from sql_llama.export.export import export_run
from sql_llama.export.plan import Options
from sql_llama.models.folder import fingerprint
from sql_llama.models.gguf_header import check_gguf

from .exporting import exported


def test_an_export_leaves_its_files_and_no_others(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = exported(tiny_stopping_base, tiny_adapter, out, verify=True)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == [
        "Modelfile",
        "certificate.json",
        "certificate.md",
        "gguf/sql-llama-Q4_K_M.gguf",
        "gguf/sql-llama-Q8_0.gguf",
        "manifest.json",
        "recipe.toml",
    ]
    assert [check_gguf(path)["general.file_type"] for path in result.gguf] == [15, 7]
    assert result.modelfile.read_text().startswith("FROM ./gguf/sql-llama-Q4_K_M.gguf\n")
    assert result.certificate is not None and result.certificate.passed
    assert result.notes == (stages.HOW_TO_GET_ONE,)
    assert set(Run(out).manifest()["stages"]) == {"quantize Q4_K_M", "quantize Q8_0", "certify"}


def test_a_second_export_does_nothing_and_another_type_only_that(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    args = tiny_stopping_base, tiny_adapter, tmp_path / "out"
    for _ in range(2):
        exported(*args, quants=["Q8_0"], verify=True)
        assert work == ["convert_all", "certify"]
    exported(*args, quants=["Q8_0", "F16"], verify=True)
    assert work == ["convert_all", "certify", "convert_all"]
    assert (tmp_path / "out" / "gguf" / "sql-llama-F16.gguf").is_file()
    (tmp_path / "out" / "gguf" / "sql-llama-Q8_0.gguf").unlink()
    exported(*args, quants=["Q8_0", "F16"], verify=True)
    assert work[3:] == ["convert_all"]


def test_a_changed_adapter_is_exported_anew(
    tiny_stopping_base: Path, tiny_adapter: Path, make_tiny_adapter: Any, tmp_path: Path, work: list[str]
) -> None:
    adapter = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, adapter)
    first = exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["Q8_0"]).gguf[0].read_bytes()
    shutil.rmtree(adapter)
    make_tiny_adapter(tiny_stopping_base, adapter, r=2)
    assert exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["Q8_0"]).gguf[0].read_bytes() != first
    assert work == ["convert_all"] * 2


def test_an_export_killed_while_writing_goes_on_there(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    out = tmp_path / "out"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sql_llama.export import export, gguf_files, plan\n"
        "whole = gguf_files.convert_all\n"
        "def killed(base, outs, *args, **options):\n"
        "    if 'Q4_K_M' not in outs:\n"
        "        return whole(base, outs, *args, **options)\n"
        "    outs['Q4_K_M'].with_name('.sql-llama-Q4_K_M.gguf.half.gguf').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "gguf_files.convert_all = killed\n"
        "export.export_adapter(*map(Path, sys.argv[1:]), plan.Options(importance=False), merge_base='base')"
    )
    command = [sys.executable, "-c", code, str(tiny_stopping_base), str(tiny_adapter), str(out)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert list(Run(out).manifest()["stages"]) == ["quantize Q8_0"]
    exported(tiny_stopping_base, tiny_adapter, out)
    assert work == ["convert_all"]
    assert sorted(path.name for path in (out / "gguf").iterdir()) == ["sql-llama-Q4_K_M.gguf", "sql-llama-Q8_0.gguf"]


def test_an_export_killed_at_every_stage_ends_with_the_same_files(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    """Each process ends with kill -9 when it comes to its stage, and the next one goes on from there."""
    out = tmp_path / "killed"
    kills = ("convert_all", "importance", "convert_all:1", "certify", "write_certificate")
    script = Path(__file__).with_name("killed_exports.py")
    paths = [str(path) for path in (tiny_stopping_base, tiny_adapter, out)]
    command = [sys.executable, "-P", str(script), *paths, "Q4_K_M", "--", *kills]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

    def files(folder: Path) -> dict[str, bytes]:
        made = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".gguf", "")]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in made}

    options = {"quants": ["Q4_K_M"], "importance": True, "verify": True}
    for folder in (out, tmp_path / "whole"):
        exported(tiny_stopping_base, tiny_adapter, folder, **options)
    assert files(out) == files(tmp_path / "whole")
    assert set(files(out)) == {"Modelfile", "gguf/sql-llama-Q4_K_M.gguf", "imatrix.gguf"}


def test_the_merged_folder_and_the_adapter_come_too_when_asked(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = exported(tiny_stopping_base, tiny_adapter, out, quants=["Q8_0"], merged=True, adapter_gguf=True)
    assert result.extras == (out / "merged", out / "gguf" / "sql-llama-lora-F16.gguf")
    assert (out / "merged" / "model.safetensors").is_file() and (out / "merged" / "tokenizer.json").is_file()
    assert check_gguf(result.extras[1])["general.type"] == "adapter"


def test_a_database_can_stand_in_the_modelfile_with_answered_questions_about_it(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, pets: Path
) -> None:
    options = {"quants": ["Q8_0"], "schema_from": str(pets), "examples": 2}
    text = exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", **options).modelfile.read_text()
    assert "owners.city text" in text
    assert text.count("MESSAGE user ") == text.count("MESSAGE assistant ") == 2


def test_an_export_that_fails_its_checks_is_an_error_that_says_which(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(SqlLlamaError, match=r"certificate\.md: .* fails its checks \(stops: \d of 20"):
        exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"], verify=True)
    assert json.loads((tmp_path / "out" / "certificate.json").read_text())["verdict"] == "fail"
    result = exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"], verify=False)
    assert result.certificate is None
    assert result.notes[0] == f"This file has not been checked yet. To check it: sql-llama verify {tmp_path / 'out'}"


def test_a_run_that_is_not_trained_says_how_to_train_it(tmp_path: Path, tiny_base: Path) -> None:
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_base)))
    run = create_run(tmp_path / "run", "tiny", render_recipe(recipe))
    with pytest.raises(DataError, match="not trained to the end") as caught:
        export_run(run, recipe)
    assert caught.value.fix == f"sql-llama train tiny --run {tmp_path / 'run'}"


def test_a_run_is_not_exported_over_another_base(trained: Run, tiny_base: Path) -> None:
    trained.finish("train", {"base": "another"}, [trained.adapter], 1.0)
    with pytest.raises(DataError, match="has changed since the training"):
        export_run(trained, Recipe(name="tiny", base=Base(model=str(tiny_base))))


def test_the_modelfile_has_the_licences_of_base_and_data(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_base), license="MIT"))
    run = create_run(tmp_path / "run", "tiny", render_recipe(recipe))
    shutil.copytree(tiny_adapter, run.adapter)
    run.finish("data", {}, [], 1.0, licenses=["CC BY-SA 4.0", "CC0"])
    run.finish("train", {"base": fingerprint(tiny_base)}, [run.adapter], 1.0)
    result = export_run(run, recipe, Options(quants=("F16",), importance=False, verify=False))
    said = 'LICENSE """MIT (base model). Training data: CC BY-SA 4.0, CC0"""'
    assert said in result.modelfile.read_text()
