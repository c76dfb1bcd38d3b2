"""Which validation questions a model in training is asked, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.records import Column, Example, Hint, Schema, Table
from sql_llama.data.pairs import write_pairs
from sql_llama.modelfiles.templates import family
from sql_llama.models.tokens import chat_tokens
from sql_llama.prompts.messages import messages
from sql_llama.train.model import load_tokenizer
from sql_llama.train.questions import LONGEST, make_questions


@dataclass(frozen=True)
class First:
    """An exam of the first pairs."""

    examples: Sequence[Example]

    def right(self, texts: Sequence[str]) -> Sequence[bool]:
        return [False] * len(texts)


def first(examples: Sequence[Example], count: int) -> First:
    return First(examples[:count])


def none(examples: Sequence[Example], count: int) -> First:
    return First(())


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Nine short pairs with a hint, and one about a table of 400 columns."""
    examples = []
    for number in range(10):
        columns = [Column(f"column_{place}", "text") for place in range(400 if number == 3 else 2)]
        schema = Schema((Table(f"t{number}", tuple(columns)),), (), f"t{number}")
        sql = f"SELECT t{number}.column_0 FROM t{number} WHERE t{number}.column_1 = 'x'"
        hints = (Hint(f"t{number}", "column_1", "x"),)
        examples.append(Example(f"Which of t{number} has x?", sql, schema, hints, f"t{number}", "test"))
    write_pairs(tmp_path / "valid.jsonl", examples)
    return tmp_path / "valid.jsonl"


def test_the_whole_schema_and_the_hints_are_shown_and_long_prompts_left_out(
    recipe_file: Path, tiny_base: Path, pairs: Path
) -> None:
    recipe, _ = read_recipe(str(recipe_file), ["train.eval_steps=5", "train.eval_questions=20"])
    made = make_questions(recipe, tiny_base, pairs, first)
    assert made is not None
    names = [example.database for example in made.exam.examples]
    assert sorted(names) == [f"t{number}" for number in range(10) if number != 3] and names != sorted(names)
    tokenizer, chatml = load_tokenizer(tiny_base), family("chatml")
    for example, prompt in zip(made.exam.examples, made.prompts, strict=True):
        chat = messages(example.schema, example.question, hints=example.hints)
        assert "values: " in chat[-1].content
        assert list(prompt) == chat_tokens(chat, tokenizer, chatml)
    longest = max(len(tokenizer(e.sql + chatml.end_of_turn)["input_ids"]) for e in made.exam.examples)
    assert made.limit == min(LONGEST, 2 * longest)
    again = make_questions(recipe, tiny_base, pairs, first)
    assert again is not None and [example.database for example in again.exam.examples] == names


def test_none_where_none_are_wanted_or_possible(
    recipe_file: Path, tiny_base: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made(exam: object, *sets: str) -> object:
        recipe, _ = read_recipe(str(recipe_file), sets)
        return make_questions(recipe, tiny_base, pairs, exam)  # type: ignore[arg-type]

    assert made(first) is None and made(first, "train.eval_steps=5", "train.eval_questions=0") is None
    assert made(None, "train.eval_steps=5") is None and capsys.readouterr().err == ""
    assert made(none, "train.eval_steps=5") is None
    assert "cannot be judged" in capsys.readouterr().err
    with pytest.raises(SqlLlamaError, match="no question can be judged"):
        made(none, "train.eval_steps=5", "train.best=execution")
