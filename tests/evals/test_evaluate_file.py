"""An evaluation as a Python program makes it."""

import json
from pathlib import Path

import pytest
import sql_llama
from sql_llama.core.errors import DataError
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family


@pytest.fixture(scope="module")
def tiny(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


@pytest.fixture
def questions(pets: Path) -> Path:
    lines = [{"question": "How many pets?", "sql": "SELECT count(*) FROM pets", "db": pets.name}] * 3
    path = pets.with_name("questions.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_models_are_scored_and_the_report_is_written(questions: Path, tiny: Path, tmp_path: Path) -> None:
    first, second = sql_llama.evaluate(questions, [tiny, str(tiny)], questions.parent, out=tmp_path / "out", limit=2)
    assert (first.name, second.name) == ("tiny", "tiny-2")
    assert first.score is not None and first.score.n == 2 and len(second.rows) == 2
    assert (tmp_path / "out" / "report.html").is_file() and (tmp_path / "out" / "tiny-2.jsonl").is_file()


def test_one_model_may_give_several_candidates(questions: Path, tiny: Path) -> None:
    (model,) = sql_llama.evaluate(questions, tiny, questions.parent, candidates=2, limit=1)
    assert model.facts["beams"] == 2


def test_a_missing_file_is_an_error_of_ours(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.jsonl"):
        sql_llama.evaluate(tmp_path / "nothing.jsonl", tiny)
