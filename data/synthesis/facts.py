"""What templates ask about a database: roles of columns, cells worth naming, how tables hang together."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Role = Literal["key", "code", "number", "year", "date", "flag", "name", "group", "text", "prose"]
"""key: identifies or refers; code: digits that nobody adds up; name: what people call the row by; group: few texts,
many rows; text: many texts; prose: long texts, to be read only."""


@dataclass(frozen=True)
class Field:
    """One column: `sql` in our style, `nouns` what people call it, `cells` up to 200 values fit for a condition."""

    table: str
    name: str
    sql: str
    role: Role
    nouns: tuple[str, ...]
    cells: tuple[str | int | float, ...]
    frequent: tuple[str | int | float, ...]
    distinct: int
    nulls: bool
    table_sql: str
    titles: bool = False
    """Whether a row is known by this column alone."""
    refers: bool = False
    """Whether it is a foreign key: people ask for what it refers to."""
    lone: bool = False
    """Whether it is the only date or year of its table: the latest row is the latest by it."""
    timed: bool = False
    """Whether days have a time behind them, so that a comparison with a day needs DATE()."""

    @property
    def unique(self) -> bool:
        """Whether a cell leads to one row, as far as the rows were read."""
        return self.distinct > 1 and not self.frequent

    @property
    def whole(self) -> bool:
        """Whether its numbers are integers."""
        return all(isinstance(cell, int) for cell in self.cells)


@dataclass(frozen=True)
class Entity:
    """One table: `nouns` in the singular; `title` the columns that a row is known by, none when there are none."""

    name: str
    sql: str
    nouns: tuple[str, ...]
    person: bool
    fields: tuple[Field, ...]
    rows: int
    key: Field | None
    title: tuple[Field, ...]
    spoken: bool
    """Whether a sentence can speak of its rows; link tables are only passed through."""


@dataclass(frozen=True)
class Edge:
    """`child.column` refers to `parent.column`; `nouns` what the parent is to the child (`home team`)."""

    child: Entity
    child_field: Field
    parent: Entity
    parent_field: Field
    nouns: tuple[str, ...]
    parallel: bool
    """Another edge joins the same two tables, so that `the child's parent` would not say which."""

    @property
    def of_a_kind(self) -> bool:
        """Whether both are people, and no two children refer to one parent."""
        return self.child.person and self.parent.person and self.child_field.distinct == self.child.rows > 1


@dataclass(frozen=True)
class Facts:
    """All of a database that the families use."""

    entities: tuple[Entity, ...]
    edges: tuple[Edge, ...]
    column_words: frozenset[str]
    """Every word of every column's noun: a synonym that is also a column's name would say the wrong thing."""

    @cached_property
    def spoken(self) -> list[Entity]:
        """The tables that a sentence can speak of."""
        return [entity for entity in self.entities if entity.spoken]

    @cached_property
    def edges_spoken(self) -> list[Edge]:
        """The keys between two tables that sentences can speak of, where no second key joins the two."""
        return [edge for edge in self._between_spoken if not edge.parallel and not edge.of_a_kind]

    @cached_property
    def kinds(self) -> list[Edge]:
        """Those of edges where the child is the parent: a poker player is a person, and has no person."""
        return [edge for edge in self._between_spoken if edge.of_a_kind]

    @cached_property
    def edges_to_many(self) -> list[Edge]:
        """Those of edges_spoken where a parent has several items: a museum that is an attraction is not counted."""
        return [edge for edge in self.edges_spoken if edge.child_field.distinct < edge.child.rows]

    @cached_property
    def parallel_edges(self) -> list[Edge]:
        """The keys between two tables that another key joins as well."""
        return [edge for edge in self._between_spoken if edge.parallel]

    @cached_property
    def _between_spoken(self) -> list[Edge]:
        two = [edge for edge in self.edges if edge.child.name != edge.parent.name]
        return [edge for edge in two if edge.child.spoken and edge.parent.spoken]

    @cached_property
    def self_edges(self) -> list[Edge]:
        """The keys of tables whose rows refer to rows of the same table, and have a name."""
        return [e for e in self.edges if e.child.name == e.parent.name and e.child.title and e.child.spoken]

    @cached_property
    def links(self) -> list[tuple[Edge, Edge]]:
        """Two keys of one table to two others: a link between these.

        A table that no sentence names links only what no key and no other such table joins: the employees of a job are
        those whose key says so, not those in its history.
        """
        plain = [e for e in self.edges if not e.parallel and e.parent.spoken and e.child.name != e.parent.name]
        pairs = [
            (a, b) for a in plain for b in plain if a.child.name == b.child.name and a.parent.name != b.parent.name
        ]
        joined = {frozenset((e.child.name, e.parent.name)) for e in self.edges}
        tables = {(_two(a, b), a.child.name) for a, b in pairs if not a.child.spoken}
        ways = Counter(two for two, _ in tables)
        return [(a, b) for a, b in pairs if a.child.spoken or (_two(a, b) not in joined and ways[_two(a, b)] == 1)]

    @cached_property
    def chains(self) -> list[tuple[Edge, Edge]]:
        """A key, and a key of the table that it refers to, over three different tables."""
        pairs = [(a, b) for a in self.edges_spoken for b in self.edges_spoken if a.parent.name == b.child.name]
        return [(a, b) for a, b in pairs if len({a.child.name, a.parent.name, b.parent.name}) == 3]


def _two(first: Edge, second: Edge) -> frozenset[str]:
    return frozenset((first.parent.name, second.parent.name))
