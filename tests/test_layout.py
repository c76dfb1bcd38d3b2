"""Files and functions are short, and each test stands where the module stands that it tests."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
MODULES = [path for room in ROOMS for path in sorted(room.rglob("*.py"))]
LINES = 350  # of a file
FUNCTION_LINES = 60  # from `def` to the last line; ruff, which cannot count lines, bounds statements and branches

DATA_TABLES: set[str] = set()  # modules that are nothing but a table, and may be longer
# What was too long when the rule came. Each list only shrinks.
LONG_FILES = {
    "tests/databases/test_sqlite.py",
    "tests/export/certificate/test_certify.py",
    "tests/export/test_export.py",
    "tests/export/test_families.py",
    "tests/train/test_train.py",
}
# Tests of more than one module, or of one module against something real
OWN_SUBJECT = {
    "cli/chat/test_terminal.py": "the whole chat in a real terminal",
    "cli/test_bad_input.py": "what every command does with bad input and a full disk",
    "evals/report/test_report_in_browser.py": "the report in a real browser",
    "export/test_families.py": "the export of every family of models, from merge to GGUF",
    "export/test_ollama_server.py": "exported models in real Ollama servers",
    "modelfiles/test_template_parity.py": "the same chat through every reader of templates",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_are_short() -> None:
    files = [*MODULES, *sorted(TESTS.rglob("*.py"))]
    long = {name(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > LINES}
    assert long - DATA_TABLES <= LONG_FILES


def test_functions_are_short() -> None:
    long = {
        f"{name(path)}:{node.name}"
        for path in [*MODULES, *sorted(TESTS.rglob("*.py"))]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    }
    assert not long


def test_no_test_looks_at_the_clock() -> None:
    """A busy machine is no fault: wait for an event, or count what is done (tests/work.py)."""
    clocks = ("time.time(", "time.monotonic", "perf_counter", "process_time")
    looking = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if any(clock in path.read_text(encoding="utf-8") for clock in clocks) and path != Path(__file__)
    }
    assert looking == {"core/test_files.py"}  # this one makes a file look a day old


def test_tests_mirror_the_rooms() -> None:
    tests = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py") if path.parent != TESTS}
    for test in sorted(tests):
        subject = ROOT / test.with_name(test.name.removeprefix("test_"))
        assert subject.is_file() or test.as_posix() in OWN_SUBJECT, f"{test}: there is no {name(subject)}"
    assert set(OWN_SUBJECT) <= {test.as_posix() for test in tests}
