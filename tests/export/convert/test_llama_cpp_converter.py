"""A family of which only llama.cpp's own converter knows, here a Gemma: its file, our template, one clear line else."""

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import DataError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import Run
from sql_llama.export.convert.convert import convert
from sql_llama.export.convert.llama_cpp_converter import convert_by_llama_cpp
from sql_llama.export.verify import run_reference
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf

REFERENCE = Path(os.environ.get("SQL_LLAMA_LLAMA_CPP", "nowhere"))
reference = pytest.mark.skipif(
    not (REFERENCE / "convert_hf_to_gguf.py").is_file(),
    reason="SQL_LLAMA_LLAMA_CPP does not name a folder with llama.cpp's convert_hf_to_gguf.py",
)


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from sentencepiece import SentencePieceTrainer
    from transformers import GemmaConfig, GemmaForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "gemma"
    folder.mkdir()
    out = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["SELECT name FROM singer"] * 9), model_writer=out, model_type="bpe", vocab_size=300,
        byte_fallback=True, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"add_bos_token": False, "chat_template": "theirs", "bos_token": "<s>", "eos_token": "</s>"})
    )
    (folder / "chat_template.jinja").write_text("theirs too")
    torch.manual_seed(3)
    config = GemmaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=256, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    GemmaForCausalLM(config).to(torch.float16).save_pretrained(folder)
    return folder


@reference
def test_the_checkout_writes_the_file_and_it_carries_our_template(gemma: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in gemma.iterdir()}
    out = convert_by_llama_cpp(gemma, tmp_path / "x.gguf", REFERENCE, "Q8_0", family("plain"))
    facts = check_gguf(out)
    assert facts["general.architecture"] == "gemma"
    assert facts["general.file_type"] == 7
    assert facts["tokenizer.chat_template"] == family("plain").jinja
    assert facts["tokenizer.ggml.add_bos_token"] is True  # the folder said False, and the family's prompts need it
    assert {path.name: path.read_bytes() for path in gemma.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.gguf"]


def test_without_it_the_refusal_names_the_option(gemma: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"GemmaForCausalLM.* cannot be converted \(give --llama-cpp DIR"):
        convert(gemma, tmp_path / "x.gguf", family("plain"))


@reference
def test_a_model_that_nobody_knows_is_one_line_with_the_scripts_last_words(gemma: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gemma, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["NobodyForCausalLM"]}))
    (tmp_path / "x.gguf").write_text("what was there")
    with pytest.raises(DataError, match=r"convert_hf_to_gguf.py failed: .*NobodyForCausalLM is not supported") as error:
        convert_by_llama_cpp(folder, tmp_path / "x.gguf", REFERENCE)
    assert "\n" not in str(error.value)
    assert (tmp_path / "x.gguf").read_text() == "what was there"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit('it is\\nMonday')", "failed: Monday"),
        ("import sys; sys.exit(3)", "no message"),
        ("pass", "wrote nothing"),
        ("import os; os.kill(os.getpid(), 9)", "no message"),
    ],
)
def test_a_script_that_fails_leaves_nothing(script: str, says: str, gemma: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "llama.cpp"
    checkout.mkdir()
    (checkout / "convert_hf_to_gguf.py").write_text(script)
    with pytest.raises(DataError, match=says):
        convert_by_llama_cpp(gemma, tmp_path / "out" / "x.gguf", checkout)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_without_the_script_and_a_type_that_it_does_not_write(gemma: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no convert_hf_to_gguf\.py there"):
        convert_by_llama_cpp(gemma, tmp_path / "x.gguf", tmp_path)
    (tmp_path / "convert_hf_to_gguf.py").touch()
    with pytest.raises(DataError, match="writes no Q4_K_M"):
        convert_by_llama_cpp(gemma, tmp_path / "x.gguf", tmp_path, "Q4_K_M")


@reference
def test_export_takes_the_checkout_for_such_a_base_and_says_so(
    gemma: Path, tiny_base: Path, make_tiny_adapter: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter, out = tmp_path / "gemma", tmp_path / "adapter", tmp_path / "out"
    shutil.copytree(gemma, base)
    shutil.copy(tiny_base / "tokenizer.json", base)  # every folder of the Hub has one; the script reads the other
    make_tiny_adapter(base, adapter)
    command = ["export", "--base", str(base), "--adapter", str(adapter), "--out", str(out), "--quant", "Q4_0"]
    plain = ["--ground", "base", "--no-verify", "--no-gate", "--no-imatrix"]
    assert sql_llama([*command, *plain]) == 1
    assert "--llama-cpp DIR" in capsys.readouterr().err
    assert not out.exists()
    assert sql_llama([*command, "--llama-cpp", str(REFERENCE)]) == 2  # told before the work
    assert "--no-gate" in capsys.readouterr().err
    assert not out.exists()
    assert sql_llama([*command, *plain, "--llama-cpp", str(REFERENCE)]) == 0
    assert f"Converted by the llama.cpp in {REFERENCE}" in capsys.readouterr().out
    facts = check_gguf(out / "gguf" / "sql-llama-Q4_0.gguf")
    assert (facts["general.architecture"], facts["general.file_type"]) == ("gemma", 2)
    assert sorted(path.name for path in out.iterdir()) == ["Modelfile", "gguf", "manifest.json", "recipe.toml"]
    assert run_reference(Run(out), read_recipe(str(out / "recipe.toml"))[0], base) is None  # verify passes over it
