"""A header that cannot be true is told in one line, before llama.cpp trusts it."""

import struct
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.gguf_file import check_gguf


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


ARCHITECTURE = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")


def gguf(
    keys: tuple[bytes, ...] = (ARCHITECTURE,),
    tensors: tuple[bytes, ...] = (),
    data: bytes = b"",
    version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(keys)))) + b"".join(keys + tensors)
    return head + b"\0" * (-len(head) % 32) + data


def tensor(name: bytes = b"x", shape: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def test_the_metadata_comes_back_as_python_values(tmp_path: Path) -> None:
    keys = (
        ARCHITECTURE,
        text(b"a.list") + struct.pack("<IIQ", 9, 8, 2) + text(b"one") + text("zwö".encode()),
        text(b"a.numbers") + struct.pack("<IIQ3i", 9, 5, 3, 1, -2, 3),
        text(b"a.flag") + struct.pack("<I?", 7, True),
    )
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf(keys, (tensor(),), b"\0" * 128))
    assert check_gguf(path) == {
        "general.architecture": "llama",
        "a.list": ["one", "zwö"],
        "a.numbers": [1, -2, 3],
        "a.flag": True,
    }


HOSTILE = {
    "empty": (b"", "does not start as one"),
    "another kind of file": (b"PK\3\4" + b"\0" * 60, "does not start as one"),
    "big endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
    "too many keys": (gguf(counts=(0, 2**63)), "keys"),
    "too many tensors": (gguf(counts=(2**40, 1)), "tensors"),
    "cut header": (gguf()[:40], "ends inside"),
    "endless text": (gguf((text(b"k") + struct.pack("<IQ", 8, 2**62),)), "a text of"),
    "text past the end": (gguf((text(b"k") + struct.pack("<IQ", 8, 10**6),)), "ends inside"),
    "endless array": (gguf((text(b"k") + struct.pack("<IIQ", 9, 10, 2**61),)), "an array of"),
    "array past the end": (gguf((text(b"k") + struct.pack("<IIQ", 9, 10, 10**6),)), "ends inside"),
    "array of arrays": (gguf((text(b"k") + struct.pack("<IIQ", 9, 9, 1),)), "array of unknown kind 9"),
    "unknown kind": (gguf((text(b"k") + struct.pack("<I", 99),)), "unknown kind 99"),
    "a key twice": (gguf((ARCHITECTURE, ARCHITECTURE)), "twice"),
    "no architecture": (gguf(()), "no general.architecture"),
    "no dimensions": (gguf(tensors=(tensor(shape=()),)), "0 dimensions"),
    "too many dimensions": (gguf(tensors=(tensor(shape=(1,) * 9),)), "9 dimensions"),
    "endless shape": (gguf(tensors=(tensor(shape=(2**62, 2**62)),)), "truncated"),
    "empty shape": (gguf(tensors=(tensor(shape=(0,)),)), "shape"),
    "half a block": (gguf(tensors=(tensor(shape=(33,), kind=8),)), "shape"),
    "unknown type": (gguf(tensors=(tensor(kind=999),)), "unknown type 999"),
    "off alignment": (gguf(tensors=(tensor(offset=1),)), "alignment"),
    "a tensor twice": (gguf(tensors=(tensor(), tensor())), "twice"),
    "far offset": (gguf(tensors=(tensor(offset=2**62),)), "truncated"),
    "no weights": (gguf(tensors=(tensor(),)), "truncated, 128 of"),
    "strange alignment": (
        gguf((ARCHITECTURE, text(b"general.alignment") + struct.pack("<II", 4, 0))),
        "an alignment of 0",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_one_line_that_names_the_file(name: str, tmp_path: Path) -> None:
    data, says = HOSTILE[name]
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says) as caught:
        check_gguf(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        check_gguf(tmp_path / "x.gguf")


def test_every_truncation_of_a_real_file_is_noticed(tiny_base: Path, tmp_path: Path) -> None:
    from sql_llama.export.convert import convert
    from sql_llama.modelfiles.templates import family

    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    check_gguf(path)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 32, max(len(whole) // 200, 1)):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError):
            check_gguf(path)
