"""Fixtures of tests that certify a file."""

from pathlib import Path

import pytest
from sql_llama.export.certificate.answers import answers
from sql_llama.export.certificate.reference import Reference, reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family


@pytest.fixture
def stopping(tiny_stopping_base: Path, tmp_path: Path) -> Path:
    """A float16 GGUF file that stops at once."""
    return convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml"))


@pytest.fixture(scope="session")
def stopping_reference(tiny_stopping_base: Path) -> Reference:
    asked = answers(tiny_stopping_base, family("chatml"), count=4)
    return reference(tiny_stopping_base, merge(tiny_stopping_base, None), asked)


@pytest.fixture(scope="session")
def lively_reference(tiny_base: Path) -> Reference:
    """Of a model that says something, where the stopping one says but its end."""
    return reference(tiny_base, merge(tiny_base, None), answers(tiny_base, family("chatml"), count=4))
