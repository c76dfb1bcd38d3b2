"""A model folder's tensors are found by their headers; cut, foreign and hostile files end in one clear line."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from sql_llama.core.errors import DataError
from sql_llama.models.weight_files import tensors_in, weight_files


@pytest.fixture
def base(tiny_base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_base, tmp_path / "base"))


def shard(base: Path, *files: str) -> dict[str, str]:
    """Spread the weights over files, with an index; returns its weight_map."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(base / "model.safetensors")
    (base / "model.safetensors").unlink()
    weight_map = {name: files[i % len(files)] for i, name in enumerate(sorted(tensors))}
    for file in files:
        save_file({name: tensors[name] for name in tensors if weight_map[name] == file}, base / file)
    write_index(base, weight_map)
    return weight_map


def write_index(base: Path, weight_map: Any) -> None:
    (base / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_one_model(base: Path, tiny_base: Path) -> None:
    import torch

    shard(base, "a.safetensors", "b.safetensors")
    ours, theirs = weight_files(base), weight_files(tiny_base)
    assert list(ours) == list(theirs)
    for name, stored in ours.items():
        assert torch.equal(stored.whole(), theirs[name].whole())


def test_any_part_of_a_tensor_is_read_in_float32(base: Path) -> None:
    import torch
    from safetensors.torch import load_file

    stored = weight_files(base)["model.embed_tokens.weight"]
    weights = load_file(base / "model.safetensors")["model.embed_tokens.weight"].float()
    assert stored.rows(3, 7).dtype == torch.float32
    assert torch.equal(stored.rows(3, 7), weights[3:7])
    assert torch.equal(stored.columns(3, 7), weights[:, 3:7])
    assert torch.equal(stored.whole(), weights)


def test_what_is_read_is_a_copy_even_of_float32_weights(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"x": torch.ones(4, 4), "scalar": torch.tensor(2.0)}, tmp_path / "model.safetensors")
    stored = weight_files(tmp_path)
    stored["x"].rows(0, 2).zero_()
    assert torch.equal(stored["x"].whole(), torch.ones(4, 4))
    assert float(stored["scalar"].rows(0, 1)) == float(stored["scalar"].whole()) == 2.0


def test_layers_come_by_number(tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from torch import zeros

    save_file({f"layers.{i}.w": zeros(1) for i in (10, 9, 0)} | {"norm": zeros(1)}, tmp_path / "model.safetensors")
    assert list(weight_files(tmp_path)) == ["layers.0.w", "layers.9.w", "layers.10.w", "norm"]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float8_e4m3fn"])
def test_packed_weights_are_refused(dtype: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    weights = {"layer.weight": torch.zeros(4, 4).to(getattr(torch, dtype))}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=r"model\.safetensors: layer\.weight is packed"):
        weight_files(tmp_path)


def test_an_index_is_held_to_its_word(base: Path) -> None:
    weight_map = shard(base, "a.safetensors", "b.safetensors")
    write_index(base, {**weight_map, "of.nobody": "a.safetensors"})
    with pytest.raises(DataError, match=r"a\.safetensors: has no of\.nobody"):
        weight_files(base)
    write_index(base, {**weight_map, "of.nobody": "c.safetensors"})
    with pytest.raises(DataError, match=r"no c\.safetensors"):
        weight_files(base)
    for hostile in ("../base/a.safetensors", str(base / "a.safetensors"), ""):
        write_index(base, {**weight_map, "of.nobody": hostile})
        with pytest.raises(DataError, match="names a file outside its folder"):
            weight_files(base)
    for nonsense in (None, [], {"x": 3}):
        write_index(base, nonsense)
        with pytest.raises(DataError, match="has no weight_map"):
            weight_files(base)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no model\.safetensors"):
        weight_files(tmp_path)


@pytest.mark.parametrize("part", [0, 4, 8, 100, -1, -1000])
def test_a_file_that_is_cut_is_broken(part: int, base: Path) -> None:
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(DataError, match=r"model\.safetensors: broken"):
        weight_files(base)


def with_header(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> None:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)


def entry(**changes: Any) -> bytes:
    return json.dumps({"x": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changes}}).encode()


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (entry(), 2**63),
        (entry(), 2**40),
        (entry(), 10),
        (b"{}" * 3, None),
        (b"[1, 2]", None),
        (b"\xff\xfe\x00", None),
        (b"", None),
        (entry(data_offsets=[0, 32]), None),
        (entry(data_offsets=[0, 2**62]), None),
        (entry(data_offsets=[16, 0]), None),
        (entry(data_offsets=[-16, 0]), None),
        (entry(data_offsets=[8, 24]), None),
        (entry(shape=[2**40, 2**40]), None),
        (entry(shape=[-2, -2]), None),
        (entry(shape="2"), None),
        (entry(dtype="BF16"), None),
        (entry(dtype="NONE"), None),
    ],
)
def test_a_hostile_header_is_broken(header: bytes, length: int | None, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with_header(path, header, b"\0" * 16, length)
    with pytest.raises(DataError, match=r"model\.safetensors: broken"):
        weight_files(tmp_path)


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(DataError, match=r"model\.safetensors"):
        weight_files(tmp_path)


@settings(max_examples=200, deadline=None)
@given(
    at=strategies.integers(0, 400),
    byte=strategies.integers(0, 255),
    cut=strategies.integers(0, 600) | strategies.none(),
)
def test_no_spoilt_byte_ends_in_anything_but_a_data_error(
    at: int, byte: int, cut: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import torch
    from safetensors.torch import save

    folder = tmp_path_factory.mktemp("spoilt")
    spoilt = bytearray(save({"a.weight": torch.ones(3, 4), "b.weight": torch.ones(5, dtype=torch.float16)}))
    spoilt[at % len(spoilt)] = byte
    (folder / "x.safetensors").write_bytes(spoilt[:cut])
    try:
        for stored in tensors_in(folder / "x.safetensors", fix="get it again").values():
            stored.whole()
    except DataError as error:
        assert "x.safetensors" in str(error)


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    for name in ("model.safetensors", "adapter_model.safetensors"):
        (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
        with pytest.raises(DataError, match=rf"{name}: a pointer of Git LFS") as caught:
            tensors_in(tmp_path / name, fix="get it again")
        assert caught.value.fix.startswith("git lfs pull")
