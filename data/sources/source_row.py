"""One row of a source as it stands there: what every layout yields, and what the checks take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A question with its SQL, and the schema or the database that it asks.

    `number` is its line; in lists, Parquet and Arrow its place, from 1. `schema` is DDL text, which may hold INSERT
    rows; `db` is the path of a SQLite file instead. Rows of one `group` ask one database whatever their schemas show
    of it. `evidence` is knowledge that the question needs (BIRD). `review` marks a question that a program wrote.
    """

    number: int
    question: str
    sql: str
    schema: str = ""
    db: str = ""
    group: str = ""
    evidence: str = ""
    review: bool = False
