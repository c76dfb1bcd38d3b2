"""Files and functions are short, and each test stands where the module stands that it tests."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
MODULES = [path for room in ROOMS for path in sorted(room.rglob("*.py"))]
LINES = 350  # of a file
FUNCTION_LINES = 60  # from `def` to the last line; ruff, which cannot count lines, bounds statements and branches

# Tests of more than one module, or of one module against something real
OWN_SUBJECT = {
    "databases/test_servers.py": "PostgreSQL, MariaDB and DuckDB as they are, and attacked",
    "cli/chat/test_terminal.py": "the whole chat in a real terminal",
    "cli/test_bad_input.py": "what every command does with bad input and a full disk",
    "data/synthesis/test_any_database.py": "pairs over databases of any names, keys and cells",
    "evals/report/test_report_in_browser.py": "the report in a real browser",
    "data/prepare/test_hostile_rows.py": "rows that would hang, fill the memory or write",
    "data/prepare/test_interrupted.py": "a preparation that is killed, stopped, out of disk or not alone",
    "sql/test_random_queries.py": "plain style over random databases and queries",
    "train/test_optimization.py": "the keys of a recipe that change how is learnt, through the real trainer",
    "notebooks/test_notebooks.py": "the notebooks for Colab and Kaggle, in a fresh environment",
    "train/test_resume_elsewhere.py": "a run that goes on on another machine",
    "export/test_families.py": "the export of every family of models, from merge to GGUF",
    "export/test_ollama_server.py": "exported models in real Ollama servers",
    "modelfiles/test_template_parity.py": "the same chat through every reader of templates",
}
MUCH = 80  # lines of a module that needs a test file, or one of these
# Modules without a test file of their own, by the tests that show what they do
TESTED_IN = {
    "databases/catalog.py": "databases/test_servers.py",
    "databases/duckdb_worker.py": "databases/test_duckdb.py",
    "databases/mysql.py": "databases/test_servers.py",
    "databases/postgres.py": "databases/test_servers.py",
    "sql/join_by_keys.py": "sql/test_repair.py",
    "cli/checkup.py": "cli/test_doctor.py",
    "cli/eval_output.py": "cli/test_eval.py",
    "cli/train.py": "train/test_dry_run.py",
    "core/read_recipe.py": "core/test_recipe.py",
    "data/clean/trial_database.py": "data/clean/test_learnable_sql.py",
    "data/prepare/card.py": "cli/data/test_prepare.py",
    "data/prepare/checked.py": "data/prepare/test_read.py",
    "data/prepare/choose.py": "data/prepare/test_prepare.py",
    "data/prepare/lengths.py": "data/prepare/test_prepare.py",
    "data/prepare/made.py": "data/own/test_own_data.py",
    "data/prepare/rewritten.py": "data/prepare/test_prepare.py",
    "data/prepare/split.py": "data/prepare/test_prepare.py",
    "data/prepare/store.py": "cli/data/test_prepare.py",
    "data/sources/json_rows.py": "data/sources/test_file_rows.py",
    "data/sources/chats.py": "data/sources/test_open_source.py",
    "data/sources/pair_schemas.py": "data/prepare/test_read.py",
    "data/sources/sql_files.py": "data/sources/test_open_source.py",
    "data/sources/wikisql.py": "evals/questions/test_wikisql.py",
    "data/synthesis/names.py": "data/own/test_synthesise_own.py",
    "sql/explain.py": "data/sources/test_open_source.py",
    "data/synthesis/facts.py": "data/synthesis/test_read_facts.py",
    "data/synthesis/families/filling.py": "data/synthesis/families/test_fill.py",
    "data/synthesis/families/frames.py": "data/synthesis/families/test_read_template.py",
    "data/synthesis/families/literals.py": "data/synthesis/families/test_fill.py",
    "data/synthesis/families/notation.py": "data/synthesis/families/test_read_template.py",
    "data/synthesis/families/scopes.py": "data/synthesis/families/test_fill.py",
    "data/synthesis/families/tables.py": "data/synthesis/families/test_read_template.py",
    "data/synthesis/language/fitness.py": "data/synthesis/families/test_fill.py",
    "data/synthesis/language/naming.py": "data/synthesis/language/test_spoken.py",
    "engines/lora.py": "engines/test_llamacpp.py",
    "engines/trial.py": "engines/test_native.py",
    "evals/evaluate_models.py": "cli/test_eval.py",
    "evals/fuzz/filler.py": "evals/fuzz/test_fuzz.py",
    "evals/fuzz/original.py": "evals/fuzz/test_fuzz.py",
    "evals/judge/bench.py": "evals/judge/test_judge.py",
    "evals/judge/verdict.py": "evals/judge/test_judge.py",
    "evals/queries/level.py": "evals/queries/test_components.py",
    "evals/queries/reader.py": "evals/queries/test_components.py",
    "evals/report/page.py": "evals/report/test_report.py",
    "evals/report/wording.py": "evals/report/test_report.py",
    "export/certificate/certificate.py": "export/certificate/test_certify.py",
    "export/merge/change_reader.py": "export/merge/test_adapter.py",
    "export/merge/tied_tables.py": "export/merge/test_merge.py",
    "publish/facts.py": "publish/test_model_card.py",
    "publish/push.py": "cli/test_push.py",
    "models/sentencepiece_bpe.py": "models/test_sentencepiece.py",
    "models/tokenizer_files.py": "models/test_read_vocabulary.py",
    "models/vocabulary.py": "models/test_read_vocabulary.py",
    "train/stand_in.py": "train/test_dry_run.py",
}
UNTESTED = {
    "core/records.py": "frozen dataclasses, which every test uses",
    "data/synthesis/worlds/cells.py": "a table of words",
    "data/synthesis/worlds/domains_business.py": "a table of databases; synthesis/worlds/test_worlds.py makes them all",
    "data/synthesis/worlds/domains_public.py": "a table of databases; synthesis/worlds/test_worlds.py makes them all",
    "engines/engine.py": "protocols, which mypy checks",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_are_short() -> None:
    files = [*MODULES, *sorted(TESTS.rglob("*.py"))]
    long = {name(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > LINES}
    assert not long


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


def test_every_module_of_some_length_has_tests() -> None:
    long = {name(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > MUCH}
    alone = {module for module in long if not (TESTS / module).with_name(f"test_{Path(module).name}").is_file()}
    assert alone == {*TESTED_IN, *UNTESTED}
    for module, test in TESTED_IN.items():
        assert (TESTS / test).is_file(), f"{module}: there is no tests/{test}"
