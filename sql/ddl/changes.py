"""Tables as the statements define them, and what ALTER, DROP and RENAME do to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.errors import DataError
from ..names import fold
from .tokens import MARK, Token, closing, items, name_at, written

FIX = "give CREATE TABLE statements"
NO_COLUMN_FOLLOWS = frozenset(("CONSTRAINT", "PRIMARY", "FOREIGN", "INDEX", "KEY", "CHECK", "PARTITION", "UNIQUE"))
"""What stands after DROP and RENAME in ALTER TABLE where no column is meant."""


@dataclass
class Draft:
    """A table that is being read. Names of columns are folded, but for those that are shown."""

    name: str
    owner: str
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Folded name to the name as it is written, and the type."""
    primary: list[str] = field(default_factory=list)
    references: list[tuple[list[str], str, list[str]]] = field(default_factory=list)


@dataclass
class Known:
    """What the statements read so far define."""

    tables: dict[str, Draft] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    """Types of one's own: folded name to one of ours."""
    queries: dict[str, list[Token]] = field(default_factory=dict)
    """Views and tables made by a query: folded name to what stands after CREATE VIEW, in SQLite's order."""
    shadows: set[str] = field(default_factory=set)
    """Folded names of the tables in which virtual tables keep what they hold."""

    def copied(self, name: str) -> Draft:
        """Return the table whose columns another one takes. Raises DataError when it is not there."""
        table = self.tables.get(fold(name))
        if table is None:
            raise DataError(f"the schema takes columns from {name}, which it does not create", fix=FIX)
        return table


def change(action: Sequence[Token], table: Draft, known: Known) -> None:
    """Apply RENAME, CHANGE or DROP of one ALTER TABLE; other actions are passed over."""
    words = [token.word for token in action]
    if words[0] == "RENAME" and words[1:2] in (["TO"], ["AS"]) and len(action) > 2:
        _, new, _ = name_at(action, 2)
        rename_table(table, new, known)
    elif words[0] in ("RENAME", "CHANGE") and words[1] not in NO_COLUMN_FOLLOWS:
        at = 1 + (words[1] == "COLUMN")
        to = at + 1 + (words[at + 1 : at + 2] == ["TO"])
        if to < len(action):
            _rename_column(table, written(action[at]), written(action[to]), known)
    elif words[0] == "DROP" and words[1] not in NO_COLUMN_FOLLOWS:
        at = 1 + (words[1] in ("COLUMN", "COLUMNS"))
        at += 2 * (words[at : at + 2] == ["IF", "EXISTS"])
        if at < len(action) and action[at] == (MARK, "("):
            end = closing(action, at)
            for part in items(action[at + 1 : end if end > 0 else len(action)]):
                drop_column(table, written(part[0]), known)
        elif at < len(action):
            drop_column(table, written(action[at]), known)


def rename_table(table: Draft, new: str, known: Known) -> None:
    """Call a table otherwise, in the keys that refer to it too. Raises DataError when the name is taken."""
    old = fold(table.name)
    if fold(new) != old and fold(new) in known.tables:
        raise DataError(f"the schema has two tables called {new}", fix="give one of them another name")
    table.name = new
    renamed = {(fold(new) if key == old else key): draft for key, draft in known.tables.items()}
    known.tables.clear()
    known.tables.update(renamed)
    for draft in renamed.values():
        draft.references = [
            (own, new if fold(other) == old else other, named) for own, other, named in draft.references
        ]


def _rename_column(table: Draft, old: str, new: str, known: Known) -> None:
    before, after = fold(old), fold(new)
    if before not in table.columns:
        return

    def renamed(names: list[str]) -> list[str]:
        return [new if fold(name) == before else name for name in names]

    table.columns = {
        (after if key == before else key): ((new, kind) if key == before else (name, kind))
        for key, (name, kind) in table.columns.items()
    }
    table.primary = [fold(name) for name in renamed(table.primary)]
    for draft in known.tables.values():
        draft.references = [
            (
                renamed(own) if draft is table else own,
                other,
                renamed(named) if fold(other) == fold(table.name) else named,
            )
            for own, other, named in draft.references
        ]


def drop_column(table: Draft, name: str, known: Known) -> None:
    """Take a column away, and the keys that it is a part of; one that is not there is passed over."""
    low = fold(name)
    if low not in table.columns:
        return
    del table.columns[low]
    table.primary = [column for column in table.primary if column != low]
    for draft in known.tables.values():
        draft.references = [
            (own, other, named)
            for own, other, named in draft.references
            if not (draft is table and low in map(fold, own))
            and not (fold(other) == fold(table.name) and low in map(fold, named))
        ]


def drop(statement: Sequence[Token], known: Known) -> None:
    """Apply DROP TABLE or DROP VIEW, of one or several."""
    at = 1 + next((n for n, token in enumerate(statement) if token.word in ("TABLE", "VIEW")), 0)
    at += 2 * ([token.word for token in statement[at : at + 2]] == ["IF", "EXISTS"])
    for part in items(statement[at:]):
        _, name, _ = name_at(part, 0)
        known.tables.pop(fold(name), None)
        known.queries.pop(fold(name), None)


def rename_tables(statement: Sequence[Token], known: Known) -> None:
    """Apply MySQL's RENAME TABLE a TO b, c TO d."""
    for part in items(statement[2:]):
        _, old, at = name_at(part, 0)
        _, new, _ = name_at(part, at + 1)
        if new and fold(old) in known.tables:
            rename_table(known.tables[fold(old)], new, known)
