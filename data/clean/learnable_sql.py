"""Which answers of a file of pairs are learnt: one query that reads, over tables and columns that its schema has.

SQLite is the judge. The tables are made in memory as the prompt shows them, with a few rows; the answer must run there,
and what is learnt must return what the answer does. Everything else is skipped with its reason.
"""

import contextlib
import logging
import re
from collections.abc import Iterator

from ...core.errors import DataError, QueryError
from ...sql.compare import orders
from ...sql.guard import one_statement
from ...sql.normalise import normalise
from .in_sqlite import DATE_CAST, check_query, in_sqlite
from .left_out import LeftOut
from .quoted_texts import quote_texts
from .trial_database import TrialDatabase, failure, trial_rows

LONGEST = 10_000  # characters of an answer; the longest of Spider has 577
DEEPEST = 40  # brackets in brackets: parsers take long over more
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]")
COMMENT = re.compile(r"--|/\*")
TEXT_ADDED = re.compile(r"''\s*\+|\+\s*''")
FULL_TEXT = re.compile(r"""[\w"`\]]\s+MATCH\s*['(]""", re.IGNORECASE)
MAIN = re.compile(r"\b(?:main|temp)\W{0,2}\.", re.IGNORECASE)


@contextlib.contextmanager
def quiet_parser() -> Iterator[None]:
    """Keep sqlglot's warnings off the console: what it cannot read is counted here."""
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def learnable_sql(answer: str, trial: TrialDatabase, ddl: str) -> str:
    """Give the SQL to learn for an answer, in plain style where that returns the same rows. Raises LeftOut.

    `ddl` says which qualifiers (`mine.seam`) there are.
    """
    text = one_statement(answer.lstrip("\ufeff \t\r\n")).strip()
    if not text:
        raise LeftOut("empty answer")
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        raise LeftOut("too long or too many nested brackets")
    check_query(text)
    bare_text = re.sub(r"'(?:[^']|'')*'", "''", text)
    if FULL_TEXT.search(bare_text):
        raise LeftOut("full-text search")  # runs over no table that is made here
    if TEXT_ADDED.search(bare_text):
        raise LeftOut("not SQLite's SQL")  # it runs, and adds up numbers
    failed = failure(text, trial)
    if failed or MAIN.search(bare_text) or DATE_CAST.search(bare_text):
        text = in_sqlite(text, trial, ddl, failed)
    quoted = quote_texts(text, trial.connection, trial.schema)
    if quoted is None:
        raise LeftOut("no such column")
    return _plain(quoted, trial)


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in re.findall(r"[()]", QUOTED.sub("", text)):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _plain(text: str, trial: TrialDatabase) -> str:
    """The query in plain style, or as it is where that would return other rows."""
    try:
        plain = normalise(text, trial.schema)
    except (DataError, RecursionError):
        plain = ""
    ordered = orders(text)
    expected, *results = trial_rows([text, plain] if plain else [text], trial, plain, ordered)
    if isinstance(expected, QueryError):
        raise LeftOut("takes too long" if expected.kind in ("timeout", "memory") else "fails in SQLite")
    for result in results:
        if not isinstance(result, QueryError) and (result == expected or "RANDOM()" in plain):
            return plain
    return one_line(text)


def one_line(text: str) -> str:
    """Put a query on one line; its texts keep every blank. Raises LeftOut for comments, which would not end."""
    if COMMENT.search(QUOTED.sub("", text)):
        raise LeftOut("cannot be parsed")
    pieces = re.split(f"({QUOTED.pattern})", text)
    pieces[::2] = [re.sub(r"\s+", " ", piece) for piece in pieces[::2]]
    return "".join(pieces).strip()
