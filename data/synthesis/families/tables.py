"""Read all tables of templates (*.toml) once, and say where one has a mistake."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .frames import Frame, TemplateError, read_frame
from .notation import ROLES, Phrase, Slot, Template
from .read_template import read_phrase, read_template

FOLDER = Path(__file__).parent
FAMILIES = ("single", "order", "groups", "joins", "children", "links", "sets", "dates", "shares")
HEADER = re.compile(r"\[(\w+)\]")
PHRASES = ("condition", "order", "extreme", "adjective", "aggregate")

SEVERAL_AGGREGATES = (
    ("average", "AVG({column})"),
    ("[maximum|highest]", "MAX({column})"),
    ("[minimum|lowest]", "MIN({column})"),
)
"""Aggregates as they stand in a list of several: words before the column, and SQL."""


@dataclass(frozen=True)
class Phrases:
    """All phrases of a kind; `roles` says how often a column of a role is taken."""

    kind: str
    roles: Mapping[str, float]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True)
class Aggregate:
    """An aggregate as it stands in a list of several: words that go before the column, and SQL."""

    words: Frame
    sql: Frame


@dataclass(frozen=True)
class Tables:
    """All templates, and the phrases by kind."""

    templates: tuple[Template, ...]
    phrases: Mapping[str, Phrases]
    several_aggregates: tuple[Aggregate, ...]


@functools.cache
def read_tables(folder: Path = FOLDER) -> Tables:
    """Read all tables of a folder. Raises TemplateError with the file, the line and the template."""
    templates = tuple(
        read_template(name, table, place)
        for family in FAMILIES
        for name, table, place in _entries(folder / f"{family}.toml")
    )
    names = [template.name for template in templates]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise TemplateError(f"{folder}: templates of one name: {', '.join(repeated)}")
    phrases = {kind: _phrases(folder / "phrases" / f"{kind}.toml", kind) for kind in PHRASES}
    _check_only(templates, phrases)
    several = tuple(
        Aggregate(read_frame(words, "several aggregates"), read_frame(sql, "several aggregates"))
        for words, sql in SEVERAL_AGGREGATES
    )
    return Tables(templates, phrases, several)


def _check_only(templates: tuple[Template, ...], phrases: Mapping[str, Phrases]) -> None:
    """The phrases that templates limit their slots to exist."""
    for template in templates:
        for name, slot in template.slots.items():
            if isinstance(slot, Slot) and slot.only:
                known = {phrase.template.name for phrase in phrases[slot.kind].phrases}
                if missing := sorted(set(slot.only) - known):
                    raise TemplateError(f"{template.place} {name}: no such {slot.kind}: {', '.join(missing)}")


def _phrases(path: Path, kind: str) -> Phrases:
    (_, roles, place), *entries = _entries(path)
    if not ROLES.issuperset(roles) or not all(isinstance(weight, int | float) for weight in roles.values()):
        raise TemplateError(f"{place}: [roles] gives each role of a column its weight, and nothing else")
    weights = {role: float(str(weight)) for role, weight in roles.items()}
    return Phrases(kind, weights, tuple(read_phrase(*entry) for entry in entries))


def _entries(path: Path) -> Iterator[tuple[str, dict[str, object], str]]:
    """The tables of a file, each with its name, and its file and line."""
    text = path.read_text(encoding="utf-8")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{path.name}: not TOML: {error}") from None
    lines = {match[1]: number for number, line in enumerate(text.splitlines(), 1) if (match := HEADER.match(line))}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise TemplateError(f"{path.name}: {name} stands outside of a table")
        yield name, table, f"{path.name}:{lines.get(name, 0)}"
