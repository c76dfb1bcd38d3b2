"""Accuracy by class of question: hardness, feature of the reference query, database."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..judged_answer import GradedAnswer
from ..queries.hardness import HARDNESS
from .metrics import KINDS, difference, mean

CLASSES = ("hardness", "features", "database")


def breakdown(models: Sequence[Sequence[GradedAnswer]], names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return each class with how many questions it has and every model's accuracy; of two models, their difference.

    Models were asked the same questions. A difference is `beyond_luck` when its p is below 0.05 divided by the
    number of classes (Bonferroni), since of twenty classes one differs by luck.
    """
    out = {}
    for kind in CLASSES:
        places: dict[str, list[int]] = {}
        for place, row in enumerate(models[0]):
            for name in _classes(row, kind):
                places.setdefault(name, []).append(place)
        out[kind] = [
            _class(name, [[rows[place] for place in places[name]] for rows in models], names, len(places))
            for name in sorted(places, key=lambda name: _order(kind, name, len(places[name])))
        ]
    return out


def _classes(answer: GradedAnswer, kind: str) -> tuple[str, ...]:
    if kind == "features":
        return answer.features
    return (answer.hardness if kind == "hardness" else answer.database,)


def _order(kind: str, name: str, count: int) -> tuple[int, str]:
    """Hardness as it grows, features and databases from the most frequent."""
    return (HARDNESS.index(name), "") if kind == "hardness" and name in HARDNESS else (-count, name)


def _class(name: str, models: list[list[GradedAnswer]], names: Sequence[str], classes: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": name,
        "n": len(models[0]),
        "models": {
            model: dataclasses.asdict(mean([float(row.correct) for row in rows]))
            for model, rows in zip(names, models, strict=True)
        },
    }
    if len(models) == 2:
        apart = difference(models[0], models[1], KINDS[0], 0.05 / classes)
        out["difference"] = dataclasses.asdict(apart) if apart else None
    return out
