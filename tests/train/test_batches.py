"""The order of training: whole batches of like length, the same for the same seed."""

import itertools
from pathlib import Path

import pytest
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Recipe
from sql_llama.core.records import Column, Example, Schema, Table
from sql_llama.modelfiles.templates import family
from sql_llama.train.batches import lay_out
from sql_llama.train.model import load_tokenizer
from sql_llama.train.tokens import Tokens


def example(number: int, tables: int = 2) -> Example:
    schema = Schema(tuple(Table(f"t{i}", (Column("name", "text"), Column("age", "int"))) for i in range(tables)))
    asked = "How many " + "very " * (number % 7) + f"old people have the number {number}?"
    return Example(asked, f"SELECT t0.name FROM t0 WHERE t0.age = {number}", schema, database=f"d{number}")


EXAMPLES = [example(number) for number in range(50)]


def recipe(tmp_path: Path, *overrides: str) -> Recipe:
    path = tmp_path / "r.toml"
    path.write_text('name = "r"\n[base]\nmodel = "x"\n[train]\nbatch = 4\nmax_tokens = 2000\n')
    return read_recipe(str(path), overrides)[0]


@pytest.fixture
def order(tiny_base: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    tokenizer = load_tokenizer(tiny_base)

    def lay(*overrides: str, examples: list[Example] = EXAMPLES) -> tuple[list[Tokens], dict[str, int]]:
        return lay_out(examples, recipe(tmp_path, *overrides), tokenizer, family("chatml"))

    return lay


def ids(tokens: list[Tokens]) -> list[list[int]]:
    return [item.ids.tolist() for item in tokens]


def answers(tokens: list[Tokens]) -> list[tuple[int, ...]]:
    return [tuple(item.ids[item.prompt :].tolist()) for item in tokens]


def test_only_whole_batches_and_no_pair_twice_in_an_epoch(order) -> None:  # type: ignore[no-untyped-def]
    rows, left_out = order()
    assert len(rows) == 48 and left_out == {}
    assert len(set(answers(rows))) == 48


def test_rows_of_a_batch_are_of_like_length(order) -> None:  # type: ignore[no-untyped-def]
    rows, _ = order()
    lengths = [len(item.ids) for item in rows]
    batches = [lengths[i : i + 4] for i in range(0, 48, 4)]
    ranges = sorted((min(batch), max(batch)) for batch in batches)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(ranges))
    assert batches != sorted(batches)  # in random order all the same


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(order) -> None:  # type: ignore[no-untyped-def]
    assert ids(order()[0]) == ids(order()[0])
    assert ids(order()[0]) != ids(order("train.seed=2")[0])
    assert ids(order()[0]) != ids(order("data.seed=2")[0])


def test_an_epoch_shows_the_pairs_in_a_new_way(order) -> None:  # type: ignore[no-untyped-def]
    rows, _ = order("train.epochs=2")
    assert len(rows) == 96 and ids(rows[:48]) == ids(order()[0])
    assert {tuple(row) for row in ids(rows[:48])} != {tuple(row) for row in ids(rows[48:])}


@pytest.mark.parametrize("epochs, count", [("0.5", 24), ("1.5", 72), ("0.001", 0), ("2.0", 96)])
def test_part_of_an_epoch_is_part_of_the_pairs(epochs: str, count: int, order) -> None:  # type: ignore[no-untyped-def]
    assert len(order(f"train.epochs={epochs}")[0]) == count


def test_max_steps_cuts_the_order_and_changes_nothing_before(order) -> None:  # type: ignore[no-untyped-def]
    rows, _ = order("train.epochs=3", "train.max_steps=5")
    assert ids(rows) == ids(order("train.epochs=3")[0])[:20]


def test_fewer_pairs_than_a_batch_fill_it(order) -> None:  # type: ignore[no-untyped-def]
    rows, _ = order(examples=EXAMPLES[:3])
    assert len(rows) == 4 and len(set(answers(rows))) == 3
    assert order(examples=[]) == ([], {})


def test_a_pair_too_long_loses_tables_or_is_left_out_and_counted(order) -> None:  # type: ignore[no-untyped-def]
    wide = [example(number, tables=40) for number in range(8)]
    rows, left_out = order("train.max_tokens=400", "data.drop_tables=0", "data.as_ddl=0", examples=wide)
    assert len(rows) == 8 and left_out == {"thinned to fit train.max_tokens": 8}
    assert all(len(item.ids) <= 400 for item in rows)
    rows, left_out = order("train.max_tokens=64", examples=wide)
    assert rows == [] and left_out == {"longer than train.max_tokens": 8}
