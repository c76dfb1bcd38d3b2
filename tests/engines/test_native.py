"""The native libraries are tried in a child process, and llama.cpp is compiled so that no machine dies of it."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.core.settings import settings
from sql_llama.engines import native
from sql_llama.engines.engine import answer
from sql_llama.engines.llamacpp import load_llamacpp, open_gguf
from sql_llama.engines.native import NativeCrash, check_llamacpp, check_training_libraries, fingerprint, run_trial
from sql_llama.engines.trial import write_tiny_gguf

ROOT = Path(__file__).parents[2]
TRIAL = [sys.executable, "-P", "-m", "sql_llama.engines.trial", "llama.cpp"]
X86 = platform.machine() == "x86_64"


@pytest.fixture
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder in which no answer is kept; returns where they will be."""
    monkeypatch.setenv("SQL_LLAMA_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    monkeypatch.setattr(native, "_tried", set())
    return tmp_path / "cache" / "native"


@pytest.fixture
def dead_python(tmp_path: Path) -> str:
    """A Python that dies as soon as it is called."""
    script = tmp_path / "dead-python"
    script.write_text("#!/bin/sh\nkill -ILL $$\n")
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `llama_cpp` in front of the real one whose library runs an instruction that no processor has."""
    package = tmp_path / "deadly" / "llama_cpp"
    (package / "lib").mkdir(parents=True)
    source = tmp_path / "deadly.c"
    source.write_text("__attribute__((constructor)) static void load(void) { __builtin_trap(); }\n")
    library = package / "lib" / "libllama.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    (package / "__init__.py").write_text(f"import ctypes\nctypes.CDLL({str(library)!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)  # of an earlier test
    return package


def test_the_installed_llama_cpp_decodes_here_and_that_is_kept(nothing_known: Path) -> None:
    check_llamacpp()
    assert [path.name for path in nothing_known.iterdir()] == [f"llama.cpp-{fingerprint(['llama_cpp'])}"]


def test_torch_and_bitsandbytes_compute_here_and_that_is_kept(nothing_known: Path) -> None:
    check_training_libraries()
    assert [path.name[:9] for path in nothing_known.iterdir()] == ["training-"]


def test_no_amx_kernel_can_be_entered() -> None:
    import llama_cpp

    if "amx_int8" in native.processor().split():
        assert X86
    assert "AMX" not in run_trial(TRIAL)
    kernels = list((Path(llama_cpp.__file__).parent / "lib").glob("*ggml-cpu*"))
    assert kernels and not [path for path in kernels if b"AMX is not ready to be used" in path.read_bytes()]


@pytest.mark.usefixtures("nothing_known")
def test_what_is_known_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, dead_python: str) -> None:
    check_llamacpp()
    monkeypatch.setattr(native, "_tried", set())  # another process
    monkeypatch.setattr(sys, "executable", dead_python)
    check_llamacpp()
    for anew in (True, False):  # what it said last counts
        with pytest.raises(NativeCrash, match=r"llama\.cpp dies on this processor with SIGILL"):
            check_llamacpp(anew=anew)


@pytest.mark.usefixtures("nothing_known")
def test_another_processor_is_tried_again(monkeypatch: pytest.MonkeyPatch, dead_python: str) -> None:
    check_llamacpp()
    monkeypatch.setattr(sys, "executable", dead_python)
    monkeypatch.setattr(native, "processor", lambda: "fpu sse2")
    with pytest.raises(NativeCrash):
        check_llamacpp()


def test_another_library_is_another_question(deadly: Path) -> None:
    before = fingerprint(["llama_cpp"])
    assert fingerprint(["llama_cpp"]) == before
    os.utime(deadly / "lib" / "libllama.so", (1, 1))
    assert fingerprint(["llama_cpp"]) != before


@pytest.mark.usefixtures("nothing_known")
def test_a_cache_that_cannot_be_written_costs_one_trial_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead_python: str
) -> None:
    (tmp_path / "cache").write_text("not a folder")
    check_llamacpp()
    monkeypatch.setattr(sys, "executable", dead_python)
    check_llamacpp()


@pytest.mark.usefixtures("nothing_known")
def test_a_trial_that_merely_fails_stops_only_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for executable, said in (("false", "does not work here"), ("no-such-python", "cannot be tried")):
        monkeypatch.setattr(sys, "executable", executable)
        check_llamacpp()
        with pytest.raises(SqlLlamaError, match=rf"llama\.cpp {said}"):
            check_llamacpp(anew=True)


@pytest.mark.parametrize("name", ["SIGILL", "SIGSEGV", "SIGBUS"])
def test_a_child_that_dies_is_an_error_that_names_the_signal(name: str) -> None:
    die = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    with pytest.raises(NativeCrash, match=f"^dies on this processor with {name}$"):
        run_trial([sys.executable, "-c", die])


def test_a_child_that_was_killed_for_want_of_memory_says_nothing_of_the_processor() -> None:
    with pytest.raises(SqlLlamaError, match=r"^was stopped with SIGKILL$") as caught:
        run_trial([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    assert not isinstance(caught.value, NativeCrash)


def test_a_child_that_fails_is_an_error_with_its_last_line() -> None:
    with pytest.raises(SqlLlamaError, match=r"^does not work here \(OSError: no such library\)$"):
        run_trial([sys.executable, "-c", "raise OSError('no such library')"])


@pytest.mark.usefixtures("deadly")
def test_a_library_that_dies_is_one_line_with_the_way_out_and_is_not_kept(nothing_known: Path, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    for _ in range(2):
        with pytest.raises(NativeCrash) as caught:
            load_llamacpp(tmp_path / "tiny.gguf")
        assert re.fullmatch("llama.cpp dies on this processor with SIG(ILL|TRAP)", caught.value.message)
        assert caught.value.fix.startswith("make setup PORTABLE=1; without make: CMAKE_ARGS=-DGGML_NATIVE=OFF ")
        assert "--no-cache-dir" in caught.value.fix and "\n" not in str(caught.value)
    assert not nothing_known.exists()


@pytest.mark.usefixtures("deadly", "nothing_known")
def test_doctor_lives_and_says_what_died() -> None:
    done = subprocess.run([sys.executable, "-m", "sql_llama.cli", "doctor"], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"^missing +llama.cpp +llama.cpp dies on this processor with SIG(ILL|TRAP)$", done.stdout, re.M)
    assert "fix: make setup PORTABLE=1" in done.stdout


def test_an_engine_that_was_compiled_with_amx_does_not_use_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import llama_cpp

    used = []
    load = llama_cpp.llama_model_load_from_file

    def spy(path: bytes, wanted: llama_cpp.llama_model_params) -> object:
        used.append(wanted.use_extra_bufts)
        return load(path, wanted)

    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", spy)
    write_tiny_gguf(tmp_path / "tiny.gguf")
    for said in (b"CPU : AVX2 = 1 | AVX512_VNNI = 1 | ", b"CPU : AVX2 = 1 | AMX_INT8 = 1 | "):
        monkeypatch.setattr(llama_cpp, "llama_print_system_info", lambda said=said: said)
        engine = open_gguf(tmp_path / "tiny.gguf", num_ctx=256, threads=1)
        assert answer(engine, [Message("user", "SELECT 1")], max_tokens=2).tokens
        engine.close()
    assert used == [True, False]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An environment whose Python writes down how pip is called, and fails a trial for each line in `fails`."""
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"""#!/bin/sh
        cd "{tmp_path}"
        case "$*" in
            *pip*) echo "$CMAKE_ARGS|$CFLAGS|$CXXFLAGS|${{*##*--cache-dir }}" >>builds ;;
            *) [ -s fails ] && sed -i.old 1d fails && exit 1 || exit 0 ;;
        esac
        """
    )
    python.chmod(0o755)
    return tmp_path


def build(built: Path, *arguments: str, **environment: str) -> tuple[int, str, list[list[str]]]:
    """Exit code and output of .ci/build-llama-cpp, and for each build its CMake, C and C++ flags and pip's cache."""
    (built / "builds").unlink(missing_ok=True)
    clean = {name: value for name, value in os.environ.items() if name not in ("CFLAGS", "CXXFLAGS", "CMAKE_ARGS")}
    command = [ROOT / ".ci" / "build-llama-cpp", built / "env", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**clean, **environment})
    lines = (built / "builds").read_text().splitlines()
    return done.returncode, done.stdout + done.stderr, [line.split("|") for line in lines]


def test_llama_cpp_is_compiled_for_this_processor_or_for_any(built: Path) -> None:
    code, said, [own] = build(built)
    assert (code, said, own[0].split()) == (0, "", ["-DGGML_NATIVE=ON"])
    assert not (built / "env" / ".portable").exists()
    code, said, [portable] = build(built, "1")
    assert (code, said, portable[0].split()) == (0, "", ["-DGGML_NATIVE=OFF"])
    assert (built / "env" / ".portable").read_text() == "1\n"
    code, said, [gpu] = build(built, CMAKE_ARGS="-DGGML_CUDA=ON", CFLAGS="-O2")
    assert gpu[0].split() == ["-DGGML_CUDA=ON", "-DGGML_NATIVE=ON"] and gpu[1].split()[0] == "-O2"
    assert len({own[3], portable[3], gpu[3]}) == 3  # wheels that pip must not mix up
    assert build(built)[2] == [own]


def test_what_dies_is_compiled_again_for_any_machine(built: Path) -> None:
    (built / "fails").write_text("once\n")
    code, said, builds = build(built)
    assert (code, said) == (0, f"setup: so llama.cpp is compiled again, for any {platform.machine()} machine\n")
    assert [flags[0].strip() for flags in builds] == ["-DGGML_NATIVE=ON", "-DGGML_NATIVE=OFF"]
    assert (built / "env" / ".portable").exists()


def test_what_dies_again_stops_the_setup_with_one_line(built: Path) -> None:
    (built / "fails").write_text("once\ntwice\n")
    code, said, _ = build(built)
    assert code == 1 and not (built / "env" / ".portable").exists()
    assert said.splitlines()[1:] == ["setup: llama.cpp does not work on this machine, however it is compiled"]


@pytest.mark.parametrize("portable", ["", "1"])
def test_the_flags_switch_amx_off_on_a_processor_that_has_it(built: Path, portable: str) -> None:
    _, _, [[_, c_flags, cxx_flags, _]] = build(built, *portable.split())
    source = built / "probe.c"
    source.write_text("#include <immintrin.h>\n" if X86 else "\n")  # the header switches AMX on and off by itself
    for compiler, flags in (("cc -x c", c_flags), ("c++ -x c++", cxx_flags)):
        for native_place in (0, 99):
            arguments = flags.split()
            arguments.insert(native_place, "-march=sapphirerapids" if X86 else "-O2")
            command = [*compiler.split(), *arguments, "-dM", "-E", source]
            macros = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert "__AMX" not in macros
            assert ("#define __AVX512VNNI__ 1" in macros) == X86


@pytest.mark.skipif(not X86, reason="what is compiled for Arm knows no AMX")
def test_the_ollama_servers_of_the_tests_are_compiled_without_amx_for_any_machine() -> None:
    script = (ROOT / ".ci" / "build-ollama").read_text(encoding="utf-8")
    portable = re.search(r'avx2 /proc/cpuinfo; then\n +flags="(.+)" native=OFF', script)
    assert portable and "native" not in portable[1]
    command = ["cc", *portable[1].split(), "-dM", "-E", "-x", "c", os.devnull]
    macros = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "__AMX" not in macros and "__AVX512" not in macros and "#define __AVX2__ 1" in macros
    assert script.count("-march=native") == 2  # in what is for other machines than these


def make(venv: Path, *arguments: str) -> str:
    command = ["make", "--dry-run", "setup", f"VENV={venv}", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout


def test_portable_is_built_when_it_is_asked_for_and_stays(tmp_path: Path) -> None:
    assert f".ci/build-llama-cpp {tmp_path} \n" in make(tmp_path)
    (tmp_path / ".ready").touch()
    assert "build-llama-cpp" not in make(tmp_path)
    assert f".ci/build-llama-cpp {tmp_path} 1\n" in make(tmp_path, "PORTABLE=1")
    (tmp_path / ".portable").write_text("1\n")
    assert "build-llama-cpp" not in make(tmp_path)
    assert "build-llama-cpp" not in make(tmp_path, "PORTABLE=1")
    assert f".ci/build-llama-cpp {tmp_path} \n" in make(tmp_path, "PORTABLE=0")
