"""A database of a source, opened once: its schema, and the cells that questions may name."""

from dataclasses import dataclass
from pathlib import Path

from ...core.records import Hint, Schema
from ...databases.cells import CellIndex, index_cells
from ...databases.introspect import introspect
from ...prompts.hints import find_hints


@dataclass(frozen=True)
class Database:
    """A database as prompts need it."""

    name: str
    path: Path
    schema: Schema
    cells: CellIndex

    def hints(self, question: str) -> tuple[Hint, ...]:
        """Return the cells that a question names."""
        return find_hints(question, self.cells)


def open_database(path: Path, name: str) -> Database:
    """Introspect a database and index its cells. Raises DataError when it cannot be read."""
    schema = introspect(str(path), name)
    return Database(name, path, schema, index_cells(str(path), schema))
