"""The frozen records that rooms hand to each other."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name as the database spells it; `type` int, real, text, date or bool; `samples` frequent cells."""

    name: str
    type: str
    primary_key: bool = False
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view; `derived` says that a query makes it."""

    name: str
    columns: tuple[Column, ...]
    derived: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`table.column` refers to `ref_table.ref_column`."""

    table: str
    column: str
    ref_table: str
    ref_column: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables and keys of one database, in the order in which the database lists them."""

    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A cell of the database whose text stands in the question: `table.column = 'value'`."""

    table: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its gold SQL in the project's style (see sql/normalise.py).

    `database` names the schema the question belongs to: data is split by it, so that no schema is in two parts.
    """

    question: str
    sql: str
    schema: Schema
    hints: tuple[Hint, ...] = ()
    database: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an engine: raw `text`, generated `tokens`, wall `seconds`; `stopped` False when cut by the limit.

    `confidence` is the probability that the model gave this very text, None where the engine does not say.
    """

    text: str
    tokens: int = 0
    seconds: float = 0.0
    stopped: bool = True
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Rows that a query returned; `truncated` True when there were more than the cap."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; role is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Score:
    """How one model did on one question file. Shares are in 0..1."""

    model: str
    n: int
    execution_accuracy: float
    valid_sql: float
    exact_match: float
    seconds: float
    extra: dict[str, Any] = field(default_factory=dict)
