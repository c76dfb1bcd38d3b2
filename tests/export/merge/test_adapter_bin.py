"""An adapter saved as adapter_model.bin is what the same one in safetensors is, and its file can run nothing."""

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.run import Run
from sql_llama.export.export import export_adapter
from sql_llama.export.merge.adapter_bin import in_safetensors
from sql_llama.export.plan import Options
from sql_llama.export.verify import verify_run


@pytest.fixture
def in_bin(tiny_adapter: Path, tmp_path: Path) -> Path:
    """The tiny adapter with its weights in a .bin alone."""
    import torch
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(tiny_adapter, tmp_path / "in-bin"))
    weights = folder / "adapter_model.safetensors"
    torch.save(load_file(weights), folder / "adapter_model.bin")
    weights.unlink()
    return folder


def test_it_is_exported_as_the_same_file_and_can_be_verified(
    in_bin: Path, tiny_adapter: Path, tiny_stopping_base: Path, tmp_path: Path
) -> None:
    options = Options(quants=["Q8_0"], verify=False, importance=False)
    for _ in range(2):  # the second time all is there
        one = export_adapter(tiny_stopping_base, in_bin, tmp_path / "one", options, merge_base="base")
    other = export_adapter(tiny_stopping_base, tiny_adapter, tmp_path / "other", options, merge_base="base")
    sizes = [found.gguf[0].stat().st_size for found in (one, other)]
    assert one.gguf[0].read_bytes()[-sizes[0] // 2 :] == other.gguf[0].read_bytes()[-sizes[1] // 2 :]
    shutil.rmtree(in_bin)
    verdicts = {check.name: check.verdict for check in verify_run(Run(tmp_path / "one").path).checks}
    assert (verdicts["provenance"], verdicts["divergence"], verdicts["files"]) == ("pass", "pass", "pass")


def test_one_in_safetensors_is_taken_as_it_is(tiny_adapter: Path, in_bin: Path) -> None:
    with in_safetensors(tiny_adapter) as folder:
        assert folder == tiny_adapter
    shutil.copy(tiny_adapter / "adapter_model.safetensors", in_bin)  # beside the .bin
    with in_safetensors(in_bin) as folder:
        assert folder == in_bin


class Program:
    def __reduce__(self) -> Any:
        return print, ("this runs when the file is read",)


def test_a_file_that_would_run_something_is_refused_and_named(in_bin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    path = in_bin / "adapter_model.bin"
    said = r"in-bin/adapter_model\.bin: holds code, not only tensors$"
    for save in (lambda value: path.write_bytes(pickle.dumps(value)), lambda value: torch.save(value, path)):
        save({"weights": Program()})
        with pytest.raises(DataError) as caught, in_safetensors(in_bin):
            pass
        assert re.search(said, caught.value.message) and "weights_only" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"a": {"b": None}}])
def test_other_things_than_tensors_are_refused(content: Any, in_bin: Path) -> None:
    import torch

    torch.save(content, in_bin / "adapter_model.bin")
    with pytest.raises(DataError, match="holds more than named tensors"), in_safetensors(in_bin):
        pass


def test_an_error_in_the_block_speaks_of_the_users_file(in_bin: Path, tiny_base: Path, tmp_path: Path) -> None:
    config = json.loads((in_bin / "adapter_config.json").read_text())
    (in_bin / "adapter_config.json").write_text(json.dumps({**config, "r": 8}))
    with pytest.raises(DataError, match=r"in-bin/adapter_model\.bin: .* has rank 4"):
        export_adapter(tiny_base, in_bin, tmp_path / "out", Options(verify=False, adapter_gguf=True), merge_base="base")


@pytest.mark.parametrize(("kind", "said"), [("sparse", "a is sparse"), ("meta", "a is without values")])
def test_tensors_that_are_not_plain_are_refused(kind: str, said: str, in_bin: Path) -> None:
    import torch

    tensor = torch.eye(3).to_sparse() if kind == "sparse" else torch.empty(3, device="meta")
    torch.save({"a": tensor}, in_bin / "adapter_model.bin")
    with pytest.raises(DataError, match=said), in_safetensors(in_bin):
        pass


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"version https://git-lfs.github.com/spec/v1\noid", "pointer of Git LFS"), (b"<html>", "broken")],
)
def test_what_stands_in_the_place_of_the_file_is_named(content: bytes, said: str, in_bin: Path) -> None:
    (in_bin / "adapter_model.bin").write_bytes(content)
    with pytest.raises(DataError, match=said) as caught, in_safetensors(in_bin):
        pass
    assert ("git lfs pull" in caught.value.fix) == ("LFS" in said)
