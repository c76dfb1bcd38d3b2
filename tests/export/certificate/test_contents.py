"""Two files that hold the same have the same hashes, whatever their layout; any other value gives another hash."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sql_llama.export.certificate.contents import contents
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import read_gguf


@pytest.fixture(scope="module")
def file(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


def rewritten(path: Path, out: Path, *, backwards: bool = False, without: Sequence[str] = (), **facts: Any) -> Path:
    """The same tensors and keys by another writer."""
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(path)
    writer = GGUFWriter(out, "llama", use_temp_file=False)
    keys = [key for key in reader.fields if not key.startswith("GGUF.") and key != "general.architecture"]
    for key in reversed(keys) if backwards else keys:
        field = reader.fields[key]
        if key not in (*without, *facts):
            sub = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type=sub)
    for key, value in facts.items():
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    for tensor in reversed(reader.tensors) if backwards else reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def test_the_layout_does_not_count(file: Path, tmp_path: Path) -> None:
    other = rewritten(file, tmp_path / "other.gguf", backwards=True, **{"general.quantization_version": 2})
    assert other.read_bytes() != file.read_bytes()
    assert contents(other) == contents(file)
    assert contents(file).count == len(read_gguf(file).tensors)


def test_each_value_counts(file: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.gguf"
    data = bytearray(file.read_bytes())
    middle = read_gguf(file).tensors[len(read_gguf(file).tensors) // 2]
    data[middle.offset + middle.bytes - 1] ^= 1
    one.write_bytes(bytes(data))
    assert contents(one).tensors != contents(file).tensors
    assert contents(one).metadata == contents(file).metadata


@pytest.mark.parametrize("key", ["tokenizer.ggml.eos_token_id", "tokenizer.chat_template", "llama.rope.freq_base"])
def test_each_key_counts(key: str, file: Path, tmp_path: Path) -> None:
    lacks = rewritten(file, tmp_path / "lacks.gguf", without=[key])
    assert contents(lacks).metadata != contents(file).metadata
    assert contents(lacks).tensors == contents(file).tensors
