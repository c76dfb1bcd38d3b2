"""The rows of a pass are as many as the free memory holds, and one line says it when not even one fits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Base, Lora, Recipe, Train
from sql_llama.core.run import create_run
from sql_llama.train.memory import GIB, Passes, choose_passes, container_memory, explain_out_of_memory, training_bytes
from sql_llama.train.tokens import Tokens
from sql_llama.train.train import train

SMOL: dict[str, Any] = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


def recipe(**train: Any) -> Recipe:
    return Recipe(name="some", base=Base(model="some"), lora=Lora(r=16), train=Train(**{"batch": 8, **train}))


def rows(*lengths: int, answer: int = 40) -> list[Tokens]:
    return [Tokens(np.zeros(length, np.int32), length - answer) for length in lengths]


def test_as_many_rows_as_fit_go_through_at_once_a_divisor_of_the_batch() -> None:
    chosen = [choose_passes(recipe(), SMOL, rows(*[350] * 16), 2, int(free * GIB)).rows for free in (1.5, 2, 4, 8)]
    assert chosen == sorted(chosen) and chosen[0] < chosen[-1] == 8
    assert all(8 % count == 0 for count in chosen)
    assert choose_passes(recipe(batch=12), SMOL, rows(*[350] * 12), 2, 3 * GIB).rows in (2, 3, 4, 6)


def test_on_a_cpu_more_than_four_rows_are_not_taken_as_they_gain_nothing() -> None:
    def chosen(batch: int, free: int = 64) -> int:
        tokens = rows(*[350] * batch)
        return choose_passes(recipe(batch=batch), SMOL, tokens, 2, free * GIB, most=4).rows

    assert [chosen(batch) for batch in (1, 2, 3, 6, 7, 8, 12)] == [1, 2, 3, 3, 7, 4, 4]
    assert chosen(7, 2) == 1


def test_what_is_chosen_is_within_what_is_free() -> None:
    for free in (2, 3, 4, 6, 20):
        passes = choose_passes(recipe(), SMOL, rows(*[350] * 16), 2, free * GIB, GIB)
        assert passes.need - GIB <= 0.9 * free * GIB and passes.free == (free + 1) * GIB
    assert Passes(2, 3 * GIB, 4 * GIB).message == (
        "training with 2 rows per pass, about 3.0 GiB of memory (4.0 GiB are free)"
    )
    assert Passes(1, 3 * GIB, 4 * GIB).message.startswith("training with 1 row per pass")


def test_more_rows_longer_rows_and_wider_values_take_more_and_checkpointing_less() -> None:
    def need(tokens: list[Tokens], count: int = 2, width: int = 2, **train: Any) -> int:
        return training_bytes(recipe(**train), SMOL, tokens, count, width)

    plain = need(rows(*[300] * 8))
    assert need(rows(*[300] * 8), 4) > plain and need(rows(*[600] * 8)) > plain
    assert need(rows(*[300] * 8), width=4) > plain
    assert need(rows(*[300] * 8), 8, checkpointing=True) < need(rows(*[300] * 8), 8)
    assert need(rows(*[300] * 8, answer=200)) > plain  # logits
    assert need(rows(*[300] * 8), quantization="none") > plain
    assert need(rows(*[300] * 7, 500)) == need(rows(300, 500))  # the longest pass counts


def test_the_recipes_own_choice_stands() -> None:
    passes = choose_passes(recipe(micro_batch=4), SMOL, rows(*[350] * 16), 2, GIB // 8)
    assert passes.rows == 4 and passes.need > passes.free
    assert choose_passes(recipe(micro_batch=99), SMOL, rows(*[350] * 16), 2, 64 * GIB).rows == 8


def test_where_not_even_one_row_fits_need_free_and_ways_out_are_said() -> None:
    with pytest.raises(
        SqlLlamaError, match=r"needs about \d\.\d GiB of memory with one row per pass, and 1\.5 GiB"
    ) as no:
        choose_passes(recipe(max_tokens=1024), SMOL, rows(*[1000] * 8), 4, GIB // 2, GIB)
    for way in ("close other programs", "train.checkpointing=true", "train.max_tokens=512", "train.micro_batch=1"):
        assert way in no.value.fix
    with pytest.raises(SqlLlamaError) as no:
        choose_passes(recipe(checkpointing=True), SMOL, rows(*[1000] * 8), 4, GIB // 8)
    assert "checkpointing" not in no.value.fix


def of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def train_in_too_little(recipe: Recipe, rows: int, step: Callable[[], object]) -> None:
    with explain_out_of_memory(recipe, rows):
        step()


def test_memory_that_is_used_up_in_training_is_explained_with_the_settings_that_need_less() -> None:
    with pytest.raises(SqlLlamaError, match="the memory is not enough to train with 4 rows per pass") as no:
        train_in_too_little(recipe(max_tokens=1024), 4, lambda: torch.empty(2**50))  # more than a processor can address
    assert no.value.fix == (
        "--set train.micro_batch=1, or --set train.checkpointing=true, or --set train.max_tokens=512"
    )
    with pytest.raises(SqlLlamaError, match="the GPU's memory is not enough to train with 1 row per pass") as no:
        train_in_too_little(recipe(checkpointing=True), 1, of_a_gpu)
    assert no.value.fix == "--set train.max_tokens=512"
    with pytest.raises(RuntimeError, match="another fault"), explain_out_of_memory(recipe(), 1):
        raise RuntimeError("another fault")


def test_a_model_of_unknown_sizes_is_trained_in_whole_batches() -> None:
    assert choose_passes(recipe(), {"n_embd": 768}, rows(*[350] * 16), 4, GIB).rows == 8


def test_a_containers_limit_counts_less_what_it_could_give_up(tmp_path: Path) -> None:
    assert container_memory(tmp_path) is None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {2 * GIB}\ninactive_file {GIB}\n")
    assert container_memory(tmp_path) is None
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    assert container_memory(tmp_path) == 2 * GIB
    old = tmp_path / "old" / "memory"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text(str(8 * GIB))
    (old / "memory.usage_in_bytes").write_text(str(3 * GIB))
    (old / "memory.stat").write_text("cache 5\ninactive_file 0\n")
    assert container_memory(tmp_path / "old") == 5 * GIB


def test_a_training_that_runs_out_of_memory_names_the_settings(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step asks for more memory than there can be, and gets torch's own error."""
    from sql_llama.train.trainer import SqlTrainer

    pair = {"question": "How many?", "schema": "CREATE TABLE t (a INT)", "sql": "SELECT count(*) FROM t"}
    (tmp_path / "pairs.jsonl").write_text(4 * (json.dumps(pair) + "\n"))
    settings = [f"base.model={tiny_base}", f"data.jsonl={tmp_path / 'pairs.jsonl'}", "data.synthetic=0"]
    settings += ["train.batch=2", "train.micro_batch=2", "train.quantization=none", "train.start=base", "lora.r=4"]
    parsed, text = read_recipe("laptop", settings)
    monkeypatch.setattr(SqlTrainer, "compute_loss", lambda *inputs, **more: torch.empty(2**50))
    with pytest.raises(SqlLlamaError, match="not enough to train with 2 rows per pass"):
        train(parsed, create_run(tmp_path / "run", parsed.name, text))


def test_the_forecast_is_compared_with_the_peak() -> None:
    planned = Passes(8, int(11.7 * GIB), 80 * GIB)
    told = planned.compared(10 * GIB)
    assert told == "the fullest pass, of 8 rows, took 10.0 GiB of the GPU's memory; the forecast is 10% higher"
    assert planned.compared(20 * GIB).endswith("the forecast is 45% lower")


def test_fewer_rows_still_divide_a_batch() -> None:
    rows, seen = Passes(12, GIB, 2 * GIB), []
    while rows := rows.fewer(12):
        seen.append(rows.rows)
    assert seen == [6, 4, 3, 2, 1]
