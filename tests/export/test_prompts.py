"""The context that a Modelfile asks for."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.prompts import check_schema_fits, context_for
from sql_llama.modelfiles.templates import family

EXAMPLE = ("How many pets are there?", "SELECT count(*) FROM pets")


@pytest.mark.parametrize(
    ("schema", "examples", "tokens"),
    [("", 0, 2048), ("pets.id integer\n", 2, 3072), ("", 10, 3072)],
)
def test_the_context_has_room_for_the_examples_beside_what_a_question_needs(
    schema: str, examples: int, tokens: int, tiny_base: Path, tmp_path: Path
) -> None:
    """Where it has not, Ollama leaves out the oldest messages without a word."""
    shutil.copy(tiny_base / "tokenizer.json", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 8192}))
    made = context_for(tmp_path, family("chatml"), tmp_path / "none.jsonl", schema, [EXAMPLE] * examples)
    assert made == tokens


def test_a_schema_that_the_context_cannot_hold_is_refused(tiny_base: Path, tmp_path: Path, pets: Path) -> None:
    large = tmp_path / "large.sqlite"
    with closing(sqlite3.connect(large)) as connection:
        for number in range(60):
            columns = ", ".join(f"column_number_{place} TEXT" for place in range(12))
            connection.execute(f"CREATE TABLE table_number_{number} ({columns})")
    with pytest.raises(
        DataError, match=r"large\.sqlite: its schema, .* need \d{5} tokens of context, and the model has 2048"
    ):
        check_schema_fits(tiny_base, str(large))
    check_schema_fits(tiny_base, str(large), num_ctx=131072)
    check_schema_fits(tiny_base, str(pets))
    with pytest.raises(DataError, match="no such database"):
        check_schema_fits(tiny_base, str(tmp_path / "none.sqlite"))
