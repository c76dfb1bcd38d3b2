"""SQL files: a folder of `.sql` files with the question in a comment, or a log of queries without any question.

The questions of a log are written from the query (`sql/explain.py`) and marked for review.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import DataError
from ...sql.explain import explain
from .file_kind import FIXES, HEAD, cannot_read, kind_of, not_utf8
from .file_rows import file_rows, row_texts
from .pair_rows import FIELDS, PairRow, row_files
from .sql_statements import Statement, statements
from .unread import Unread

NO_QUESTION = "no question in a comment before the query"
JINJA = re.compile(r"\{\{|\{%")
COLUMNS = ("sql", "query", "statement", "query_text", "SQL", "sql_text", "compiled_code", "compiled_sql", "raw_sql")


def sql_file_rows(path: Path) -> Iterator[PairRow]:
    """Yield a row for each statement of the `.sql` files, the comment before it as its question. Raises DataError."""
    files = sql_files(path)
    if not files:
        raise DataError(f"{path}: a folder without .sql files", fix="give a folder of .sql files as path")
    for file, found in _read(path, files):
        fault = found.fault or ("" if found.comment else NO_QUESTION)
        yield PairRow(found.line, found.comment, "", found.sql, fault=fault, file=str(file))


def query_log_rows(path: Path) -> Iterator[PairRow]:
    """Yield a row for each query of a log: `.sql` files, or rows with a column of SQL. Raises DataError."""
    seen: set[int] = set()
    files = sql_files(path) if path.is_dir() or path.suffix == ".sql" else []
    for file, found in _read(path, files) if files else ():
        if found.fault:
            yield PairRow(found.line, "", "", "", fault=found.fault, file=str(file))
        else:
            yield from _logged(file, found.line, found.sql, seen)
    for file in [] if files else row_files(path):
        for number, item in file_rows(file, _wanted, f"give rows with a column of SQL ({', '.join(COLUMNS[:4])})"):
            if isinstance(item, Unread):
                yield PairRow(number, "", "", "", fault=item, file=str(file))
            elif isinstance(item, dict):
                yield from _logged(file, number, row_texts(item, COLUMNS) or row_texts(item, FIELDS["sql"]) or "", seen)


def sql_files(path: Path) -> list[Path]:
    """Return a file, or the `.sql` files in a folder; folders may have such names too."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*.sql") if file.is_file())


def _read(path: Path, files: list[Path]) -> Iterator[tuple[Path, Statement]]:
    """The statements of all files. Raises DataError where there is not one, and for what is no text in UTF-8."""
    empty = True
    for file in files:
        try:
            with file.open("rb") as raw:
                kind = kind_of(raw.read(HEAD))
            if kind:
                raise DataError(f"{file}: is {kind}", fix=FIXES.get(kind, "give SQL as text"))
            with file.open(encoding="utf-8-sig") as text:
                for found in statements(text):
                    empty = False
                    yield file, found
        except UnicodeDecodeError:
            raise not_utf8(file) from None
        except OSError as error:
            raise cannot_read(file, error) from None
    if empty:
        raise DataError(f"{path}: holds no statement", fix="write queries there, each with its question in a comment")


def _logged(file: Path, number: int, statement: str, seen: set[int]) -> Iterator[PairRow]:
    """A query of a log, once; templates are not queries yet."""
    folded = hash(" ".join(statement.split()).lower())
    if folded in seen:
        return
    seen.add(folded)
    if JINJA.search(statement):
        fault = "a template, not a query (give the compiled SQL)"
        yield PairRow(number, "", "", "", fault=fault, file=str(file))
        return
    question = explain(statement)
    if question:
        yield PairRow(number, question, "", statement, review=True, file=str(file))
    else:
        yield PairRow(number, "", "", statement, fault="not a query that can be put into words", file=str(file))


def _wanted(names: object) -> str:
    there = set(names) if isinstance(names, list | tuple) else set()
    return "" if there & {*COLUMNS, *FIELDS["sql"]} else "sql"
