"""The notation of the tables of templates (*.toml beside this file), as it is written and as dataclasses.

A template is one kind of query with the ways to ask for it:

    [most_common]                                   its name
    weight = 1.8                                    how often it is drawn, relative to the others
    over   = "table"                                which tables it is about; fill.py lists what each scope names
    group  = "column of row, group flag, shared"    a slot: what is drawn, in order
    what   = ["most common {group} of the {rows}"]  noun phrases, put behind an opening such as `Show the ...`
    ask    = ["Which {group} do most {rows} have?"] whole questions
    sql    = "SELECT {group} FROM {row} GROUP BY {group} ORDER BY COUNT(*) DESC LIMIT 1"

`{group}` is the slot's SQL in `sql`, and its words in a question. `{groups}` is the plural, `{group:form}` another form
(FORMS).
`[a|b|]` is a choice, which may hold slots and further choices.

A slot is `KIND of TARGET, option, option`: KINDS has the kinds; the target is a table or an earlier slot. Options are:
roles of a column (`group year`), needs (`shared`; language/fitness.py has them), `not a b` (other columns than these
slots have), `above a`, `only a b` (these phrases), numbers to choose from (`1 1 2`), a share (`20%`), and OPTIONS.
A slot may also be a list: of words (`["over {limit}", "above {limit}"]`), or of words with their SQL and perhaps a
weight (`[["most", "DESC", 3], ["fewest", ""]]`).

A phrase (phrases/*.toml) is a template over one column, `column`: a condition, an order, an extreme, an aggregate. It
has `say` instead of `ask`; conditions have a statement as well, `is`, which `say` may name (`whose {is}`). It fits the
columns that have one of its `roles`; further limits are `nouns` (what the column may be called), `endings` and
`not_endings` (how the noun ends), `needs`, and `person` (whether the rows of the table are people).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from ..facts import Role
from .frames import Frame

KINDS = {
    "column": "one column",
    "columns": "some columns, for a select list",
    "title": "the columns that a row is known by",
    "value": "a cell of a column",
    "limit": "a round number inside a column's range",
    "level": "a number inside the range of an aggregate",
    "moment": "a day of a date column, or a year of a year column",
    "year": "the year of a day",
    "month": "the month of a day",
    "months": "some months that follow each other, between two of the days",
    "word": "a word, or some letters, of a cell",
    "start": "the first letters of a cell",
    "end": "the last letters of a cell",
    "yes": "the cell of a flag that means yes; the phrase says it",
    "no": "the cell of a flag that means no; the phrase says it",
    "number": "one of the numbers given; below the count of rows or values of its target",
    "count": "a comparison of COUNT(*) with one of the numbers given",
    "condition": "a condition on a column of a table",
    "filter": "a whole WHERE clause, or nothing: the share says how often",
    "filters": "one or two conditions on a table",
    "order": "the direction of an ORDER BY",
    "extreme": "the column of an ORDER BY that leads to one row",
    "adjective": "the same, said with an adjective: oldest",
    "aggregate": "an aggregate of a column of a table, or another one of the same column",
    "aggregates": "several aggregates of one column",
}
LITERALS = frozenset(
    "value limit level moment year month months word start end number count condition filter filters".split()
)
"""Kinds that bring a literal. When it stands in the query it has to stand in the question, and the other way round."""
OF_TABLE = frozenset("column columns title condition filter filters extreme adjective aggregates".split())
"""Kinds whose target is a table; that of `number`, `order` and `aggregate` may be."""
OF_COLUMN = frozenset("value limit level moment year month months word start end yes no".split())
"""Kinds whose target is a column."""
TABLE_NAMES = frozenset("row item parent left right middle top".split())
"""Names of the scopes that are tables."""
SCOPES: dict[str, tuple[str, ...]] = {
    "table": ("row",),
    "edge": ("item", "parent", "item_key", "parent_key", "from"),
    "edge_to_many": ("item", "parent", "item_key", "parent_key", "from"),
    "edge_complete": ("item", "parent", "item_key", "parent_key", "from"),
    "parallel": ("item", "parent", "item_key", "parent_key", "from"),
    "kind": ("item", "parent", "from"),
    "bridge": ("left", "right", "left_key", "item", "from", "count_from"),
    "junction": ("left", "right", "left_key", "item", "from", "count_from"),
    "chain": ("item", "middle", "top", "from"),
    "far_bridge": ("left", "right", "item", "top", "from"),
    "far_junction": ("left", "right", "item", "top", "from"),
    "self": ("row", "other", "mine", "on"),
    "self_open": ("row", "other", "mine", "on"),
    "column": ("column",),
}
"""What each scope names; fill.py says which tables fit."""
FORMS = {
    "a": "with its article",
    "be": "is or are",
    "many": "in the plural, always",
    "who": "who or that",
    "its": "its or their",
    "one": "of a condition: after a noun in the singular",
    "is": "of a condition: the statement",
    "has": "of a condition: after `has`",
    "verb": "of a condition: after a noun in the plural, as its verb",
    "event": "of a column of time: released",
    "happened": "of a column of time: were released",
    "first_day": "in SQL: the day with which some months begin",
    "last_day": "in SQL: the day with which they end",
    "undone": "of a column of time: have not been released",
    "day": "in SQL: the day of a column of time",
    "the": "of a condition that leads to one row: after `the` and a noun in the singular",
    "property": "of a flag: what it says of a row",
    "counted": "of a number of things: the things",
    "on": "of a moment: with its preposition",
    "t1": "in SQL: under the alias t1",
    "t2": "in SQL: under the alias t2",
}
"""Forms of a slot's words or SQL. The name of a slot that is a number or a count is a form too: the noun agrees."""
OPTIONS = {
    "several": "a condition that more than one row is likely to meet",
    "exact": "a day, not taken out of a time of day",
    "simple": "a condition without OR, fit to stand beside an AND",
    "named": "a title that is a name, not a key",
    "frequent": "a cell that more than one row has, where there are such",
}
TEMPLATE_KEYS = frozenset(["weight", "over", "person", "ask", "what", "sql"])
PHRASE_KEYS = frozenset(["weight", "roles", "nouns", "endings", "not_endings", "needs", "person", "say", "is", "sql"])
ROLES = frozenset(get_args(Role))


@dataclass(frozen=True)
class Slot:
    """What is drawn for one name of a template."""

    kind: str
    of: str = ""
    roles: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    above: str = ""
    only: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    share: float = 1.0


@dataclass(frozen=True)
class Choice:
    """A slot of words with their SQL; `sql` frames are empty for words alone."""

    words: tuple[Frame, ...]
    sql: tuple[Frame, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Template:
    """One kind of query: `what` are noun phrases and `ask` whole questions; of a phrase, `ask` is what it says."""

    name: str
    place: str
    weight: float
    over: str
    slots: Mapping[str, Slot | Choice]
    ask: tuple[Frame, ...]
    what: tuple[Frame, ...]
    sql: Frame
    person: bool | None = None


@dataclass(frozen=True)
class Phrase:
    """A template over one column, and which columns it fits. `says` are the statements of a condition."""

    template: Template
    says: tuple[Frame, ...]
    roles: tuple[str, ...]
    nouns: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    not_endings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
