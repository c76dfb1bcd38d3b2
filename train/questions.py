"""The validation questions that a model in training is asked: those of an exam whose prompts fit."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import SqlLlamaError
from ..core.progress import say
from ..core.recipe import Recipe
from ..core.records import Example, Message
from ..data.pairs import read_pairs
from ..modelfiles.templates import family
from ..models.tokens import answered_tokens
from ..prompts.messages import messages
from .exam import Exam, MakeExam
from .model import load_tokenizer

LONGEST = 256  # tokens of an answer, as in evaluations


@dataclass(frozen=True)
class Questions:
    """What the model is asked: the exam, its prompts as token ids, and the most tokens that an answer may have."""

    exam: Exam
    prompts: Sequence[Sequence[int]]
    limit: int


def make_questions(recipe: Recipe, base: Path, valid_pairs: Path, exam: MakeExam | None) -> Questions | None:
    """Choose the questions at random, the same in every process and every run over the same pairs.

    The model sees the whole schema and the hints, as in use. None where the recipe asks for no evaluation or no
    questions, and where there is no `exam`. Raises SqlLlamaError for evaluations without validation pairs, and where
    the run's adapter is chosen by answers and no question can be judged.
    """
    train = recipe.train
    if not train.eval_steps:
        return None
    examples = list(read_pairs(valid_pairs))
    if not examples:
        raise SqlLlamaError(
            f"{valid_pairs}: no validation pairs, which train.eval_steps requires",
            fix="--set data.valid_share=0.05, or pairs about more databases",
        )
    if exam is None or not train.eval_questions:
        if train.best == "execution":
            raise SqlLlamaError("train.best = execution requires questions", fix="--set train.eval_questions=100")
        return None
    tokenizer, chat_family = load_tokenizer(base), family(recipe.base.family)
    random.Random(recipe.data.seed).shuffle(examples)
    rows = [(_chat(example), example.sql) for example in examples]
    tokens = answered_tokens(rows, tokenizer, chat_family)
    fitting = {pair: item for pair, item in zip(examples, tokens, strict=True) if len(item.ids) <= train.max_tokens}
    made = exam(list(fitting), train.eval_questions)
    if not made.examples:
        if train.best == "execution":
            raise SqlLlamaError(
                f"{valid_pairs}: no question can be judged: rows cannot be made for any of their databases",
                fix="--set train.best=loss",
            )
        say(
            "The validation questions cannot be judged, since no rows can be made for them: the loss alone is measured."
        )
        return None
    asked = [fitting[example] for example in made.examples]
    longest = max(len(item.ids) - item.prompt for item in asked)
    return Questions(made, [item.ids[: item.prompt] for item in asked], min(LONGEST, 2 * longest))


def _chat(example: Example) -> tuple[Message, ...]:
    return messages(example.schema, example.question, hints=example.hints)
