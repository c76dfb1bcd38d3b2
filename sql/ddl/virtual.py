"""The columns of SQLite's virtual tables for full-text search and for boxes, and the tables that these keep beside."""

from collections.abc import Sequence

from ..names import fold
from ..types import simple_type
from .changes import Draft
from .tokens import MARK, Token, closing, items, name_at, written

BESIDE = {
    **dict.fromkeys(("fts3", "fts4"), ("content", "segments", "segdir", "docsize", "stat")),
    "fts5": ("data", "idx", "content", "docsize", "config"),
    **dict.fromkeys(("rtree", "rtree_i32"), ("node", "rowid", "parent")),
}
"""Modules that are known, and what the names of their own tables end in."""


def virtual_table(statement: Sequence[Token], at: int) -> tuple[Draft, set[str]] | None:
    """Return the table and the folded names of those beside it, for what stands at `at` after CREATE VIRTUAL TABLE.

    None for modules that are not known.
    """
    at += 3 * ([token.word for token in statement[at : at + 3]] == ["IF", "NOT", "EXISTS"])
    owner, name, at = name_at(statement, at)
    if not name or [token.word for token in statement[at : at + 1]] != ["USING"]:
        return None
    module = fold(statement[at + 1].text) if at + 1 < len(statement) else ""
    if module not in BESIDE:
        return None
    opened = at + 2
    end = closing(statement, opened) if statement[opened : opened + 1] == [(MARK, "(")] else -1
    table = Draft(name, fold(owner))
    for part in items(statement[opened + 1 : end]) if end > 0 else ():
        _column(part, module, table)
    if not table.columns and module in ("fts3", "fts4"):
        table.columns["content"] = ("content", "text")
    return table, {f"{fold(name)}_{ending}" for ending in BESIDE[module]}


def _column(part: Sequence[Token], module: str, table: Draft) -> None:
    """Read one argument: a column, or an option of the module, which is passed over."""
    if part[0] == (MARK, "+"):  # a column of an rtree that is not searched by
        if len(part) > 1:
            name = written(part[1])
            table.columns[fold(name)] = (name, simple_type(fold(part[2].text) if len(part) > 2 else ""))
        return
    name = written(part[0])
    option = len(part) > 1 and part[1].text == "="
    if not name or option or (module in ("fts3", "fts4") and fold(name) == "tokenize"):
        return
    kind = "text"
    if module.startswith("rtree"):
        kind = "int" if not table.columns or module == "rtree_i32" else "real"
        if not table.columns:
            table.primary.append(fold(name))
    table.columns[fold(name)] = (name, kind)
