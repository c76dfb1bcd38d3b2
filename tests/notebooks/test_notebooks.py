"""The notebooks, run as a person runs them: every cell, in a fresh environment, on the tiny recipe.

The fresh environment sees the packages of this one, as Colab and Kaggle have theirs, and installs sql-llama's wheel.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("colab", "kaggle")


def read(name: str) -> Any:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def sources(name: str) -> list[str]:
    return [cell.source for cell in read(name).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_whole_and_has_no_output(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
        assert len(cell.source.splitlines()) <= 25
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            assert notebook.cells[place - 1].cell_type == "markdown", "each cell is explained above it"


def test_both_notebooks_install_export_and_ask_alike() -> None:
    colab, kaggle = sources("colab"), sources("kaggle")
    assert [colab[place] == kaggle[place] for place in range(len(colab))] == [
        False,
        False,
        True,
        False,
        True,
        True,
        False,
    ]


def test_the_choices_of_the_form_are_recipes() -> None:
    from sql_llama.core.read_recipe import recipe_names

    choices = re.search(r"RECIPE = .*@param (\[.*\])", sources("colab")[0])
    assert choices is not None and set(json.loads(choices[1])) <= set(recipe_names())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what git tracks; building leaves nothing in the checkout."""
    tree = tmp_path_factory.mktemp("wheel") / "tree"
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "typings/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    code = f"from setuptools import build_meta as b; b.build_wheel({str(tree.parent)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tree, capture_output=True, check=True)
    (built,) = tree.parent.glob("*.whl")
    return built


@pytest.fixture
def recipe_file(tiny_stopping_base: Path, tmp_path: Path) -> Path:
    """Six steps over 24 small pairs and a tiny base whose answers end."""
    pairs = [
        {
            "question": f"How many rows of t{number % 12} have an age above {number}?",
            "schema": f"CREATE TABLE t{number % 12} (name TEXT, age INT)",
            "sql": f"SELECT count(*) FROM t{number % 12} WHERE age > {number}",
        }
        for number in range(24)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"""
name = "tiny"
[base]
model = "{tiny_stopping_base}"
[data]
jsonl = ["{tmp_path / "pairs.jsonl"}"]
[lora]
r = 4
[train]
quantization = "none"
epochs = 10
max_steps = 6
batch = 4
[export]
quants = ["Q8_0"]
"""
    )
    return path


class Fresh:
    """A fresh environment with a kernel, in which notebooks run."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv")  # pip too is one of the packages that are there
        python = folder / "venv" / "bin" / "python"
        (site,) = (folder / "venv" / "lib").glob("python3*/site-packages")
        (site / "as-colab-has-them.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        spec = folder / "kernels" / "fresh"
        spec.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        # neither pip nor the tool asks the network: what is needed is there
        env = {"HOME": str(home), "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "HF_HUB_OFFLINE": "1"}
        env |= {"SQL_LLAMA_CACHE": str(folder / "cache"), "HF_TOKEN": "hf_secret", "PYTHONPATH": ""}
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "fresh", "env": env}))

    def run(self, notebook: Any, work: Path) -> tuple[int, str]:
        """Run every cell in order. Returns RAN, DIED or another code, and all that was shown."""
        path = self.folder / "notebook.ipynb"
        nbformat.write(notebook, path)
        command = [sys.executable, "-c", RUNNER, str(path), str(self.folder / "kernels"), str(work)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, shown(nbformat.read(path, as_version=4)) + done.stderr


RAN, DIED = 0, 3
# in a process of its own, since the sockets of a kernel that dies are closed by nobody
RUNNER = """
import sys, nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
path, kernels, work = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
kernel = AsyncKernelManager(kernel_name="fresh", kernel_spec_manager=KernelSpecManager(kernel_dirs=[kernels]))
try:
    NotebookClient(notebook, km=kernel, timeout=300, resources={"metadata": {"path": work}}).execute()
except DeadKernelError:
    sys.exit(3)
finally:
    nbformat.write(notebook, path)
"""


def shown(notebook: Any) -> str:
    told = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            kinds = ("text/markdown", "text/html", "text/plain")
            told += [output.get("text", ""), *(data[kind] for kind in kinds if kind in data)]
    return "".join(told)


def with_parameters(name: str, wheel: Path, recipe: Path, *settings: str) -> Any:
    """The notebook with other values below its parameters, as papermill does it."""
    notebook = read(name)
    (place,) = [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    values = {"RECIPE": str(recipe), "SOURCE": ["--force-reinstall", str(wheel)], "SETTINGS": " ".join(settings)}
    lines = [f"{key} = {value!r}" for key, value in (values | {"EXPORT": "--no-gate"}).items()]
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    return notebook


DIES = """
import os, signal
from sql_llama.train import trainer
mark = trainer.mark_complete
def die(checkpoint):
    mark(checkpoint)
    if checkpoint.name == "checkpoint-4":
        os.kill(os.getpid(), signal.SIGKILL)
trainer.mark_complete = die
"""


@pytest.mark.timeout(600)
def test_a_notebook_trains_certifies_and_asks_and_goes_on_after_a_lost_machine(
    wheel: Path, tmp_path: Path, temporary_home: Path, recipe_file: Path
) -> None:
    """The machine of the first is lost after the fourth step; then all cells run again. Then the other, once."""
    fresh = Fresh(tmp_path / "fresh", temporary_home)
    lost = with_parameters("colab", wheel, recipe_file, "train.save_steps=2")
    (train,) = [at for at, cell in enumerate(lost.cells) if "sql_llama(arguments)" in cell.source]
    lost.cells.insert(train, nbformat.v4.new_code_cell(DIES))
    assert fresh.run(lost, tmp_path)[0] == DIED
    run = tmp_path / "runs" / "tiny"
    assert [path.name for path in (run / "checkpoints").glob("checkpoint-4")] == ["checkpoint-4"]

    for name in NAMES:
        ended, out = fresh.run(with_parameters(name, wheel, recipe_file, "train.save_steps=2"), tmp_path)
        assert ended == RAN, out[-4000:]
        facts = json.loads((run / "manifest.json").read_text())["stages"]["train"]
        if name == "colab":
            assert facts["tokens_per_second"] is None, "it went on from the checkpoint"
            assert "<progress value=6 max=6></progress> training tiny: 6/6, " in out, "a live bar"
        (file,) = (run / "gguf").glob("*.gguf")
        assert f"# Certificate of {file.name}: pass" in out
        assert "refused: no query" in out, "the tiny model ends its answer at once"
        assert "hf_secret" not in out and "Traceback" not in out
        shutil.rmtree(run)
