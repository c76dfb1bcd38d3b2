"""Look at this machine: what train, export and chat need, what helps, and the command that gets what is missing."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from ..core.errors import SqlLlamaError
from ..core.run import list_runs
from ..core.settings import settings
from ..engines.native import AMX, check_llamacpp, check_training_libraries
from ..models.package import FOLDER, PACKAGE, packaged_gguf, unpacked_whole

# What training and export import; the rest of the dependencies comes with them.
PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "trl",
    "accelerate",
    "datasets",
    "gguf",
    "llama-cpp-python",
)
# What llama.cpp and torch have fast paths for: x86 names first, then Arm's.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "i8mm", "sve", "bf16")
MEMORY_ENOUGH, MEMORY_LEAST = 4, 3  # GiB; the recipe laptop takes 2.2 to 4.6, as much as it finds
DISK_ENOUGH, DISK_LEAST = 4, 1  # GiB; one run of the recipe laptop and the unpacked base take about 1


@dataclass(frozen=True)
class Check:
    """One line: with `missing`, train, export or chat cannot work; `fix` is a command or a short hint."""

    name: str
    status: Literal["ok", "warning", "missing"]
    found: str
    fix: str = ""


def checkup() -> list[Check]:
    """Run all checks, in the order in which their subjects are needed.

    Torch and llama.cpp are tried in child processes, and imported where they live: 10 to 20 seconds.
    """
    training = check_training()
    return [
        check_python(),
        *(check_package(name) for name in PACKAGES),
        check_cpu(),
        training,
        check_gpu(torch_works=training.status == "ok"),
        check_memory(),
        check_disk("disk for runs", settings().runs),
        check_disk("disk for the cache", settings().cache),
        check_compiler(),
        check_cmake(),
        check_llama_cpp(),
        check_ollama(),
        check_base(),
        check_starter(),
        check_run(),
    ]


def check_python() -> Check:
    """Check the version of Python."""
    state = f"{platform.python_version()} ({sys.executable})"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("Python", "ok", state)
    return Check("Python", "missing", f"{state}; 3.11 to 3.13 is needed", "make setup PYTHON=python3.12 VENV=.venv312")


def check_package(name: str) -> Check:
    """Check that a package is installed, by its metadata: it is not imported."""
    try:
        return Check(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, "missing", "not installed", f"{sys.executable} -m pip install {name}")


def check_cpu() -> Check:
    """Count the cores, and look for the instructions that llama.cpp and torch have fast code for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        flags = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text(encoding="utf-8").lower()))
    except OSError:
        flags = {"asimd"} if platform.machine() == "arm64" else set()
    fast = [name for name in INSTRUCTIONS if name in flags]
    counted = "1 core" if cores == 1 else f"{cores} cores"
    state = f"{counted}, {platform.machine()}, {' '.join(fast) or 'no fast instructions known'}"
    if not {"avx2", "asimd"} & flags:
        return Check("CPU", "warning", f"{state}; answers will be slow", "use a machine with AVX2 or NEON")
    return Check("CPU", "ok", state)


def check_training() -> Check:
    """Try torch and bitsandbytes in a child process: a crash there must not end this process."""
    try:
        check_training_libraries(anew=True)
    except SqlLlamaError as error:
        return Check("training libraries", "missing", error.message, error.fix)
    return Check("training libraries", "ok", "torch and bitsandbytes compute on this machine")


def check_gpu(*, torch_works: bool) -> Check:
    """Check which GPU torch can use; where torch does not work, show what the driver lists."""
    listed = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if not torch_works:
        state = f"driver: {listed or 'none'}; not examined further, since the training libraries do not work"
        return Check("GPU", "warning", state, "fix the training libraries first")
    import torch

    from ..engines.huggingface import compute_dtype

    kind = str(compute_dtype()).removeprefix("torch.")
    if torch.cuda.is_available():
        gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        names = ", ".join(f"{gpu.name} ({gpu.total_memory / 2**30:.0f} GiB)" for gpu in gpus)
        return Check("GPU", "ok", f"{names}; training computes in {kind}")
    if listed:
        return Check(
            "GPU",
            "warning",
            f"{listed}, but torch {torch.__version__} cannot use it",
            "install a torch built for this driver's CUDA version",
        )
    return Check("GPU", "ok", f"none; the recipe laptop needs none and computes in {kind} on the CPU")


def check_memory() -> Check:
    """Check the free memory."""
    import psutil

    memory = psutil.virtual_memory()
    free, total = memory.available / 2**30, memory.total / 2**30
    state = f"{free:.1f} of {total:.1f} GiB free"
    if free >= MEMORY_ENOUGH:
        return Check("memory", "ok", state)
    status: Literal["warning", "missing"] = "warning" if free >= MEMORY_LEAST else "missing"
    return Check("memory", status, f"{state}; {MEMORY_ENOUGH} are recommended", "close other programs")


def check_disk(name: str, folder: Path) -> Check:
    """Check disk space, and the right to write, where a folder is or will be."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free / 2**30
    state = f"{free:.1f} GiB free in {folder}"
    variable = "SQL_LLAMA_RUNS" if name == "disk for runs" else "SQL_LLAMA_CACHE"
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        return Check(name, "missing", f"{folder} cannot be written", f"export {variable}=FOLDER, one that you own")
    if free >= DISK_ENOUGH:
        return Check(name, "ok", state)
    status: Literal["warning", "missing"] = "warning" if free >= DISK_LEAST else "missing"
    fix = f"free some space, or export {variable}=FOLDER on a larger disk"
    return Check(name, status, f"{state}; {DISK_ENOUGH} are recommended", fix)


def check_compiler() -> Check:
    """Look for a C++ compiler; only building llama-cpp-python needs it, so none is a warning."""
    compiler = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), "")
    if compiler:
        return Check("C++ compiler", "ok", _first_line(_output(compiler, "--version")) or compiler)
    fix = (
        "xcode-select --install"
        if sys.platform == "darwin"
        else "sudo apt-get install g++ (Fedora: sudo dnf install gcc-c++)"
    )
    return Check("C++ compiler", "warning", "none; needed to build llama-cpp-python", fix)


def check_cmake() -> Check:
    """Look for cmake in the virtual environment or on the path; only building llama-cpp-python needs it."""
    path = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if path:
        return Check("cmake", "ok", _first_line(_output(path, "--version")) or path)
    return Check(
        "cmake", "warning", "none; needed to build llama-cpp-python", f"{sys.executable} -m pip install cmake ninja"
    )


def check_llama_cpp() -> Check:
    """Let a child process decode a token before the library is loaded here, where a crash would end this process."""
    try:
        check_llamacpp(anew=True)
    except SqlLlamaError as error:
        return Check("llama.cpp", "missing", error.message, error.fix)
    import llama_cpp

    features = llama_cpp.llama_print_system_info().decode(errors="replace")
    used = " ".join(re.findall(r"(\w+) = 1\b", features))
    gpu = "with GPU" if llama_cpp.llama_supports_gpu_offload() else "CPU only"
    state = f"{llama_cpp.__version__}, {gpu}, decodes: {used}"
    if AMX in features:
        fix = "rm .venv/.ready, then: make setup"
        return Check("llama.cpp", "warning", f"{state}; slower, since its AMX code may crash and is not used", fix)
    return Check("llama.cpp", "ok", state)


def check_ollama() -> Check:
    """Check whether an Ollama server answers."""
    from ..engines.ollama import server_version

    host = settings().ollama_host
    version = server_version(host)
    if version:
        return Check("Ollama", "ok", f"server {version}")
    where = host or os.environ.get("OLLAMA_HOST") or "its default address"
    if shutil.which("ollama"):
        return Check("Ollama", "warning", f"installed, but no server answers at {where}", "ollama serve")
    return Check("Ollama", "warning", f"no server answers at {where}", "install Ollama, then: ollama serve")


def check_base() -> Check:
    """Look for the base model of the recipe laptop: unpacked, or in its Python package."""
    folder = settings().cache / "base" / FOLDER
    if unpacked_whole(folder):
        return Check("base model", "ok", f"unpacked in {folder}")
    try:
        packaged_gguf()
    except SqlLlamaError as error:
        return Check("base model", "missing", error.message, error.fix)
    return Check("base model", "ok", f"packed in {PACKAGE}; the first training unpacks it in seconds")


def check_starter() -> Check:
    """Look for the adapter that comes with sql-llama."""
    from ..train.start import starter

    try:
        return Check("starter adapter", "ok", str(starter()))
    except SqlLlamaError as error:
        return Check("starter adapter", "warning", error.message, "sql-llama train laptop --set train.start=base")


def check_run() -> Check:
    """Find the newest run and its next step."""
    runs = list_runs()
    if not runs:
        return Check("latest run", "warning", f"none in {settings().runs}", "sql-llama train laptop")
    run = runs[-1]
    stages = ", ".join(run.manifest()["stages"]) or "nothing finished"
    if not list(run.gguf.glob("*.gguf")):
        todo = "export" if run.adapter.is_dir() else "train"
        fix = (
            f"sql-llama export {run.path}"
            if todo == "export"
            else f"sql-llama train {run.recipe_path} --run {run.path}"
        )
        return Check("latest run", "warning", f"{run.path} ({stages}); not exported", fix)
    return Check("latest run", "ok", f"{run.path} ({stages})")


def _output(*command: str) -> str:
    """What a command prints, on one line; empty when it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(done.stdout.strip().splitlines())


def _first_line(output: str) -> str:
    return re.split(r"[\n;]", output.strip())[0]
