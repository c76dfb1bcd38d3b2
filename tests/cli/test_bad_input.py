"""What a user gets wrong, through the real command line: one line that names it, one that mends it, nothing written."""

import ctypes
import gzip
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from sql_llama.cli.main import run

FAILURE, USAGE = 1, 2
TINY_RECIPE = '[base]\nmodel = "base"\n[data]\nsynthetic = 10\n[train]\nmax_steps = 1\n'
RIGHT_LINE = (
    '{"question": "How many pets?", "schema": "CREATE TABLE pets (id int)", "sql": "SELECT count(*) FROM pets"}\n'
)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(keys: bytes = b"", tensors: bytes = b"", counts: tuple[int, int] = (0, 1), data: int = 64) -> bytes:
    """A GGUF file by hand: `counts` of tensors and keys, `data` bytes of weights."""
    architecture = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head = b"GGUF" + struct.pack("<IQQ", 3, *counts) + architecture + keys + tensors
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + bytes(data)


def tensor(shape: tuple[int, ...], offset: int = 0) -> bytes:
    return text("token_embd.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)


MANY = 2**62
HOSTILE = {
    "many-keys": gguf(counts=(0, MANY)),
    "many-tensors": gguf(counts=(MANY, 1)),
    "long-text": gguf(keys=text("a") + struct.pack("<IQ", 8, MANY), counts=(0, 2)),
    "long-array": gguf(keys=text("a") + struct.pack("<IIQ", 9, 4, MANY), counts=(0, 2)),
    "array-of-arrays": gguf(keys=text("a") + struct.pack("<IIQ", 9, 9, 1), counts=(0, 2)),
    "huge-tensor": gguf(tensors=tensor((MANY, 4)), counts=(1, 1)),
    "shape-that-overflows": gguf(tensors=tensor((2**32, 2**32)), counts=(1, 1)),
    "tensor-outside": gguf(tensors=tensor((16,), MANY), counts=(1, 1)),
    "no-weights-at-all": gguf(),
}


@pytest.fixture
def here(tmp_path: Path, pets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, full of things that are not what a command wants."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "base").mkdir()  # enough of a model to get past the first look
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "base" / name).write_text("{}")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "notes.sqlite").write_text("not a database, whatever its name says\n")
    (tmp_path / "torn.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200))
    (tmp_path / "truncated.gguf").write_bytes(gguf(tensors=tensor((16,)), counts=(1, 1))[:-20])
    (tmp_path / "cut.gguf").write_bytes(gguf()[:30])
    (tmp_path / "page.gguf").write_text("<html>404: not found</html>\n")
    (tmp_path / "empty.gguf").write_bytes(b"")
    for name, content in HOSTILE.items():
        (tmp_path / f"{name}.gguf").write_bytes(content)
    (tmp_path / "tiny.toml").write_text(f'name = "tiny"\n{TINY_RECIPE}')
    (tmp_path / "broken.toml").write_text('name = "tiny"\n[train\n')
    (tmp_path / "nameless.toml").write_text(TINY_RECIPE)
    (tmp_path / "unknown.toml").write_text(f'name = "tiny"\n{TINY_RECIPE}lerning_rate = 1e-3\n')
    (tmp_path / "typed.toml").write_text(f'name = "tiny"\n{TINY_RECIPE}epochs = "two"\n')
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"\n')
    (tmp_path / "corrupt.jsonl").write_text(RIGHT_LINE + '{"question": "How ma\n' + RIGHT_LINE)
    (tmp_path / "fieldless.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1"}\n')
    (tmp_path / "listed.jsonl").write_text('\n["How many?", "SELECT 1"]\n')
    (tmp_path / "short.jsonl.gz").write_bytes(gzip.compress(RIGHT_LINE.encode() * 1000)[:-30])
    (tmp_path / "text.jsonl.gz").write_text(RIGHT_LINE)
    (tmp_path / "latin.jsonl").write_bytes(RIGHT_LINE.encode() + b'{"question": "caf\xe9"}\n')
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "spider").mkdir()
    (tmp_path / "spider" / "train_spider.json").write_text("{}")
    (tmp_path / "spider" / "database.zip").write_text("not a zip file")
    (tmp_path / "questions.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1", "db": "pets.sqlite"}\n' * 2)
    (tmp_path / "elsewhere.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1", "db": "none.sqlite"}\n')
    (tmp_path / "outside.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1", "db": "../../etc/passwd"}\n')
    (tmp_path / "ddl.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1", "schema": "CREATE TABEL pets"}\n')
    (tmp_path / "table.json").write_text('{"columns": ["question"], "rows": []}\n')
    (tmp_path / "dev.json").write_text('[{"question": "How many?", "query": "SELECT 1"}]\n')
    (tmp_path / "torn.json").write_text('[{"question": "How many?", "que')
    (tmp_path / "one.jsonl").write_text('{"sql": "SELECT 1"}\n')
    (tmp_path / "said.jsonl").write_text('{"sql": "SELECT 1"}\n{"sql": 2}\n')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"stages": ')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time of change, and every folder."""
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        found[path.relative_to(folder).as_posix()] = (facts.st_size, facts.st_mtime_ns) if path.is_file() else (0, 0)
    return found


ASK = ["ask", "How many pets?", "--db"]
EVAL = ["eval", "--databases", ".", "--predictions", "one.jsonl", "--questions"]
SAID = ["eval", "--databases", ".", "--questions", "questions.jsonl", "--predictions"]
TRAIN = ["train", "tiny.toml", "--set"]

WRONG: dict[str, tuple[list[str], int, str]] = {
    # a database
    "missing database": ([*ASK, "none.sqlite"], FAILURE, "none.sqlite: no such database"),
    "not a database": ([*ASK, "notes.sqlite"], FAILURE, "notes.sqlite: not a SQLite database"),
    "a torn database": ([*ASK, "torn.sqlite"], FAILURE, "torn.sqlite: cannot be read"),
    "a folder as database": ([*ASK, "folder"], FAILURE, "folder: is a folder"),
    "a folder below a file": ([*ASK, "pets.sqlite/x"], FAILURE, "pets.sqlite/x: no such database"),
    "a server's URL": ([*ASK, "oracle://me:secret@db/x"], FAILURE, "oracle: databases of this kind"),
    "chat without its database": (["chat", "--db", "none.sqlite"], FAILURE, "none.sqlite: no such database"),
    "chat about no database": (["chat", "--db", "notes.sqlite"], FAILURE, "notes.sqlite: not a SQLite database"),
    # a question
    "empty question": (["ask", "", "--db", "pets.sqlite"], USAGE, "the question is empty"),
    "blank question": (["ask", " \n\t ", "--db", "pets.sqlite"], USAGE, "the question is empty"),
    # a model
    "no model yet": ([*ASK, "pets.sqlite"], FAILURE, "no run has been exported yet"),
    "missing model": ([*ASK, "pets.sqlite", "--model", "none.gguf"], FAILURE, "none.gguf: no such"),
    "a folder as model": ([*ASK, "pets.sqlite", "--model", "folder"], FAILURE, "folder: "),
    "chat with no model": (["chat", "--model", "none.gguf", "--no-base"], FAILURE, "none.gguf: no such"),
    "a base nobody knows": (["chat", "--model", "truncated.gguf"], FAILURE, "truncated.gguf: "),
    "missing file to verify": (["verify", "none.gguf"], FAILURE, "none.gguf: no such"),
    "Ollama down": (["chat", "--ollama", "sql-llama", "--no-base"], FAILURE, "no Ollama server answers"),
    # a recipe
    "unknown recipe": (["train", "laptopp"], USAGE, "laptopp: no such recipe"),
    "missing recipe file": (["train", "none.toml"], USAGE, "none.toml: no such recipe"),
    "a folder as recipe": (["train", "folder.toml"], USAGE, "folder.toml: "),
    "broken TOML": (["train", "broken.toml"], USAGE, "broken.toml: broken TOML: "),
    "a recipe in another encoding": (["train", "latin.toml"], USAGE, "latin.toml: "),
    "a recipe without a name": (["train", "nameless.toml"], USAGE, "nameless.toml: name is missing"),
    "unknown key": (["train", "unknown.toml"], USAGE, "unknown.toml:8: train.lerning_rate: unknown key"),
    "wrong type": (["train", "typed.toml"], USAGE, "typed.toml:8: train.epochs: must be a number"),
    "unknown key with --set": ([*TRAIN, "train.epoch=2"], USAGE, "--set train.epoch=2: unknown key"),
    "impossible value with --set": ([*TRAIN, "lora.r=0"], USAGE, "--set lora.r=0: must be between 1 and 1024, not 0"),
    "not a number": (
        [*TRAIN, "train.learning_rate=nan"],
        USAGE,
        "--set train.learning_rate=nan: must be between 1e-08",
    ),
    "--set without a value": ([*TRAIN, "train.epochs"], USAGE, "--set train.epochs: not section.key=value"),
    "--set with a name in it": ([*TRAIN, "name=x"], USAGE, "--set name=x: not section.key=value"),
    "batch of no whole passes": (
        [*TRAIN, "train.batch=10", "--set", "train.micro_batch=4"],
        USAGE,
        "train.batch = 10 is no multiple of train.micro_batch = 4",
    ),
    # what a recipe names
    "missing data folder": ([*TRAIN, "data.spider=none"], FAILURE, "none: no such data folder"),
    "missing data folder of a shipped recipe": (
        ["train", "laptop", "--set", "data.spider=none"],
        FAILURE,
        "none: no such data folder",
    ),
    "a file as data folder": ([*TRAIN, "data.spider=tiny.toml"], FAILURE, "tiny.toml: "),
    "a data folder of another kind": ([*TRAIN, "data.spider=folder"], FAILURE, "folder: has no train_spider.json"),
    "Spider's databases in a bad zip": ([*TRAIN, "data.spider=spider"], FAILURE, "database.zip: not a zip file"),
    "missing JSONL": ([*TRAIN, "data.jsonl=none.jsonl"], FAILURE, "none.jsonl: no such file"),
    "a folder as JSONL": ([*TRAIN, "data.jsonl=folder"], FAILURE, "folder: "),
    "corrupt JSONL line": ([*TRAIN, "data.jsonl=corrupt.jsonl"], FAILURE, "corrupt.jsonl:2: broken JSON"),
    "JSONL line without a field": (
        [*TRAIN, "data.jsonl=fieldless.jsonl"],
        FAILURE,
        "fieldless.jsonl:1: no schema",
    ),
    "JSONL line that is a list": (
        [*TRAIN, "data.jsonl=listed.jsonl"],
        FAILURE,
        "listed.jsonl:1: not an object",
    ),
    "JSONL in another encoding": ([*TRAIN, "data.jsonl=latin.jsonl"], FAILURE, "latin.jsonl:2: cannot be read"),
    "cut gzip": ([*TRAIN, "data.jsonl=short.jsonl.gz"], FAILURE, "short.jsonl.gz: cannot be read"),
    "no gzip": ([*TRAIN, "data.jsonl=text.jsonl.gz"], FAILURE, "text.jsonl.gz: cannot be read"),
    "no base": ([*TRAIN, "base.model=./none"], FAILURE, "./none: no such folder"),
    "a folder that is no base": ([*TRAIN, "base.model=folder"], FAILURE, "folder: no config.json"),
    "a file as base": ([*TRAIN, "base.model=tiny.toml"], FAILURE, "tiny.toml: a file"),
    "unknown packaged base": ([*TRAIN, "base.model=package:none"], USAGE, "package:none: no such packaged base"),
    "no adapter to start from": ([*TRAIN, "train.start=folder"], FAILURE, "folder: no adapter there"),
    "a run directory that is a file": (["train", "laptop", "--run", "tiny.toml"], USAGE, "tiny.toml: not empty"),
    "a run directory of something else": (["train", "laptop", "--run", "spider"], USAGE, "spider: not empty"),
    # a run
    "no run to export": (["export"], FAILURE, "runs: no runs yet"),
    "export of no run": (["export", "folder"], FAILURE, "folder: not a run directory"),
    "export of a file": (["export", "tiny.toml"], FAILURE, "tiny.toml: not a run directory"),
    "export of a torn run": (["export", "run"], FAILURE, "manifest.json: broken"),
    "nothing to verify yet": (["verify"], FAILURE, "no run has been exported yet"),
    "nothing to inspect yet": (["inspect"], FAILURE, "no run has been exported yet"),
    "verify of no run": (["verify", "folder"], FAILURE, "folder: not a run directory"),
    "verify with Ollama down": (["verify", "ollama:sql-llama"], FAILURE, "no Ollama server answers"),
    "push of no run": (["push", "folder", "--dry-run"], FAILURE, "folder: not a run directory"),
    "push of a torn run": (["push", "run", "--dry-run"], FAILURE, "manifest.json: broken"),
    "adapter that is none": (
        ["export", "--base", "folder", "--adapter", "folder", "--out", "new"],
        FAILURE,
        "folder: no config.json",
    ),
    # questions and predictions
    "missing questions": ([*EVAL, "none.json"], FAILURE, "none.json: no such question file"),
    "a folder as questions": ([*EVAL, "folder"], FAILURE, "folder: cannot be read"),
    "questions of another layout": ([*EVAL, "table.json"], FAILURE, "table.json: line 1: has no question"),
    "questions without a database": ([*EVAL, "dev.json"], FAILURE, "dev.json: question 1: has no db_id"),
    "torn questions": ([*EVAL, "torn.json"], FAILURE, "torn.json: broken JSON"),
    "corrupt line of questions": ([*EVAL, "corrupt.jsonl"], FAILURE, "corrupt.jsonl:2: broken JSON"),
    "no questions": ([*EVAL, "empty.jsonl"], FAILURE, "empty.jsonl: no questions"),
    "questions with no database here": ([*EVAL, "elsewhere.jsonl"], FAILURE, "none.sqlite"),
    "questions that lead elsewhere": ([*EVAL, "outside.jsonl"], FAILURE, "outside.jsonl:1: ../../etc/passwd leads"),
    "questions with a wrong schema": ([*EVAL, "ddl.jsonl"], FAILURE, "ddl.jsonl:1: the schema cannot be made"),
    "missing databases": (
        ["eval", "--questions", "questions.jsonl", "--databases", "none", "--predictions", "one.jsonl"],
        FAILURE,
        "none: no such folder",
    ),
    "missing predictions": ([*SAID, "none.jsonl"], FAILURE, "none.jsonl: no such predictions file"),
    "too few predictions": ([*SAID, "one.jsonl"], FAILURE, "one.jsonl: 1 predictions for 2 questions"),
    "wrong predictions": ([*SAID, "said.jsonl"], FAILURE, "said.jsonl:2: has no sql"),
    "eval of no model": (
        ["eval", "--questions", "questions.jsonl", "--databases", ".", "--model", "none.gguf", "--out", "new"],
        FAILURE,
        "none.gguf: no such",
    ),
    "a file as --out": ([*SAID, "one.jsonl", "--out", "tiny.toml"], USAGE, "tiny.toml: "),
}
for file in ("truncated", "cut", "page", "empty", *HOSTILE):
    model = f"{file}.gguf"
    WRONG[f"ask {file}"] = ([*ASK, "pets.sqlite", "--model", model], FAILURE, f"{model}: ")
    WRONG[f"chat {file}"] = (["chat", "--model", model, "--no-base"], FAILURE, f"{model}: ")
    WRONG[f"verify {file}"] = (["verify", model], FAILURE, f"{model}: ")
    asked = ["eval", "--questions", "questions.jsonl", "--databases", ".", "--out", "new", "--model", model]
    WRONG[f"eval {file}"] = (asked, FAILURE, f"{model}: ")


@pytest.mark.parametrize(("arguments", "code", "problem"), WRONG.values(), ids=WRONG)
def test_is_one_line_that_names_it(
    here: Path, arguments: list[str], code: int, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = tree(here)
    assert run(arguments) == code
    said = capfd.readouterr()
    assert said.out == ""
    assert_told(said.err, problem)
    assert tree(here) == before


def assert_told(said: str, problem: str) -> None:
    """An Error line with the problem in it, then a Fix line, and nothing else."""
    error, fix = said.splitlines()
    assert error.startswith("Error: ") and problem in error
    assert fix.startswith("Fix: ") and len(fix) > len("Fix: ")
    assert "bug" not in fix


@pytest.mark.parametrize("wanted", ["train", "export"])
def test_a_disk_with_too_little_space_is_seen_before_the_work(
    wanted: str,
    here: Path,
    tiny_base: Path,
    tiny_adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The disk's own answer is the one thing made up here."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    commands = {
        "train": ["train", "tiny.toml", "--set", f"base.model={tiny_base}", "--run", "new/run"],
        "export": ["export", "--base", str(tiny_base), "--adapter", str(tiny_adapter), "--out", "new/run"],
    }
    before = tree(here)
    assert run(commands[wanted]) == FAILURE
    said = capfd.readouterr()
    assert said.out == ""
    assert_told(said.err, "MiB of disk")
    assert "new/run" in said.err
    assert tree(here) == before


def test_a_disk_that_fills_up_leaves_no_half_file(here: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    """Files may not grow as long as the export's: what a full disk looks like to it."""
    command = ["export", "--base", str(tiny_base), "--adapter", str(tiny_adapter), "--quant", "F32", "--ground", "base"]
    command = [sys.executable, "-m", "sql_llama.cli", *command, "--no-verify", "--no-gate", "--out"]
    subprocess.run([*command, "whole"], check=True, capture_output=True)
    limit = (here / "whole" / "gguf" / "sql-llama-F32.gguf").stat().st_size - 1
    shutil.rmtree(here / "whole")
    before = tree(here)
    done = subprocess.run(
        [*command, "new/run"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == FAILURE
    assert_told("\n".join(done.stderr.splitlines()[-2:]), "new/run/gguf/sql-llama-F32.gguf: cannot be written")
    assert "disk space" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(here) == before


@pytest.fixture
def drop_root() -> Callable[[], None]:
    """What makes a child of root obey the permissions of files, as every other user has to."""

    def drop() -> None:
        libc = ctypes.CDLL(None)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; without effect for who is not root

    return drop


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("pets.sqlite", [*ASK, "pets.sqlite"], FAILURE),
        ("truncated.gguf", ["verify", "truncated.gguf"], FAILURE),
        ("tiny.toml", ["train", "tiny.toml"], USAGE),
        ("corrupt.jsonl", [*TRAIN, "data.jsonl=corrupt.jsonl"], FAILURE),
        ("questions.jsonl", [*EVAL, "questions.jsonl"], FAILURE),
        ("one.jsonl", [*SAID, "one.jsonl"], FAILURE),
        ("run/manifest.json", ["export", "run"], FAILURE),
        ("run/manifest.json", ["push", "run", "--dry-run"], FAILURE),
    ],
)
def test_an_unreadable_file(
    here: Path, drop_root: Callable[[], None], name: str, arguments: list[str], code: int
) -> None:
    (here / name).chmod(0)
    before = tree(here)
    command = [sys.executable, "-m", "sql_llama.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=drop_root)
    assert (done.returncode, done.stdout) == (code, "")
    assert_told(done.stderr, name)
    assert "ermission denied" in done.stderr
    assert tree(here) == before
