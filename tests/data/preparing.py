"""Pairs of a recipe's [data], prepared as `train` does."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sql_llama.core.recipe import Base, Data, Recipe
from sql_llama.core.records import Example
from sql_llama.data.pairs import read_pairs
from sql_llama.data.prepare.prepare import TRAIN, VALID, Prepared, prepare


@dataclass(frozen=True)
class Pairs:
    train: list[Example]
    valid: list[Example]
    left_out: dict[str, int]
    prepared: Prepared


def recipe_of(data: Data) -> Recipe:
    return Recipe(name="test", base=Base(model="no/such-model"), data=data)


def prepared_pairs(data: Data, folder: Path) -> Pairs:
    """The pairs of these sources; `folder` gets the files."""
    out = folder / "prepared"
    prepared = prepare(recipe_of(data), out, out / "work")
    left_out = Counter({f"{s.name}: {why}": n for s in prepared.sources for why, n in s.left_out.items()})
    return Pairs(list(read_pairs(out / TRAIN)), list(read_pairs(out / VALID)), dict(left_out), prepared)
