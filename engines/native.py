"""Try llama.cpp, and the libraries of training, in a child process: if one of them dies, only the child dies.

Code that was compiled for one processor dies on another with SIGILL, and compilers have faults that only some
processors meet (gcc's AMX code: ggml-org/llama.cpp#20824). A success is noted in the cache folder, and counts until the
processor's flags, the library's files or its version change. A failure is never noted.

Not covered: a library that gives wrong numbers.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ..core.errors import SqlLlamaError
from ..core.files import write_text
from ..core.settings import settings

PATIENCE = 300  # seconds; the trials take about two
AMX = "AMX_INT8 = 1"  # in llama.cpp's own description: code for AMX was compiled in
MODULES = {"llama.cpp": ("llama_cpp",), "training": ("torch", "bitsandbytes")}  # what each trial loads
DISTRIBUTIONS = {"llama_cpp": "llama-cpp-python"}  # where the names differ
DEADLY = {
    "SIGILL",
    "SIGSEGV",
    "SIGBUS",
    "SIGFPE",
    "SIGABRT",
    "SIGTRAP",
}  # other signals come from outside, for example when memory is used up
_tried: set[Path] = set()  # for where the cache folder cannot be written


class NativeCrash(SqlLlamaError):
    """A native library that ends its process."""


def check_llamacpp(*, anew: bool = False) -> None:
    """Decode a token with llama.cpp in a child process, unless that is known to work here.

    Raises NativeCrash when it dies. A plain failure is no error here: it would raise in this process too. With `anew`
    it is tried in any case, and a plain failure raises SqlLlamaError.
    """
    pip = "-m pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"
    _check(
        "llama.cpp",
        "llama.cpp",
        "make setup PORTABLE=1; without make: CMAKE_ARGS=-DGGML_NATIVE=OFF "
        f"{sys.executable} {pip} llama-cpp-python{_pin('llama_cpp')}",
        anew,
    )


def check_training_libraries(*, anew: bool = False) -> None:
    """Multiply and round to NF4 with torch and bitsandbytes in a child process; for the rest see `check_llamacpp`."""
    packages = " ".join(name + _pin(name) for name in MODULES["training"])
    fix = f"{sys.executable} -m pip install --force-reinstall --no-deps {packages}, or use another machine"
    _check("training", "torch or bitsandbytes", fix, anew)


def _check(trial: str, name: str, fix: str, anew: bool) -> None:
    kept = settings().cache / "native" / f"{trial}-{fingerprint(MODULES[trial])}"
    if not anew and (kept in _tried or kept.exists()):
        return
    try:
        run_trial([sys.executable, "-P", "-m", "sql_llama.engines.trial", trial])
    except SqlLlamaError as error:
        _tried.discard(kept)
        with contextlib.suppress(OSError):
            kept.unlink()
        if anew or isinstance(error, NativeCrash):
            raise type(error)(f"{name} {error.message}", fix=fix) from None
    else:
        with contextlib.suppress(OSError, SqlLlamaError):  # a cache folder that is full or read-only
            write_text(kept, "works\n")
    _tried.add(kept)


def run_trial(command: Sequence[str]) -> str:
    """Return what a child process prints.

    Raises NativeCrash when it dies, SqlLlamaError when it fails; the caller puts the library's name before the message.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, env=environment)
    except subprocess.TimeoutExpired:
        raise SqlLlamaError(f"does not answer within {PATIENCE} s") from None
    except OSError as error:
        raise SqlLlamaError(f"cannot be tried ({error})") from None
    if done.returncode < 0:
        name = next((item.name for item in signal.Signals if item == -done.returncode), f"signal {-done.returncode}")
        if name in DEADLY:
            raise NativeCrash(f"dies on this processor with {name}")
        raise SqlLlamaError(f"was stopped with {name}")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise SqlLlamaError(f"does not work here ({lines[-1] if lines else f'exit code {done.returncode}'})")
    return done.stdout.decode(errors="replace")


def fingerprint(modules: Sequence[str]) -> str:
    """Return a hash of all that a trial depends on: the processor, and version, size and age of the native files.

    Nothing is imported: loading alone can kill.
    """
    facts = [processor(), platform.python_version()]
    for module in modules:
        facts.append(module + _pin(module))
        spec = importlib.util.find_spec(module)
        folder = Path(spec.origin).parent if spec and spec.origin else Path("nowhere")
        for file in sorted([*folder.glob("lib/*"), *folder.glob("*.so")]):
            facts.append(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


@functools.cache
def processor() -> str:
    """Return the flags of this processor as Linux lists them, elsewhere its name."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith(("flags", "Features")):  # x86, Arm
                return " ".join(sorted(line.split()[2:]))
    with contextlib.suppress(OSError):
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    return platform.machine()


def _pin(module: str) -> str:
    try:
        return f"=={metadata.version(DISTRIBUTIONS.get(module, module))}"
    except metadata.PackageNotFoundError:
        return ""


def main() -> None:
    """Exit with 1 and one line when the installed llama.cpp dies, or has code for AMX; `make setup` calls it."""
    try:
        if AMX in run_trial([sys.executable, "-P", "-m", "sql_llama.engines.trial", "llama.cpp"]):
            raise SqlLlamaError("has code for AMX, which gcc compiles wrongly")
    except SqlLlamaError as error:
        sys.exit(f"llama.cpp {error.message}")


if __name__ == "__main__":
    main()
