"""A file is checked against what it says of its own making, and what cannot be checked is said."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.files import sha256
from sql_llama.core.recipe import Base, Recipe, Train
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.export.certificate.certificate import Certificate, Check
from sql_llama.export.certificate.provenance import provenance
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.export.verify import accuracy_check, provenance_check, run_reference, verify_file, verify_run
from sql_llama.modelfiles.modelfile import modelfile
from sql_llama.modelfiles.templates import family
from sql_llama.models.folder import fingerprint


def with_facts(path: Path, facts: dict[str, Any]) -> Path:
    """The file with further metadata."""
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(path)
    writer = GGUFWriter(path.with_suffix(".facts.gguf"), "llama")
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            sub = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type=sub)
    for key, value in facts.items():
        add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}[type(value)]
        add(key, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.with_suffix(".facts.gguf")


def check(certificate: Certificate, name: str) -> Check:
    return next(item for item in certificate.checks if item.name == name)


@pytest.fixture
def run(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path) -> Run:
    recipe = Recipe(name="t", base=Base(model=str(tiny_stopping_base)), train=Train(quantization="none"))
    run = create_run(tmp_path / "run", recipe.name, render_recipe(recipe))
    shutil.copytree(tiny_adapter, run.adapter)
    return run


@pytest.fixture
def file(run: Run, tiny_stopping_base: Path, tmp_path: Path) -> Path:
    """A file with its provenance, as export writes it."""
    recipe = Recipe(name="t", base=Base(model=str(tiny_stopping_base)))
    path = convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml"), merge(tiny_stopping_base, run.adapter))
    return with_facts(path, provenance(recipe, base=tiny_stopping_base, adapter=run.adapter, run=run))


def test_a_file_alone_is_compared_with_the_base_that_it_names(
    file: Path, tiny_stopping_base: Path, tiny_base: Path
) -> None:
    right = verify_file(file, tiny_stopping_base)
    assert right.passed
    assert check(right, "provenance").said == "stops is the base that the file records"
    assert right.hashes["base"] == fingerprint(tiny_stopping_base)
    assert {"adapter", "template", "prompt", "recipe"} <= set(right.hashes)
    other = verify_file(file, tiny_base)
    assert check(other, "provenance").verdict == "fail"
    assert "smol is not the base" in check(other, "provenance").said


def test_what_a_file_alone_cannot_be_compared_with_is_said(file: Path, tiny_stopping_base: Path) -> None:
    certificate = verify_file(file)
    assert certificate.passed
    assert check(certificate, "provenance").said == "made from stops; give --base DIR to compare the file with it"
    skipped = [item.name for item in certificate.checks if item.verdict == "skipped"]
    assert skipped == ["vocabulary", "tokens", "divergence", "provenance"]


def test_a_manifest_of_something_else_makes_a_file_no_run_s(file: Path, tmp_path: Path) -> None:
    """Two folders up, where a run has its own."""
    folder = tmp_path / "extension" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "manifest.json").write_text('{"manifest_version": 3, "name": "an extension"}')
    assert check(verify_file(file.rename(folder / file.name)), "provenance").verdict == "skipped"


def test_all_that_an_export_wrote_is_as_it_was_made_or_is_named(file: Path, run: Run) -> None:
    run.gguf.mkdir()
    made = {
        "quantize F16": run.gguf / "x-F16.gguf",
        "adapter": run.gguf / "x-lora-F16.gguf",
        "imatrix": run.path / "imatrix.gguf",
        "merged": run.path / "merged",
    }
    made["quantize F16"].write_bytes(file.read_bytes())
    made["adapter"].write_bytes(b"lora")
    made["imatrix"].write_bytes(b"matrix")
    made["merged"].mkdir()
    (made["merged"] / "model.safetensors").write_bytes(b"weights")
    for stage, path in made.items():
        run.finish(stage, {"ground": "base"}, [path], 1.0)
    with pytest.raises(DataError, match="not exported yet"):
        verify_run(run.path)  # killed before it wrote its Modelfile
    (run.path / "Modelfile").write_text(modelfile("./gguf/x-F16.gguf", family("chatml")))
    right = verify_run(run.path)
    assert right.passed and check(right, "files").said == "4 of 4 files are unchanged since the export"
    assert [item.name for item in right.checks if "divergence" in item.name] == ["divergence"]
    (made["merged"] / "model.safetensors").write_bytes(b"spoiled")
    made["imatrix"].unlink()
    wrong = check(verify_file(made["quantize F16"]), "files")
    assert (wrong.verdict, wrong.failures) == ("fail", ("imatrix.gguf", "merged"))


def test_a_file_s_words_are_held_against_its_run(
    file: Path, run: Run, tiny_stopping_base: Path, make_tiny_adapter: Any
) -> None:
    assert provenance_check(file, run, tiny_stopping_base).verdict == "pass"
    shutil.rmtree(run.adapter)
    make_tiny_adapter(tiny_stopping_base, run.adapter, r=2)
    found = provenance_check(file, run, tiny_stopping_base)
    assert (found.verdict, found.failures) == ("fail", ("adapter",))


def test_the_reference_is_the_run_s_own_model(run: Run, tiny_stopping_base: Path) -> None:
    recipe = Recipe(name="t", base=Base(model=str(tiny_stopping_base)), train=Train(quantization="none"))
    merged = run_reference(run, recipe, tiny_stopping_base)
    assert merged is not None and len(merged.answers) == 20
    shutil.rmtree(run.adapter)
    assert run_reference(run, recipe, tiny_stopping_base) is None


def test_the_answers_are_those_of_the_gate_s_report(run: Run, file: Path) -> None:
    assert accuracy_check(run, file).verdict == "skipped"
    metrics = {"execution_accuracy": {"value": 0.75, "low": 0.55, "high": 0.88, "n": 24}}
    report = {
        "models": [{"path": "base.gguf", "metrics": {}}, {"path": f"gguf/{file.name}", "metrics": metrics}],
        "gate": {"passed": True, "checks": [{"name": "better than the base", "said": "75.0% against 0.0%"}]},
    }
    (run.path / "evals").mkdir()
    (run.path / "evals" / "report.json").write_text(json.dumps(report))
    run.finish("gate", {"gguf": hashlib.sha256(b"another file").hexdigest()}, [], 1.0)
    assert accuracy_check(run, file).verdict == "skipped"
    run.finish("gate", {"gguf": sha256(file)}, [], 1.0)
    found = accuracy_check(run, file)
    assert (found.verdict, found.numbers["value"]) == ("pass", 0.75)
    assert found.said == "75.0% right (55.0% to 88.0%, 24 questions); better than the base: 75.0% against 0.0%"
    (run.path / "evals" / "report.json").write_text("{}")
    assert accuracy_check(run, file).verdict == "skipped"
