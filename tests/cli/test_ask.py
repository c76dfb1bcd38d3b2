"""`sql-llama ask`: what is printed for one question."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sql_llama.assistant.answer import Reply
from sql_llama.cli.ask import command, reply_json
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.records import ResultSet
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family


def test_json_holds_what_json_cannot() -> None:
    rows = ((b"\xff\x00", math.nan, math.inf, None, 1.5, "é"),)
    reply = Reply("SELECT 1", ResultSet(("a",) * 6, rows), "", 0.12345, 3, "SELECT 1")
    said = json.loads(reply_json(reply))
    assert said["rows"] == [["ff00", "nan", "inf", None, 1.5, "é"]]
    assert (said["sql"], said["error"], said["seconds"]) == ("SELECT 1", None, 0.123)


@pytest.fixture(scope="module")
def model(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_command_prints_one_json_object(pets: Path, model: Path) -> None:
    result = invoke("How many pets?", "--db", pets, "--model", model, "--json")
    said = json.loads(result.stdout)
    assert set(said) >= {"sql", "columns", "rows", "error", "seconds", "helps", "dropped"}
    assert 0 <= said["confidence"] <= 1
    assert [candidate["sql"] for candidate in said["candidates"]] == [said["sql"]]
    assert result.exit_code == (1 if said["error"] else 0)


def test_an_empty_question_is_wrong_usage(pets: Path, model: Path) -> None:
    # the command line turns it into exit code 2 (tests/test_bad_input.py)
    assert isinstance(invoke("  ", "--db", pets, "--model", model).exception, RecipeError)


def test_what_is_missing_is_an_error_of_ours(pets: Path, model: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for arguments in ((pets, missing), (missing, model), (model, model)):
        result = invoke("x", "--db", arguments[0], "--model", arguments[1])
        assert isinstance(result.exception, DataError)
    assert isinstance(invoke("x", "--db", pets).exception, DataError)
    assert not missing.exists()
