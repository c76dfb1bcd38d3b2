"""Which columns a template may speak of: the needs that the tables of templates name, and words that depend on them."""

import re
from collections.abc import Callable

from ..facts import Field
from .naming import HAPPENED


class Unfit(LookupError):
    """This database, or this draw, has nothing for the template."""


COUNTED = "number of "
EVENTS = re.compile(
    r"\b(founded|opened|built|released|established|published|launched|born|hired|joined|made|created|planted|acquired"
    r"|signed|started|ordered)\b"
)
ACTIVE = ("joined", "started")
UNEVENTFUL = ("paid", "played", "purchased", "acquired", "aired", "returned")
EVENT_NOUNS = {
    **{noun: participle for participle, noun in HAPPENED.items() if participle not in UNEVENTFUL},
    "birth": "born", "release": "released", "hire": "hired", "opening": "opened", "publication": "published",
    "order": "ordered", "build": "built", "construction": "built", "foundation": "founded", "launch": "launched",
    "join": "joined",
}  # fmt: skip
MANIFOLD = 8
"""More texts than that, and people ask for those that contain a word."""
FEW = 60
"""Up to so many different numbers, people ask for the rows that have exactly one of them."""
ADJECTIVAL = frozenset(
    """
    premium crewed incumbent paid active inactive available current public private open closed valid visible hidden
    online offline mandatory optional optional urgent free official national international foreign
    """.split()
)


def event(field: Field) -> str:
    """Name the participle that a column of time speaks of, or nothing: `release year` gives `released`."""
    if field.role not in ("date", "year"):
        return ""
    noun = field.nouns[0]
    match = EVENTS.search(noun)
    if match:
        return match[1]
    if noun == "date of birth":
        return "born"
    return EVENT_NOUNS.get(noun.split()[0], "") if noun.count(" ") == 1 else ""


def happened(field: Field) -> str:
    """Name the verb of the event: `joined`, `were released`; nothing without an event."""
    participle = event(field)
    return participle if participle in ACTIVE or not participle else f"were {participle}"


def undone(field: Field) -> str:
    """Name the verb of the event that a missing date says did not happen: `have not been shipped`."""
    participle = event(field)
    been = "" if participle in ACTIVE else "been "
    return f"have not {been}{participle}" if participle else ""


def property_words(field: Field) -> str:
    """Say what a flag tells of a row: `solar status` gives `solar`; nothing for other columns."""
    noun = field.nouns[0]
    return noun.removesuffix(" status") if field.role == "flag" and noun.endswith(" status") else ""


def _has(field: Field) -> bool:
    return re.match(r"(?:has|Has|HAS)[_A-Z]", field.name) is not None


def _adjectival(field: Field) -> bool:
    words = property_words(field)
    return not _has(field) and bool(
        words
        and (
            words.split()[0].endswith(("ed", "able", "ible"))
            or re.match(r"(?:is|Is|IS)[_A-Z]", field.name)
            or words in ADJECTIVAL
        )
    )


def _bare(field: Field) -> bool:
    return field.nouns[0].split()[0] not in ("total", "average", "maximum", "minimum")


NEEDS: dict[str, Callable[[Field], bool]] = {
    "shared": lambda field: bool(field.frequent) and field.distinct > 1,
    "varied": lambda field: field.distinct > 1,
    "complete": lambda field: not field.nulls,
    "nulls": lambda field: field.nulls,
    "whole": lambda field: field.whole,
    "fractional": lambda field: not field.whole,
    "textual": lambda field: all(isinstance(cell, str) for cell in field.cells[:5]),
    "title": lambda field: field.titles,
    "untitled": lambda field: not field.titles,
    "participles": lambda field: all(
        re.fullmatch(r"[a-z]+(ed|en|ent|aid|ing)|open", str(cell)) for cell in field.cells
    ),
    "several_values": lambda field: len(field.cells) > 2,
    "eventful": lambda field: bool(event(field)),
    "uneventful": lambda field: not event(field),
    "counted": lambda field: field.nouns[0].startswith(COUNTED),
    "uncounted": lambda field: not field.nouns[0].startswith(COUNTED),
    "bare": _bare,
    "lone": lambda field: field.lone,
    "years": lambda field: len({str(cell)[:4] for cell in field.cells}) > 1,
    "months": lambda field: len({str(cell)[:7] for cell in field.cells}) > 2,
    "few": lambda field: field.distinct <= FEW,
    "manifold": lambda field: field.distinct > MANIFOLD,
    "own": lambda field: field.role == "key" and not field.refers and field.unique,
    "done": lambda field: bool(event(field)) and event(field) not in ("born", *ACTIVE),
    "has": lambda field: bool(property_words(field)) and _has(field),
    "adjectival": _adjectival,
    "property": lambda field: bool(property_words(field)) and not _has(field) and not _adjectival(field),
}
"""What a column must be like, by the word that tables of templates use. `shared`: several rows have the same cell."""
