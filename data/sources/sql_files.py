"""SQL files: a folder of `.sql` files with the question in a comment, or a log of queries without any question.

The questions of a log are written from the query (`sql/explain.py`) and marked for review.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import DataError
from ...sql.explain import explain
from .file_rows import file_rows, row_texts
from .pair_rows import FIELDS, PairRow, row_files
from .unread import Unread

PIECE = re.compile(
    r"""(?P<line>--[^\n]*|\#(?=\s)[^\n]*)|(?P<block>/\*.*?\*/)|(?P<end>;)|(?P<code>'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|[^'"#;/-]+|.)""",
    re.DOTALL | re.VERBOSE,
)
LABEL = re.compile(r"^\s*(?:question|q|frage|prompt|title|description)\s*[:.]\s*", re.IGNORECASE)
NO_QUESTION = "no question in a comment before the query"
JINJA = re.compile(r"\{\{|\{%")
LARGEST = 100_000_000  # bytes of a file
COLUMNS = ("sql", "query", "statement", "query_text", "SQL", "sql_text", "compiled_code", "compiled_sql", "raw_sql")


def sql_file_rows(path: Path) -> Iterator[PairRow]:
    """Yield a row for each statement of the `.sql` files, the comment before it as its question. Raises DataError."""
    for file in _sql_files(path):
        text = _read(file)
        for line, comment, statement in statements(text):
            yield PairRow(line, comment, "", statement, fault="" if comment else NO_QUESTION, file=str(file))


def query_log_rows(path: Path) -> Iterator[PairRow]:
    """Yield a row for each query of a log: `.sql` files, or rows with a column of SQL. Raises DataError."""
    seen: set[int] = set()
    files = sorted(path.rglob("*.sql")) if path.is_dir() else [path] if path.suffix == ".sql" else []
    for file in files:
        for line, _, statement in statements(_read(file)):
            yield from _logged(file, line, statement, seen)
    for file in [] if files else row_files(path):
        for number, item in file_rows(file, _wanted, f"give rows with a column of SQL ({', '.join(COLUMNS[:4])})"):
            if isinstance(item, Unread):
                yield PairRow(number, "", "", "", fault=item, file=str(file))
            elif isinstance(item, dict):
                yield from _logged(file, number, row_texts(item, COLUMNS) or row_texts(item, FIELDS["sql"]) or "", seen)


def statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the statements of a text: the line each begins in, the comment before it, and its SQL without comments.

    >>> list(statements("-- How many?\\nSELECT 1; /* and\\nthis */ SELECT 2 -- no\\n;"))
    [(2, 'How many?', 'SELECT 1'), (3, 'and this', 'SELECT 2')]
    """
    comments: list[str] = []
    code, line, begin = "", 1, 0
    for match in itertools.chain(PIECE.finditer(text), [None]):
        kind = match.lastgroup if match else "end"
        piece = match.group() if match else ""
        if kind == "end":
            if code.strip():
                yield begin, _comment(comments), code.strip()
            comments, code = [], ""
        elif kind in ("line", "block"):
            if not code.strip():
                comments.append(piece)
            code += " " if code else ""
        else:
            if not code.strip() and piece.strip():
                begin = line + piece[: len(piece) - len(piece.lstrip())].count("\n")
            code += piece
        line += piece.count("\n")


def _comment(comments: list[str]) -> str:
    """The text of comments; of several, one that is labelled as the question is it."""
    texts = [re.sub(r"^(?:--+|#|/\*+)|\*+/$", "", comment).strip() for comment in comments]
    labelled = [LABEL.sub("", text) for text in texts if LABEL.match(text)]
    said = labelled[:1] or [text for text in texts if text]
    return " ".join(" ".join(re.sub(r"(?m)^\s*\*+\s?", "", text) for text in said).split())


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


def _sql_files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.rglob("*.sql"))
    if not files:
        problem = "no such folder" if not path.exists() else "a folder without .sql files"
        raise DataError(f"{path}: {problem}", fix="give a folder of .sql files as path")
    return files


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise DataError(f"{file}: is larger than 100 MB", fix="split -l 100000 cuts it; give the folder")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: cannot be read (not UTF-8: {error.reason})", fix="save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})", fix="check its permissions") from None
