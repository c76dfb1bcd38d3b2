"""A header that cannot be true is told in one line, before llama.cpp trusts it."""

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf, read_gguf

from ..work import at_most_calls


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
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    check_gguf(path)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 32, max(len(whole) // 200, 1)):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError):
            check_gguf(path)


# --- any bytes at all


LIMIT = 96 * 2**20  # bytes that reading a hostile header may take


def read(path: Path) -> None:
    """Read a file that may be anything: it is a header, or it is one line."""
    try:
        read_gguf(path)
    except DataError as error:
        assert error.message.startswith(f"{path}: ")
        assert "\n" not in error.message and len(error.message) < len(str(path)) + 300


def rough(data: bytes, folder: Path) -> None:
    """Like `read`, and without much memory."""
    path = folder / "rough.gguf"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        read(path)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()


numbers = st.sampled_from([0, 1, 2, 7, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**61, 2**63, 2**64 - 1])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_are_told(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    rough(b"GGUF\3\0\0\0" + data, tmp_path_factory.mktemp("any"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_real_header_with_changed_bytes_is_told(real_header: Path, data: st.DataObject) -> None:
    """Single bytes, and numbers of 4 and 8 bytes at their likely places, so that counts and lengths become absurd."""
    whole = bytearray(real_header.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(whole) - 9))
        size = data.draw(st.sampled_from([1, 4, 8]))
        value = data.draw(numbers | st.integers(0, 2**64 - 1)) % 256**size
        whole[at : at + size] = value.to_bytes(size, "little")
    rough(bytes(whole), real_header.parent)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_number_in_the_header_may_be_any(real_header: Path, data: st.DataObject) -> None:
    """The counts of tensors and keys, the first lengths and kinds: where a wrong number does the most harm."""
    whole = bytearray(real_header.read_bytes())
    at = data.draw(st.sampled_from([4, 8, 16, 24, 24 + 8 + 20]))
    whole[at : at + 8] = data.draw(numbers).to_bytes(8, "little")
    rough(bytes(whole), real_header.parent)


@pytest.fixture(scope="module")
def real_header(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The header of a real file, cut where its weights begin."""
    path = convert(tiny_base, tmp_path_factory.mktemp("header") / "x.gguf", family("chatml"))
    first = min(tensor.offset for tensor in read_gguf(path).tensors)
    path.write_bytes(path.read_bytes()[:first])
    return path


def test_every_truncation_of_a_header_is_told(real_header: Path) -> None:
    whole = real_header.read_bytes()
    path = real_header.with_name("cut.gguf")
    for cut in range(0, len(whole), 23):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError):
            read_gguf(path)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        # as many as may be: lists of short texts, of numbers; one more; and so many that only all together are too many
        (struct.pack("<IIQ", 9, 8, 300_000) + bytes(8 * 300_000), ""),
        (struct.pack("<IIQ", 9, 8, 100_000) + (struct.pack("<Q", 2) + b"ab") * 100_000, ""),
        (struct.pack("<IIQ", 9, 0, 4_000_000) + bytes(4_000_000), ""),
        (struct.pack("<IIQ", 9, 0, 4_000_001) + bytes(4_000_001), "an array of 4000001 items"),
    ],
)
def test_a_long_list_takes_no_more_than_it_must(value: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf((ARCHITECTURE, text(b"a.list") + value)))
    with at_most_calls(5_000_000):
        read(path)
    rough(path.read_bytes(), tmp_path)
    if says:
        with pytest.raises(DataError, match=says):
            read_gguf(path)
    else:
        assert len(read_gguf(path).metadata["a.list"]) >= 100_000


def test_lists_are_counted_together(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    lists = [text(f"a.{n}".encode()) + struct.pack("<IIQ", 9, 0, 10**6) + bytes(10**6) for n in range(5)]
    path.write_bytes(gguf((ARCHITECTURE, *lists)))
    with pytest.raises(DataError, match="an array of 1000000 items"):
        read_gguf(path)


def test_an_endless_header_ends(tmp_path: Path) -> None:
    """A sparse file of zeros, 3 GB, whose keys and texts go on and on."""
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 9000) + text(b"k") + struct.pack("<IQ", 8, 2**27 - 2**10))
    with path.open("r+b") as file:
        file.truncate(3 * 2**30)
    tracemalloc.start()
    try:
        read(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**27
    finally:
        tracemalloc.stop()


TOKENS = text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"b")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ((text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ2I", 9, 4, 2, 1, 2),), "tokens is no list of str"),
        ((text(b"tokenizer.ggml.merges") + struct.pack("<IIQ2I", 9, 4, 2, 1, 2),), "merges is no list of str"),
        (
            (TOKENS, text(b"tokenizer.ggml.scores") + struct.pack("<IIQf", 9, 6, 1, 0.5)),
            "1 tokenizer.ggml.scores for 2",
        ),
        ((TOKENS, text(b"tokenizer.ggml.scores") + struct.pack("<IIQ2I", 9, 4, 2, 1, 1)), "scores is no list of float"),
        (
            (TOKENS, text(b"tokenizer.ggml.token_type") + struct.pack("<IIQi", 9, 5, 1, 1)),
            "1 tokenizer.ggml.token_type",
        ),
        ((text(b"tokenizer.chat_template") + struct.pack("<II", 4, 1),), "chat_template is no text"),
    ],
)
def test_lists_that_llama_cpp_would_end_over_are_refused(keys: tuple[bytes, ...], says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf((ARCHITECTURE, *keys)))
    with pytest.raises(DataError, match=says):
        read_gguf(path)


def test_tensors_come_back_with_where_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    tensors = (tensor(b"a", (32, 2), 8), tensor(b"b", (3,), 0, 96))
    path.write_bytes(gguf(tensors=tensors, data=bytes(128)))
    first, second = read_gguf(path).tensors
    assert (first.name, first.shape, first.kind, first.bytes) == ("a", (32, 2), "Q8_0", 68)
    assert (second.name, second.shape, second.kind, second.bytes) == ("b", (3,), "F32", 12)
    assert second.offset - first.offset == 96 and first.offset % 32 == 0
