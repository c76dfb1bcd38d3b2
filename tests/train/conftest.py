"""Fixtures of tests that train."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def recipe_file(tiny_base: Path, tmp_path: Path) -> Path:
    """A recipe over 24 small pairs of 12 tables and the tiny base."""
    lines = []
    for number in range(24):
        table = f"t{number % 12}"
        lines.append(
            {
                "question": f"How many rows of {table} have an age above {number}?",
                "schema": f"CREATE TABLE {table} (name TEXT, age INT)",
                "sql": f"SELECT count(*) FROM {table} WHERE age > {number}",
                "table_id": table,
            }
        )
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"""
name = "tiny"
[base]
model = "{tiny_base}"
[data]
jsonl = ["{tmp_path / "pairs.jsonl"}"]
valid_share = 0.2
[lora]
r = 4
[train]
quantization = "none"
epochs = 10
max_steps = 6
batch = 4
micro_batch = 2
save_steps = 4
log_steps = 1
"""
    )
    return path
