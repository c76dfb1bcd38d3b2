"""Answers from elsewhere: one line for each question, whose SQL may stand in a fence or in prose."""

import html
import json
import re
from pathlib import Path

from ...core.errors import DataError
from ...sql.extract import NAME, extract_sql
from .questions import Questions, text_of

THOUGHT = re.compile(
    r"\A\s*<(think\w*|thought|reason\w*)>.*?</\1>|\A.*</(?:think\w*|thought|reason\w*)>", re.DOTALL | re.IGNORECASE
)
BLANK = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/|[(;])*"
QUERY = re.compile(
    rf"{BLANK}(?:select\b|values\b|with\s+(?:recursive\s+)?{NAME}(?:\s*\([^()]*\))?\s+as\s*"
    r"(?:(?:not\s+)?materialized\s*)?\()",
    re.DOTALL | re.IGNORECASE,
)
STATEMENT = re.compile(
    rf"{BLANK}(?:with\s.*\)\s*(?:insert|update|delete|replace)\b|insert\s+(?:or\s+\w+\s+)?into\b|replace\s+into\b|"
    r"update\s+\S+\s+set\b|delete\s+from\b|merge\s+into\b|truncate\s|(?:create|alter|drop)\s+\w+|pragma\s|"
    r"(?:at|de)tach\s|vacuum\b|explain\s|analyze\b|reindex\b|(?:begin|commit|rollback|end)\b[\w\s]*(?:;|\Z)|"
    r"savepoint\s|release\s|grant\s|revoke\s|call\s+\w+\s*\(|exec\s|set\s+\w+\s*=|copy\s|(?:use|show)\s+\w+\s*;)",
    re.DOTALL | re.IGNORECASE,
)
"""What changes something, or asks for something else than rows: judged as it is, and so refused."""
MARK = re.compile(r"`{3,}|~{3,}")
LANGUAGE = re.compile(r"[ \t]*(?:(?:\w*sql\w*|postgres|mariadb|duckdb|text|plaintext|code)\b)?", re.IGNORECASE)
CLOSED = r"<[|｜][^<>|｜\s]{1,40}[|｜]>|</(?:s|sql|code|pre|answer)>"
"""What is in no SQL and ends an answer: a model's token for the end, the end of what an answer is wrapped in."""
LAST = rf"(?:{CLOSED}|<(?:eos|end_of_turn|endoftext)>|\[/sql\])\s*\Z"
"""The same and what only at the end is in no SQL."""
END = re.compile(LAST, re.IGNORECASE)
LONGEST_END = 50  # characters of one
WRAPPED = re.compile(
    r"<(sql|code|answer)\b[^<>]*>(?P<tag>.*?)(?:</\1>|\Z)|\[sql\](?P<square>.*?)(?:\[/sql\]|\Z)|"
    r"'''[ \t]*(?:\w*sql\w*\b)?(?P<quotes>.*?)(?:'''\s*(?:\n|\Z)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
PIECE = re.compile(
    rf"(?P<closed>(?i:{CLOSED}|{LAST}))|"
    r"\n[ \t]*(?:`{3,}|~{3,})|`{3,}\s*\Z|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|"
    r"[^\n`'\"\[/<-]+|.",
    re.DOTALL,
)


def read_predictions(path: Path, questions: Questions, *, exact: bool = True) -> list[str]:
    """Return the `sql` of each question that can be asked, from a file with one line per question of the whole file.

    Raises DataError when a line is broken, there are too few, or, when `exact`, too many.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    except FileNotFoundError:
        raise DataError(f"{path}: no such predictions file", fix="check the path given with --predictions") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix='give one {"sql": "..."} per question') from None
    predictions = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: broken JSON ({error})", fix='give {"sql": "..."}') from None
        if not isinstance(row, dict) or not isinstance(row.get("sql"), str):
            raise DataError(f"{path}:{number}: has no sql", fix='give {"sql": "..."}')
        predictions.append(text_of(row["sql"]))
    if len(predictions) < questions.total or (exact and len(predictions) != questions.total):
        counts = f"{len(predictions)} predictions for {questions.total} questions"
        raise DataError(f"{path}: {counts}", fix="give one line per question, in order")
    return [predictions[place] for place in questions.places]


def query_of(text: str) -> str:
    """Return the SQL of a prediction: the text itself when it is SQL, else what the fence in it or its prose holds.

    A fence is taken whole, so that two statements in it, or one that writes, are judged as such and refused; tags such
    as <sql> are fences too. What a model ends its turn with is cut off. Prose without a fence is read as a model's own
    answer is (prompts/messages.py).

    >>> query_of("Here:\\n```sql\\nSELECT 1\\n```\\nThat's it."), query_of("SELECT '```' AS a;")
    ('SELECT 1', "SELECT '```' AS a;")
    """
    bare = text if _is_sql(text) else _without_end(THOUGHT.sub("", text, count=1))
    if _is_sql(bare):
        sql = _before_fence(bare)
        if len(sql) == len(text):
            return text
        if not sql.rstrip().endswith(":"):  # "Select the names:" is no query
            return sql.strip()
    blocks = _fenced(bare) or _wrapped(bare)
    if not blocks:
        return extract_sql(bare)
    queries = [block for block in blocks if QUERY.match(block)]
    likely = [block for block in blocks if re.search(r"\bselect\b", block, re.IGNORECASE)]
    best = (queries or likely or blocks)[0]
    return best.strip() if _is_sql(best) else extract_sql(best)


def _is_sql(text: str) -> bool:
    return QUERY.match(text) is not None or STATEMENT.match(text) is not None


def _before_fence(sql: str) -> str:
    """SQL up to a line that begins with a fence, or to one at its end, outside of its texts and names."""
    for match in PIECE.finditer(sql):
        piece = match.group()
        fence = piece.startswith("```") or (piece[0] == "\n" and len(piece) > 3)
        if fence or match["closed"]:
            return sql[: match.start()]
    return sql


def _without_end(text: str) -> str:
    """A text without what ends it, which is looked for at its end alone: a search would take long on a long text."""
    bare = text.rstrip()
    while match := END.search(bare[-LONGEST_END:]):
        bare = bare[: len(bare) - len(match.group())].rstrip()
    return text if len(bare) == len(text.rstrip()) else bare


def _wrapped(text: str) -> list[str]:
    """The SQL in tags, or in quotes of three; what stands in HTML is written as HTML."""
    blocks = [next(filter(None, match.group("tag", "square", "quotes")), "") for match in WRAPPED.finditer(text)]
    return [html.unescape(block) if "&" in block else block for block in blocks if _is_sql(block)]


def _fenced(text: str) -> list[str]:
    """What stands in each fence of a text, without the language's name; an open fence goes to the end."""
    blocks = []
    at = 0
    while opening := MARK.search(text, at):
        mark = re.escape(opening.group())
        begin = opening.end()
        # a fence is closed on a line of its own, unless all of it is in one line
        close = re.compile(rf"\n[ \t]*{mark}").search(text, begin) or re.compile(mark).search(text, begin)
        body = text[begin : close.start() if close else len(text)]
        first, _, rest = body.partition("\n")
        bare = LANGUAGE.sub("", first, count=1)
        blocks.append(rest if rest and not _is_sql(bare) else f"{bare}\n{rest}")
        at = close.end() if close else len(text)
    return blocks
