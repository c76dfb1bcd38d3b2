"""Why a pair is not learnt: few short reasons, which are counted."""

from ...core.errors import QueryError

WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "SELECT INTO", "COPY", "TRUNCATETABLE")
CHANGES = ("CREATE", "DROP", "ALTER", "ALTERTABLE")


class LeftOut(Exception):
    """Why a pair is not learnt: one of few short reasons, which are counted."""


def refusal(error: QueryError) -> str:
    """Give the reason to count for an answer that sql/guard.py refuses."""
    message = error.message
    kind = message.rpartition(" not ")[2]
    if "statements" in message or "more than one statement" in message:
        return "several statements"
    if "no query" in message:
        return "empty answer"
    if "locks rows" in message:
        return "locks rows"
    if "the function" in message:
        return "function that is not for queries"
    return "writes" if kind in WRITES else "changes the schema" if kind in CHANGES else "not a query"


def failure_reason(message: str, parsed: bool) -> str:
    """Give the reason to count for what SQLite says against a query; `parsed` when some dialect reads it as one."""
    for start in ("no such table", "no such column", "no such function"):
        if message.startswith(start):
            return start
    if message.startswith("ambiguous column"):
        return "ambiguous column"
    if "statement at a time" in message:
        return "several statements"
    if "not authorized" in message or "prohibited" in message:
        return "not a query"
    if any(part in message for part in ("syntax error", "incomplete input", "unrecognized token")):
        return "not SQLite's SQL" if parsed else "cannot be parsed"
    return "fails in SQLite" if message else "not SQLite's SQL"
