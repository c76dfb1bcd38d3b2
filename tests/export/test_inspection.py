"""`inspect` says what any GGUF file is, and of a broken one what is wrong, in one line."""

import json
import struct
from pathlib import Path

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import DataError
from sql_llama.export.convert.convert import convert
from sql_llama.export.convert.quantize import quantize
from sql_llama.export.inspection import inspection, render_inspection
from sql_llama.modelfiles.templates import family


@pytest.fixture(scope="module")
def file(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    whole = convert(tiny_base, folder / "F16.gguf", family("chatml"), name="tiny", license="MIT")
    return quantize(whole, folder / "tiny.gguf", "Q8_0")


def test_the_tensors_are_summed_by_type(file: Path) -> None:
    found = inspection(file)
    assert [item.kind for item in found.types] == ["Q8_0", "F32"]
    assert sum(item.tensors for item in found.types) == len(found.tensors) == 20
    assert sum(item.bytes for item in found.types) < found.bytes == file.stat().st_size
    layer = 64 * 64 * 2 + 32 * 64 * 2 + 3 * 64 * 128 + 2 * 64
    assert found.values == 2 * layer + 64 + 64 * int(found.tokenizer["tokens"].split()[0])
    assert found.context == 2048


def test_people_read_what_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["inspect", str(file)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{file}: 0 MiB, ")
    assert ", context 2048\nprovenance:\n  general.license  MIT\n" in said
    assert "\n  general.architecture" in said and "\n  Q8_0  15 tensors, " in said
    assert "eos_token_id" in said and " <|im_end|>\n" in said
    assert said.endswith("template:\n" + "".join(f"  {line}\n" for line in family("chatml").jinja.splitlines()))
    assert "blk.0.attn_q.weight" not in said
    assert sql_llama(["inspect", str(file), "--tensors"]) == 0
    assert "blk.0.attn_q.weight" in capsys.readouterr().out


def test_programs_read_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["inspect", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["file"], said["context"], said["bytes"]) == (str(file), 2048, file.stat().st_size)
    assert said["metadata"]["general.name"] == "tiny"
    assert said["template"] == family("chatml").jinja
    assert "tensors" not in said
    assert sql_llama(["inspect", str(file), "--json", "--tensors"]) == 0
    tensors = json.loads(capsys.readouterr().out)["tensors"]
    first = next(tensor for tensor in tensors if tensor["name"] == "blk.1.attn_k.weight")
    assert (first["kind"], first["shape"], first["bytes"]) == ("Q8_0", [64, 32], 64 * 32 // 32 * 34)


def test_any_gguf_will_do_and_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    key, value = b"bad\x1b[2Jkey", b"a\nb\x1b[31m"
    number = struct.pack("<Q", 1) + b"n" + struct.pack("<If", 6, float("nan"))
    pair = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + pair + number + bytes(64))
    said = render_inspection(inspection(path))
    assert "\x1b" not in said
    assert r"bad\x1b[2Jkey  a\nb\x1b[31m" in said
    assert "provenance:\n  none" in said and said.endswith("template:\n  none\n")
    json.loads(json.dumps(inspection(path).as_json(), allow_nan=False))


def test_a_broken_file_is_one_line(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="truncated"):
        inspection(path)
    assert sql_llama(["inspect", str(path)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2 and error[0].startswith(f"Error: {path}: not a usable GGUF file: truncated")
    assert sql_llama(["inspect", str(tmp_path / "no.gguf")]) == 1
    assert "no.gguf: no such file" in capsys.readouterr().err
    assert sql_llama(["inspect"]) == 1
    assert "no run has been exported yet" in capsys.readouterr().err
