"""Errors that a user can do something about."""

from typing import Literal

QueryErrorKind = Literal[
    "no_query",
    "refused",
    "syntax",
    "timeout",
    "memory",
    "too_large",
    "missing_table",
    "missing_column",
    "locked",
    "unreadable",
    "other",
]
"""Why a query gave no rows.

no_query: the text holds no query. refused: it does something else than read. syntax: the database cannot parse it.
timeout, memory: it was stopped. too_large: a value is larger than the limit. missing_table, missing_column: it names
one that is not there. locked: another program is writing. unreadable: the file may be damaged or gone. other: the rest.
"""


class SqlLlamaError(Exception):
    """A failure in one line: the file and the problem in `message`, the command or change that helps in `fix`.

    Library code raises it; only cli/ turns it into output and exit code 1.
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} ({self.fix})" if self.fix else self.message


class RecipeError(SqlLlamaError):
    """A recipe or a command's value that cannot be used; exit code 2."""


class DataError(SqlLlamaError):
    """A data file, database or model file that is missing, broken or not what it should be."""


class UnknownFamily(DataError):
    """A model that is whole, but of a family that is not known here: its architecture, tokenizer or chat template."""


class NotExported(DataError):
    """A run without the file that ships, or no such run at all."""


class QueryError(SqlLlamaError):
    """A query that was refused, failed, or ran out of time or memory.

    `kind` says why; `name` is the table or column that is missing, as the database spells it, else "".
    """

    def __init__(self, message: str, *, kind: QueryErrorKind = "other", name: str = "", fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.kind = kind
        self.name = name
