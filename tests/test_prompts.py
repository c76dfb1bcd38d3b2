"""The context that a Modelfile asks for."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.export.prompts import context_for
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
