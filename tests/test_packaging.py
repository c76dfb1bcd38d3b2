"""One folder is one room, the lists that name them do not drift apart, and users get the rooms and nothing else."""

import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import sql_llama

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
PACKAGES = sorted(
    path.parent.relative_to(ROOT).as_posix().replace("/", ".")
    for room in ROOMS
    for path in (ROOT / room).rglob("__init__.py")
)
MODULES = sorted(
    module.name
    for package in PACKAGES
    for module in pkgutil.iter_modules([str(ROOT / package.replace(".", "/"))], prefix=f"sql_llama.{package}.")
    if not module.name.endswith("__main__")
)
HEAVY = {
    "torch",
    "transformers",
    "llama_cpp",
    "datasets",
    "sqlglot",
    "sqlalchemy",
    "peft",
    "trl",
    "pandas",
    "matplotlib",
}
# imported only where training begins: these have subclasses of a trainer's parts
SHORTCUTS = ("fused_lora", "check_gradients", "save_in_time")
WHILE_TRAINING = {
    f"sql_llama.train.{name}" for name in ("trainer", "callbacks", "watch", "finite", "shards", "calibrate", *SHORTCUTS)
}


def test_every_room_is_packaged() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert listed == ["sql_llama", *(f"sql_llama.{package}" for package in PACKAGES)]


def test_every_room_has_its_link_for_type_checkers() -> None:
    links = {path.name: path.readlink().as_posix() for path in (ROOT / "typings" / "sql_llama").iterdir()}
    assert links == {name: f"../../{name}" for name in [*ROOMS, "__init__.py", "_version.py", "py.typed"]}


def test_every_room_has_its_layer() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert sorted(room.strip().removeprefix("sql_llama.") for line in layers for room in line.split("|")) == ROOMS


def test_a_room_imports_only_from_rooms_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_rooms_hide_no_library() -> None:
    assert not {"datasets", "gguf", "evaluate"} & set(ROOMS)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_in_one_sentence_what_comes_in_and_what_goes_out(package: str) -> None:
    said = importlib.import_module(f"sql_llama.{package}").__doc__ or ""
    assert " in, " in said and re.search(r"\bout\b", said) and "\n" not in said


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, so that building leaves nothing in the checkout and takes nothing from it."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    copy = tmp_path_factory.mktemp("tree") / "sql-llama"
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def build(tree: Path, kind: str, folder: Path) -> Path:
    code = f"from setuptools import build_meta as b; print(b.build_{kind}({str(folder)!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder / result.stdout.splitlines()[-1]


def test_the_wheel_holds_the_rooms_and_their_data_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tree, "wheel", tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = {"__init__.py", "_version.py", "py.typed"}
    for room in ROOMS:
        files |= {path.relative_to(tree).as_posix() for path in (tree / room).rglob("*") if path.is_file()}
    assert names == {f"sql_llama/{name}" for name in files}


def test_the_sdist_builds_the_same_wheel(tree: Path, tmp_path: Path) -> None:
    sdist = build(tree, "sdist", tmp_path)
    shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again, direct = build(unpacked, "wheel", tmp_path / "unpacked"), build(tree, "wheel", tmp_path)
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(direct) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


def test_no_module_loads_heavy_libraries_when_it_is_imported() -> None:
    light = [name for name in MODULES if name not in WHILE_TRAINING]
    code = f"import importlib, sys; [importlib.import_module(m) for m in {light!r}]; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert result.returncode == 0, result.stderr
    assert not HEAVY & set(result.stdout.split())


def test_pins_cover_the_dependencies_and_name_no_index() -> None:
    for names, file in (
        (PROJECT["project"]["dependencies"], "constraints.txt"),
        (PROJECT["project"]["optional-dependencies"]["dev"], ".ci/constraints-dev.txt"),
        (PROJECT["build-system"]["requires"], ".ci/constraints-build.txt"),
    ):
        text = (ROOT / file).read_text(encoding="utf-8")
        pinned = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
        assert {name.partition(">=")[0].partition("[")[0] for name in names} <= pinned
        assert "://" not in text
        assert "index" not in text.replace("--hash", "")


def test_the_version_is_said_once() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert sql_llama.__version__.count(".") == 2
