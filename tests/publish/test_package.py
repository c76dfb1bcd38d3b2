"""What is published of a run, what is refused, and that no path of this machine is in it."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, NotExported
from sql_llama.core.run import Run
from sql_llama.modelfiles.read_modelfile import read_modelfile
from sql_llama.publish.model_card import Kind
from sql_llama.publish.package import Item, Package, package

KINDS: tuple[Kind, ...] = ("gguf", "adapter", "merged")


def data(item: Item) -> bytes:
    return item.source.read_bytes() if item.source else item.content


def written(packed: Package, folder: Path) -> Path:
    """The package as a folder, as somebody downloads it."""
    for item in packed.items:
        path = folder / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(item))
    return folder


def test_the_gguf_files_come_with_all_that_ollama_needs(exported: Run, tmp_path: Path) -> None:
    packed = package(exported, "gguf", "me/tiny")
    assert [item.path for item in packed.items] == [
        *("README.md", "tiny-Q8_0.gguf", "tiny-F16.gguf", "Modelfile", "template", "system", "params"),
        *("certificate.json", "certificate.md"),
    ]
    folder = written(packed, tmp_path / "got")
    asked, ours = read_modelfile(folder / "Modelfile"), read_modelfile(exported.path / "Modelfile")
    assert (folder / asked.gguf).read_bytes() == exported.shipped().read_bytes()
    assert (asked.template, asked.parameters) == (ours.template, ours.parameters)
    assert (folder / "template").read_text() == ours.template
    assert (folder / "system").read_text() == ours.system
    params = json.loads((folder / "params").read_text())
    assert params["stop"] == list(ours.parameters["stop"]) and params["temperature"] == 0
    assert packed.notes == ()


def test_the_adapter_loads_and_names_its_base(exported: Run, tmp_path: Path) -> None:
    from peft import PeftConfig
    from safetensors import safe_open

    folder = written(package(exported, "adapter", "me/tiny"), tmp_path / "got")
    assert PeftConfig.from_pretrained(str(folder)).base_model_name_or_path == "stops"
    with safe_open(folder / "adapter_model.safetensors", "np") as weights:
        assert list(weights.keys())


def test_the_merged_model_loads(exported: Run, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = written(package(exported, "merged", "me/tiny"), tmp_path / "got")
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.vocab_size >= len(tokenizer) and tokenizer.chat_template


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_of_this_machine_is_published(kind: Kind, exported: Run, tiny_stopping_base: Path) -> None:
    certificate = exported.path / "certificate.json"
    facts = json.loads(certificate.read_text())
    facts["checks"][0]["said"] += f" ({tiny_stopping_base}: no such thing; {exported.path}/gguf/x; {Path.home()}/y)"
    certificate.write_text(json.dumps(facts))
    packed = package(exported, kind, "me/tiny")
    for item in packed.items:
        for place in (str(exported.path), str(tiny_stopping_base), str(Path.home()), "/tmp/"):
            assert place.encode() not in data(item), item.path
    if kind == "gguf":
        sent = json.loads(next(data(item) for item in packed.items if item.path == "certificate.json"))
        assert sent["checks"][0]["said"].endswith("(stops: no such thing; gguf/x; home/y)")


def test_a_vocabulary_is_never_changed(exported: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (exported.path / "merged" / "vocab.json").write_text(json.dumps({str(exported.path): 1}))
    entry = exported.manifest()["stages"]["merged"]
    exported.finish("merged", entry["inputs"], [exported.path / "merged"], 1.0)
    items = {item.path: item for item in package(exported, "merged", "me/tiny").items}
    assert items["vocab.json"].source == exported.path / "merged" / "vocab.json"


def test_a_schema_in_the_modelfile_is_noted(exported: Run) -> None:
    page = exported.path / "Modelfile"
    page.write_text(page.read_text().replace('TEMPLATE """', 'TEMPLATE """patients.name text '))
    assert "The Modelfile holds the schema of a database" in package(exported, "gguf", "me/tiny").notes[0]


def test_what_is_not_there_is_refused(exported: Run) -> None:
    nothing = Run(exported.path / "nowhere")
    with pytest.raises(DataError, match="nowhere: not a run directory"):
        package(nothing, "gguf", "me/tiny")
    shutil.rmtree(exported.path / "merged")
    with pytest.raises(NotExported, match="has no merged model") as caught:
        package(exported, "merged", "me/tiny")
    assert caught.value.fix == f"sql-llama export {exported.path} --merged"
    (exported.path / "Modelfile").unlink()
    for kind in ("gguf", "merged"):
        with pytest.raises(NotExported, match="not exported yet"):
            package(exported, kind, "me/tiny")  # type: ignore[arg-type]
    assert package(exported, "adapter", "me/tiny").items[1].path == "adapter_config.json"  # needs no export
    shutil.rmtree(exported.adapter)
    with pytest.raises(NotExported, match="has no adapter of its own"):
        package(exported, "adapter", "me/tiny")


@pytest.mark.parametrize(
    ("kind", "name"), [("gguf", "gguf/tiny-F16.gguf"), ("adapter", "adapter"), ("merged", "merged")]
)
def test_what_has_changed_since_it_was_made_is_refused(kind: Kind, name: str, exported: Run) -> None:
    path = exported.path / name
    changed = path if path.is_file() else next(path.glob("*.safetensors"))
    changed.write_bytes(changed.read_bytes() + b"x")
    with pytest.raises(DataError, match=f"{name}: has changed since it was made"):
        package(exported, kind, "me/tiny")


def test_a_file_that_failed_its_checks_is_refused(exported: Run) -> None:
    certificate = exported.path / "certificate.json"
    facts = json.loads(certificate.read_text())
    facts["checks"][2]["verdict"] = "fail"
    certificate.write_text(json.dumps(facts))
    with pytest.raises(DataError, match=r"the file failed its checks \(tokens\)"):
        package(exported, "gguf", "me/tiny")
    certificate.unlink()
    packed = package(exported, "gguf", "me/tiny")
    assert "certificate.json" not in [item.path for item in packed.items]
    assert packed.notes == (f"The file has no certificate. To make one: sql-llama export {exported.path}",)
