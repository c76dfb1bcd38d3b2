"""What a Modelfile says is read back as it was written, whatever stands in its texts."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.modelfiles.modelfile import modelfile, parameters
from sql_llama.modelfiles.read_modelfile import read_modelfile
from sql_llama.modelfiles.templates import FAMILIES, family

HARD = 'PARAMETER stop x\nFROM evil\n"quoted" and """ inside, at the end "'


@pytest.mark.parametrize("name", FAMILIES)
def test_every_value_comes_back(name: str, tmp_path: Path) -> None:
    chats = [(HARD, "SELECT 1"), ("two\r\nlines", 'SELECT \'"""x\'')]
    text = modelfile(
        "./gguf/a b.gguf", family(name), system=HARD, num_ctx=3072, license="Apache-2.0 (base)\nx", examples=chats
    )
    (tmp_path / "Modelfile").write_bytes(text.encode())
    read = read_modelfile(tmp_path / "Modelfile")
    assert (read.gguf, read.system, read.license) == ("./gguf/a b.gguf", HARD, "Apache-2.0 (base)\nx")
    assert read.template == family(name).go
    assert read.messages == tuple(
        (role, said) for pair in chats for role, said in zip(("user", "assistant"), pair, strict=True)
    )
    expected = parameters(family(name), num_ctx=3072)
    assert read.parameters["stop"] == tuple(expected["stop"])
    assert {key: read.parameters[key] for key in ("num_ctx", "temperature")} == {
        "num_ctx": ("3072",),
        "temperature": ("0",),
    }
    assert set(read.parameters) == set(expected)


def test_what_is_no_modelfile_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Modelfile: cannot be read \(No such file"):
        read_modelfile(tmp_path / "Modelfile")
    (tmp_path / "Modelfile").write_text("hello\n")
    with pytest.raises(DataError, match="no FROM in it"):
        read_modelfile(tmp_path / "Modelfile")
    (tmp_path / "Modelfile").write_bytes(b"FROM \xff\n")
    with pytest.raises(DataError, match="not a Modelfile of sql-llama"):
        read_modelfile(tmp_path / "Modelfile")
