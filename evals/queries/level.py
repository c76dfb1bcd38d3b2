"""What names mean inside one SELECT and the queries around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .syntax import sources

if TYPE_CHECKING:
    from sqlglot import exp

ANY_TABLE = frozenset(("*", "rowid", "oid", "_rowid_"))  # columns that SQLite gives every table


@dataclass(frozen=True)
class Level:
    """What names mean inside one SELECT: by alias or name the key of a source, by key its columns, the named results.

    `numbered`: a table that stands here twice, or in a query around this one, gets a number: t, t#2. `renamed`: the
    names that WITH gives, by place instead.
    """

    known: Mapping[str, list[str]]
    numbered: bool
    keys: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    results: "dict[str, exp.Expr]" = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    outer: "Level | None" = None

    def key(self, name: str) -> str | None:
        """Find the key of a source by its alias or name, from the inside out."""
        level: Level | None = self
        while level is not None:
            if name in level.keys:
                return level.keys[name]
            level = level.outer
        return None

    def owner(self, column: str) -> str | None:
        """Find the source that a column without a table belongs to, from the inside out.

        Of two that have it Spider takes the first; where sources are numbered it is neither, as SQLite asks which.
        """
        level: Level | None = self
        while level is not None:
            owners = [key for key, columns in level.columns.items() if column in columns]
            if owners:
                return "?" if level.numbered and len(owners) > 1 else owners[0]
            level = level.outer
        return None

    def lacks(self, key: str, column: str) -> bool:
        """Tell whether a source surely has no such column; of a function or a SELECT * it is not known."""
        level: Level | None = self
        while level is not None:
            if key in level.columns:
                columns = level.columns[key]
                return bool(columns) and not {"*", column} & set(columns) and column not in ANY_TABLE
            level = level.outer
        return True

    def depth(self) -> int:
        """Count the queries around this one."""
        return 0 if self.outer is None else 1 + self.outer.depth()


def level(select: "exp.Select", known: Mapping[str, list[str]], outer: Level | None, numbered: bool) -> Level:
    """Read the names of one SELECT. `known`: the columns of each table, lower case."""
    from sqlglot import exp

    made = Level(known, numbered, renamed=outer.renamed if outer is not None else {}, outer=outer)
    for place, (node, _) in enumerate(sources(select)):
        if isinstance(node, exp.Table):
            name = node.name.lower()
            name = made.renamed.get(name, name)
            columns = known.get(name, [])
        else:
            name = f"~{made.depth()}.{place}" if numbered else "~"
            inner = node.unnest() if isinstance(node, exp.Subquery) else node
            columns = [item.lower() for item in inner.named_selects] if isinstance(inner, exp.Query) else []
        key, number = name, 1
        while numbered and _taken(made, key):
            number += 1
            key = f"{name}#{number}"
        made.keys[(node.alias_or_name or name).lower()] = key
        made.columns[key] = [*made.columns.get(key, ()), *columns]
    for item in select.expressions:
        if isinstance(item, exp.Alias):
            made.results[item.alias.lower()] = item.this
    return made


def _taken(inside: Level, key: str) -> bool:
    around: Level | None = inside
    while around is not None:
        if key in around.columns:
            return True
        around = around.outer
    return False
