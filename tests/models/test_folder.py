"""A model folder is complete or names what it lacks; its fingerprint changes when the model does."""

import json
import re
import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.models.folder import SAMPLE, check_folder, fingerprint


def model_folder(path: Path, weights: tuple[str, ...] = ("model.safetensors",)) -> Path:
    path.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (path / name).write_text("{}")
    for name in weights:
        (path / name).write_bytes(b"")
    return path


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
        check_folder(folder)
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
