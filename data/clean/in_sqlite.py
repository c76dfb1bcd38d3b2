"""An answer in another dialect, or with qualifiers that SQLite does not know, written in SQLite's words."""

import re

from ...core.errors import QueryError
from ...databases.requote import requote
from ...sql.guard import check
from ...sql.names import fold
from .left_out import LeftOut, failure_reason, refusal
from .trial_database import TrialDatabase, failure

OTHERS = ("postgres", "tsql", "mysql")
"""Dialects in which an answer is read that SQLite does not understand."""
QUALIFIERS = re.compile(
    r"""(\w+)[\]"`]?\s*\.|\b(?:SCHEMA|DATABASE|USE)\s+(?:IF\s+NOT\s+EXISTS\s+)?[\["`]?(\w+)""", re.I
)
TIMES = ("datetime", "timestamp", "timestamptz", "timestampltz", "time", "timetz")
DATE_CAST = re.compile(r"\bCAST\s*\(.*?\bAS\s+(?:DATE|TIME)\w*", re.IGNORECASE | re.DOTALL)
USUAL_QUALIFIERS = frozenset(("public", "dbo", "main"))


def in_sqlite(text: str, trial: TrialDatabase, ddl: str, failed: str) -> str:
    """Write a query without qualifiers and in SQLite's words, where it says the same there.

    `failed` is what SQLite has against it, `ddl` says which qualifiers there are. Raises LeftOut.
    """
    import sqlglot
    from sqlglot import ErrorLevel, exp
    from sqlglot.errors import SqlglotError

    rewritten = requote(text, trial.schema) if failed else text
    if failed and not failure(rewritten, trial):
        return rewritten
    qualifiers = USUAL_QUALIFIERS | {fold(name[1] or name[2]) for name in QUALIFIERS.finditer(ddl)}
    parsed = False
    for dialect in ("sqlite", *OTHERS):
        try:
            tree = sqlglot.parse_one(text, read=dialect)
        except (SqlglotError, RecursionError):
            continue
        check_query(text, dialect)
        parsed = parsed or isinstance(tree, exp.Query)
        for node in tree.find_all(exp.Table, exp.Column):
            named = node.table if isinstance(node, exp.Column) else node.name
            if node.text("db") and fold(node.text("db")) in qualifiers and fold(named) in trial.tables:
                node.set("db", None)
                node.set("catalog", None)
        if _means_else(tree, dialect):
            raise LeftOut("not SQLite's SQL")
        try:
            rewritten = tree.sql("sqlite", unsupported_level=ErrorLevel.RAISE, comments=False)
        except (SqlglotError, RecursionError, ValueError):
            continue
        if not failure(rewritten, trial):
            return rewritten
    if not failed and not DATE_CAST.search(text):
        return text
    raise LeftOut(failure_reason(failed, parsed))


def _means_else(tree: object, dialect: str) -> bool:
    """Tell whether SQLite would take the words of this query for something else, though it runs."""
    from sqlglot import exp

    assert isinstance(tree, exp.Expr)
    if any(offset.parent and not offset.parent.args.get("limit") for offset in tree.find_all(exp.Offset)):
        return True  # SQLite has none without LIMIT; in public sets it is what is left of a number: `< 1 OFFSET 780`
    # a cast to a date becomes DATE(...); one to a time has no such word, and SQLite's own cast gives a number
    if any(cast.is_type(*TIMES) for cast in tree.find_all(exp.Cast)):
        return True
    if any(not isinstance(random.parent, exp.Ordered) for random in tree.find_all(exp.Rand)):
        return True  # between 0 and 1 elsewhere, any whole number in SQLite
    if dialect == "sqlite":
        return False
    if tree.find(exp.Interval):
        return True
    return any(side.is_string for added in tree.find_all(exp.Add) for side in (added.left, added.right))


def check_query(text: str, dialect: str = "sqlite") -> None:
    """Let through what the guard takes for one reading query. Raises LeftOut."""
    try:
        check(text, dialect)
    except QueryError as error:
        raise LeftOut(refusal(error)) from None
