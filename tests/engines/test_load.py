"""What a person can call a model, and the one line for each name that is none."""

import doctest
import json
import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.engines import load as module
from sql_llama.engines.engine import answer
from sql_llama.engines.huggingface import HuggingFace
from sql_llama.engines.llamacpp import LlamaCpp
from sql_llama.engines.load import load, parts
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family

CHAT = [Message("user", "How many singers are there?")]


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_gguf_file(tiny_base: Path, tmp_path: Path) -> None:
    engine = load(str(convert(tiny_base, tmp_path / "tiny.gguf", family("chatml"))), num_ctx=512)
    assert isinstance(engine, LlamaCpp) and (engine.name, engine.num_ctx) == ("tiny", 512)
    engine.close()


def test_a_model_folder_alone_and_with_an_adapter(tiny_base: Path, tiny_adapter: Path) -> None:
    said = []
    for name in (str(tiny_base), f"{tiny_base}+{tiny_adapter}"):
        engine = load(name, num_ctx=512)
        assert isinstance(engine, HuggingFace) and engine.num_ctx == 512
        said.append((engine.name, engine.identity, answer(engine, CHAT, max_tokens=8).text))
        engine.close()
    assert [one[0] for one in said] == ["smol", "smol+adapter"]
    assert said[0][1] != said[1][1] and said[0][2] != said[1][2]


def test_a_plus_in_a_path_is_no_adapter(tiny_base: Path, tmp_path: Path) -> None:
    file, lora = tmp_path / "c++" / "a.gguf", tmp_path / "b.gguf"
    file.parent.mkdir()
    for path in (file, lora):
        path.write_bytes(b"")
    assert parts(str(file)) == (str(file), "")
    assert parts(f"{file}+{lora}") == (str(file), str(lora))
    assert parts("gone+x+y") == ("gone", "x+y") and parts("gone+") == ("gone+", "") and parts("ollama:a+b")[1] == ""


def run_directory(
    folder: Path, base: Path, *, name: str = "tiny", start: str = "base", quantization: str = "nf4"
) -> Path:
    """A run as `train` or `export --adapter` leaves it, but for its adapter."""
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"stages": {}, "recipe": name}))
    (folder / "recipe.toml").write_text(
        f'name = "{name}"\n[base]\nmodel = "{base}"\n[train]\nstart = "{start}"\nquantization = "{quantization}"\n'
    )
    return folder


def test_a_run_is_its_base_under_its_adapter_on_what_it_was_trained_over(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    plain = load(f"{tiny_base}+{tiny_adapter}")
    said = answer(plain, CHAT, max_tokens=12).text
    plain.close()
    for quantization, same in (("none", True), ("nf4", False)):
        run = run_directory(tmp_path / quantization, tiny_base, quantization=quantization)
        shutil.copytree(tiny_adapter, run / "adapter")
        engine = load(str(run))
        assert isinstance(engine, HuggingFace)
        assert (answer(engine, CHAT, max_tokens=12).text == said) is same
        engine.close()


def test_a_run_made_from_an_adapter_of_elsewhere(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    run = run_directory(tmp_path / "run", tiny_base, name="adapter", start=str(tiny_adapter), quantization="none")
    engine = load(str(run))
    assert engine.name == "smol+adapter"
    engine.close()


def test_a_run_that_only_starts_from_an_adapter_is_not_trained_yet(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    run = run_directory(tmp_path / "run", tiny_base, start=str(tiny_adapter))
    with pytest.raises(DataError, match=r"run: a run that is not trained yet \(sql-llama train tiny --run"):
        load(str(run))


def test_what_is_no_model_is_one_line(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    other = shutil.copytree(tiny_base, tmp_path / "other")
    tokenizer = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(tokenizer.replace("<|im_end|>", "<|fin|>"))
    torn = run_directory(tmp_path / "torn", tiny_base)
    (torn / "recipe.toml").unlink()
    weights = shutil.copytree(tiny_base, tmp_path / "weights")
    (weights / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    cut = shutil.copytree(tiny_base, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((tiny_base / "model.safetensors").read_bytes()[:2000])
    for name, said in {
        str(tmp_path / "gone.gguf"): "gone.gguf: no such model file",
        str(tmp_path / "gone" / "folder"): "no such folder",
        str(tiny_base / "config.json"): "config.json: not a usable GGUF file",
        str(empty): "empty: no config.json",
        str(other): "other: its tokenizer fits no template family",
        str(torn): "torn: a run without its recipe.toml",
        str(weights): "weights: has no weights for",
        str(cut): "cut: cannot be loaded",
        "package:unknown": "package:unknown: no such packaged base",
        f"{tiny_base}+{empty}": "empty: no adapter there",
        f"{tiny_base}+{tmp_path / 'gone'}": "gone: no adapter there",
        f"{tmp_path / 'gone.gguf'}+{tiny_adapter}": "gone.gguf: no such model file",
        "ollama:llama": "no Ollama server answers",
        "nobody/nothing": "nobody/nothing",
    }.items():
        with pytest.raises(SqlLlamaError) as caught:
            load(name)
        assert said in str(caught.value) and "\n" not in str(caught.value) and caught.value.fix, name
    assert capfd.readouterr() == ("", "")
