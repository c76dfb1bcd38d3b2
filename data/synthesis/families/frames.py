"""Frames: texts with slots `{name}` and choices `[a|b]`, read once into tuples."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from ....core.errors import SqlLlamaError


class TemplateError(SqlLlamaError):
    """A table of templates has a mistake: the message says in which file, template and key, and what it is."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fix="data/synthesis/families/notation.py explains the notation")


@dataclass(frozen=True)
class Ref:
    """`{slot}`, `{slots}` or `{slot:form}`."""

    slot: str
    form: str = ""
    plural: bool = False


@dataclass(frozen=True)
class Pick:
    """`[a|b]`: one of some frames."""

    options: tuple["Frame", ...]


Frame = tuple[str | Ref | Pick, ...]


def read_frame(text: str, place: str) -> Frame:
    """Read a frame of text, slots and choices. Raises TemplateError where brackets do not close."""
    frame, rest = _sequence(re.findall(r"[\[\]|]|\{[^{}]*\}|[^\[\]|{}]+|.", text), place)
    if rest:
        raise TemplateError(f"{place}: {rest[0]!r} closes or divides nothing in {text!r}")
    return frame


def _sequence(tokens: list[str], place: str, *, inside: bool = False) -> tuple[Frame, list[str]]:
    parts: list[str | Ref | Pick] = []
    while tokens and (tokens[0] not in "|]"):
        token, *tokens = tokens
        if token == "[":
            options = []
            while True:
                option, tokens = _sequence(tokens, place, inside=True)
                options.append(option)
                if not tokens:
                    raise TemplateError(f"{place}: a choice is not closed with ]")
                sign, *tokens = tokens
                if sign == "]":
                    break
            parts.append(Pick(tuple(options)))
        elif token.startswith("{"):
            match = re.fullmatch(r"\{(\w+)(?::(\w+))?\}", token)
            if match is None:
                raise TemplateError(f"{place}: {token!r} is not {{slot}} or {{slot:form}}")
            parts.append(Ref(match[1], match[2] or ""))
        else:
            parts.append(token)
    return tuple(parts), tokens


def refs(frame: Frame) -> Iterator[Ref]:
    """Yield all slots that a frame may name."""
    for part in frame:
        if isinstance(part, Ref):
            yield part
        elif isinstance(part, Pick):
            for option in part.options:
                yield from refs(option)


def slot_name(ref: Ref, known: Set[str]) -> str | None:
    """Find the slot that is meant: `{rows}` is the plural of `row`."""
    if ref.slot in known:
        return ref.slot
    return ref.slot[:-1] if ref.slot.endswith("s") and ref.slot[:-1] in known else None
