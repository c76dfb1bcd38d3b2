"""Questions with known answers, tokenized as in training."""

import shutil
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.certificate.answers import answers
from sql_llama.modelfiles.templates import family


def test_a_tokenizer_that_cannot_be_loaded_is_one_line_that_names_its_folder(tiny_base: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    (base / "tokenizer.json").rename(base / "tokenizer.model")
    with pytest.raises(DataError, match=r"base: transformers cannot read its tokenizer\.model \(pip install"):
        answers(base, family("chatml"))
