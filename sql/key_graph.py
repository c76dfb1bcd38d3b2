"""The keys of a schema as a graph: which tables are joined over which columns, and the shortest way between two."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ..core.records import Schema
from .names import fold


@dataclass(frozen=True)
class Edge:
    """`left.left_column = right.right_column`, names folded."""

    left: str
    left_column: str
    right: str
    right_column: str

    @property
    def turned(self) -> "Edge":
        """The same in the other direction."""
        return Edge(self.right, self.right_column, self.left, self.left_column)


class KeyGraph:
    """The foreign keys of a schema, in both directions."""

    def __init__(self, schema: Schema) -> None:
        self.edges: dict[str, list[Edge]] = {fold(table.name): [] for table in schema.tables}
        for key in schema.foreign_keys:
            edge = Edge(*map(fold, (key.table, key.column, key.ref_table, key.ref_column)))
            if edge.left in self.edges and edge.right in self.edges:
                self.edges[edge.left].append(edge)
                if edge.left != edge.right:
                    self.edges[edge.right].append(edge.turned)

    def between(self, one: str, other: str) -> list[Edge]:
        """Return the edges from one table straight to another."""
        return [edge for edge in self.edges.get(one, ()) if edge.right == other]

    def way(self, start: Iterable[str], goal: str) -> list[Edge] | None:
        """Return the edges of the shortest way from any of the tables to `goal`; None where there is none."""
        begin = list(dict.fromkeys(start))
        seen, waiting = set(begin), deque((table, list[Edge]()) for table in begin)
        while waiting:
            table, path = waiting.popleft()
            if table == goal:
                return path
            for edge in self.edges.get(table, ()):
                if edge.right not in seen:
                    seen.add(edge.right)
                    waiting.append((edge.right, [*path, edge]))
        return None
