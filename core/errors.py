"""Errors that a user can do something about."""


class SqlLlamaError(Exception):
    """A failure told in one line: the file and the problem in `message`, the command or change that helps in `fix`.

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


class NotExported(DataError):
    """A run without the file that ships, or no such run at all."""


class QueryError(SqlLlamaError):
    """A query that was refused, failed, or ran out of time or rows."""
