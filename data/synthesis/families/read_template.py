"""Read one template, or one phrase, of a TOML table, and check it: names, forms, and literals on both sides."""

import re
from collections.abc import Mapping

from ..language.fitness import NEEDS
from .frames import Frame, Pick, Ref, TemplateError, read_frame, refs, slot_name
from .notation import (
    FORMS,
    KINDS,
    LITERALS,
    OF_COLUMN,
    OF_TABLE,
    OPTIONS,
    PHRASE_KEYS,
    ROLES,
    SCOPES,
    TABLE_NAMES,
    TEMPLATE_KEYS,
    Choice,
    Phrase,
    Slot,
    Template,
)


def read_template(name: str, table: Mapping[str, object], place: str) -> Template:
    """Read one template of a TOML table; `place` is its file and line.

    Raises TemplateError with the place, the template and the key.
    """
    place = f"{place}: [{name}]"
    over = _text(table, "over", place)
    if over not in SCOPES or over == "column":
        raise TemplateError(f"{place} over: no scope {over!r}, but {', '.join(SCOPES)}")
    slots = _slots(table, TEMPLATE_KEYS, SCOPES[over], place)
    template = Template(
        name,
        place,
        _weight(table, place),
        over,
        slots,
        _frames(table, "ask", place),
        _frames(table, "what", place),
        read_frame(_text(table, "sql", place), f"{place} sql"),
        _person(table, place),
    )
    if not template.ask and not template.what:
        raise TemplateError(f"{place}: has neither ask nor what")
    questions = [(frame, "ask") for frame in template.ask] + [(frame, "what") for frame in template.what]
    _check(template, questions, frozenset(SCOPES[over]))
    return template


def read_phrase(name: str, table: Mapping[str, object], place: str) -> Phrase:
    """Read one phrase of a TOML table; `place` is its file and line.

    Raises TemplateError with the place, the phrase and the key.
    """
    place = f"{place}: [{name}]"
    slots = _slots(table, PHRASE_KEYS, ("column",), place)
    says = _frames(table, "is", place)
    sql = read_frame(_text(table, "sql", place), f"{place} sql")
    say = _frames(table, "say", place)
    if not say:
        raise TemplateError(f"{place}: has no say")
    template = Template(name, place, _weight(table, place), "column", slots, say, (), sql, _person(table, place))
    given = frozenset(["column", *(["is"] if says else [])])
    # `whose {is}` has the literals of `is`
    own = [(frame, "say") for frame in say if "is" not in {ref.slot for ref in refs(frame)}]
    _check(template, [*own, *((frame, "is") for frame in says)], given, also=say)
    roles = tuple(_text(table, "roles", place).split())
    needs = tuple(str(table.get("needs", "")).split())
    if not ROLES.issuperset(roles) or not set(NEEDS).issuperset(needs):
        raise TemplateError(f"{place}: no such role or need: {' '.join(sorted({*roles, *needs} - ROLES - set(NEEDS)))}")
    nouns, endings, not_endings = (_texts(table, key, place) for key in ("nouns", "endings", "not_endings"))
    return Phrase(template, says, roles, nouns, endings, not_endings, needs)


def read_slot(text: str, known: tuple[str, ...], place: str) -> Slot:
    """Read a slot, given the names before it. Raises TemplateError."""
    head, *options = (part.strip() for part in text.split(","))
    kind, _, of = head.partition(" of ")
    if kind not in KINDS:
        raise TemplateError(f"{place}: no kind {kind!r}, but {', '.join(KINDS)}")
    read: dict[str, object] = {}
    for option in options:
        key, value = _option(option, place)
        read[key] = value
    slot = Slot(kind, of, **read)  # type: ignore[arg-type]
    for name in (slot.of, slot.above, *slot.without):
        if name and name not in known:
            raise TemplateError(f"{place}: nothing before it is called {name!r}")
    _check_slot(slot, place)
    return slot


def _check_slot(slot: Slot, place: str) -> None:
    """The target is of the right sort, and what the kind draws from is given."""
    if slot.kind in OF_TABLE and slot.of not in TABLE_NAMES:
        raise TemplateError(f"{place}: {slot.kind!r} is of a table ({', '.join(sorted(TABLE_NAMES))})")
    if slot.kind in OF_COLUMN and (not slot.of or slot.of in TABLE_NAMES):
        raise TemplateError(f"{place}: {slot.kind!r} is of a column")
    if slot.kind == "column" and not slot.roles:
        raise TemplateError(f"{place}: which roles may the column have?")
    if slot.kind in ("number", "count", "aggregates") and not slot.numbers:
        raise TemplateError(f"{place}: which numbers may it be?")


def _option(option: str, place: str) -> tuple[str, object]:
    first, *rest = option.split()
    words = (first, *rest)
    if first == "not":
        return "without", tuple(rest)
    if first == "only":
        return "only", tuple(rest)
    if first == "above" and len(rest) == 1:
        return "above", rest[0]
    if re.fullmatch(r"\d+%", option):
        return "share", int(option[:-1]) / 100
    if all(word.isdigit() for word in words):
        return "numbers", tuple(map(int, words))
    for key, names in (("roles", ROLES), ("needs", frozenset(NEEDS)), ("options", frozenset(OPTIONS))):
        if names.issuperset(words):
            return key, words
    raise TemplateError(f"{place}: {option!r} is no option of a slot")


def _slots(
    table: Mapping[str, object], keys: frozenset[str], scope: tuple[str, ...], place: str
) -> dict[str, Slot | Choice]:
    slots: dict[str, Slot | Choice] = {}
    for name, value in table.items():
        if name in keys:
            continue
        if name in scope:
            raise TemplateError(f"{place} {name}: is a name of the scope")
        where = f"{place} {name}"
        if isinstance(value, str):
            slots[name] = read_slot(value, (*scope, *slots), where)
        elif isinstance(value, list) and value:
            slots[name] = _choice(value, where)
        else:
            raise TemplateError(f"{where}: neither a slot nor a list of words")
    return slots


def _choice(items: list[object], place: str) -> Choice:
    words, sql, weights = [], [], []
    for item in items:
        entry = item if isinstance(item, list) else [item, ""]
        if not 2 <= len(entry) <= 3 or not isinstance(entry[0], str) or not isinstance(entry[1], str):
            raise TemplateError(f"{place}: {item!r} is not words, SQL and perhaps a weight")
        words.append(read_frame(entry[0], place))
        sql.append(read_frame(entry[1], place))
        weights.append(float(str(entry[2])) if len(entry) == 3 else 1.0)
    return Choice(tuple(words), tuple(sql), tuple(weights))


def _check(
    template: Template, questions: list[tuple[Frame, str]], scope: frozenset[str], also: tuple[Frame, ...] = ()
) -> None:
    """Names and forms exist; each literal stands in the query and in every question; no slot is drawn for nothing."""
    place, slots = template.place, template.slots
    known = scope | set(slots)
    inner = [frame for slot in slots.values() if isinstance(slot, Choice) for frame in (*slot.words, *slot.sql)]
    for frame in (template.sql, *(frame for frame, _ in questions), *also, *inner):
        for ref in refs(frame):
            if slot_name(ref, known) is None:
                raise TemplateError(f"{place}: no slot {{{ref.slot}}}")
            if ref.form and ref.form not in set(FORMS) | known:
                raise TemplateError(f"{place}: no form {ref.form!r} in {{{ref.slot}:{ref.form}}}")
    _check_connected(template)
    literals = {name for name, slot in slots.items() if isinstance(slot, Slot) and slot.kind in LITERALS}
    in_sql = _reached(template.sql, slots, known, side="sql")
    for frame, key in questions:
        named = _reached(frame, slots, known, side="words")
        certain = _reached(frame, slots, known, side="words", certain=True)
        if named & literals != in_sql & literals or not certain >= in_sql & literals:
            odd = ", ".join(sorted((named | in_sql) - (certain & in_sql) & literals))
            raise TemplateError(f"{place} {key}: question and SQL differ in a literal: {odd}")
    used = in_sql | {name for frame, _ in questions for name in _reached(frame, slots, known, side="words")}
    used |= {name for slot in slots.values() if isinstance(slot, Slot) for name in (slot.of, slot.above)}
    if idle := sorted(set(slots) - used):
        raise TemplateError(f"{place}: drawn and not used: {', '.join(idle)}")


def _check_connected(template: Template) -> None:
    """Conditions beside an AND have no OR of their own, which would bind less."""
    for place, part in enumerate(template.sql):
        slot = template.slots.get(part.slot) if isinstance(part, Ref) else None
        if not isinstance(slot, Slot) or slot.kind not in ("condition", "filters") or "simple" in slot.options:
            continue
        around = (str(template.sql[place - 1]), str(template.sql[place + 1]) if place + 1 < len(template.sql) else "")
        if around[0].rstrip().endswith(" AND") or around[1].lstrip().startswith("AND "):
            raise TemplateError(f"{template.place} sql: a condition beside an AND has to be `simple`")


def _reached(
    frame: Frame, slots: Mapping[str, Slot | Choice], known: frozenset[str], side: str, *, certain: bool = False
) -> frozenset[str]:
    """The slots that a frame may name; with `certain`, those that it names whichever way it is rendered."""
    names: frozenset[str] = frozenset()
    for part in frame:
        if isinstance(part, Ref):
            name = slot_name(part, known) or ""
            slot = slots.get(name)
            ways = (slot.words if side == "words" else slot.sql) if isinstance(slot, Choice) else ()
            names |= {name}
        else:
            ways = part.options if isinstance(part, Pick) else ()
        reached = [_reached(way, slots, known, side, certain=certain) for way in ways]
        if reached:
            names |= frozenset.intersection(*reached) if certain else frozenset.union(*reached)
    return names


def _text(table: Mapping[str, object], key: str, place: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise TemplateError(f"{place}: {key} is not a text")
    return value


def _texts(table: Mapping[str, object], key: str, place: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TemplateError(f"{place}: {key} is not a list of texts")
    return tuple(value)


def _frames(table: Mapping[str, object], key: str, place: str) -> tuple[Frame, ...]:
    return tuple(read_frame(text, f"{place} {key}") for text in _texts(table, key, place))


def _weight(table: Mapping[str, object], place: str) -> float:
    weight = table.get("weight")
    if not isinstance(weight, int | float) or weight <= 0:
        raise TemplateError(f"{place}: weight is not a number above 0")
    return float(weight)


def _person(table: Mapping[str, object], place: str) -> bool | None:
    value = table.get("person")
    if value is not None and not isinstance(value, bool):
        raise TemplateError(f"{place}: person is not true or false")
    return value
