"""A base is a folder in Hugging Face layout, wherever it came from."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.models.base import resolve_base


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


def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        resolve_base(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file, not a folder"):
        resolve_base(str(tmp_path / "file"))


def test_an_unknown_package_is_a_mistake_in_the_recipe() -> None:
    with pytest.raises(RecipeError, match="no such packaged base"):
        resolve_base("package:something")
