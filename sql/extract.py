"""The SQL in an answer that may be chatty."""

import re
from collections.abc import Sequence

from ..core.control_tokens import unmasked

FENCE = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
NAME = r"(?:\w+|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\])"
QUERY = rf"(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?{NAME}(?:\s*\([^()]*\))?\s+AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\()"
START = re.compile(rf"\b{QUERY}", re.IGNORECASE)
LINE_START = re.compile(rf"(?:^|[:>]|[^\w\s]`)[ \t]*[\"'`(]?(?={QUERY})", re.IGNORECASE | re.MULTILINE)
SHOUTED = re.compile(r"\b(?:SELECT|WITH)\b")
WRITE = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|EXPLAIN|"
    r"CREATE\s+(?:OR|TEMP|TEMPORARY|UNIQUE|TABLE|VIEW|INDEX|TRIGGER))\b[^;]*\Z",
    re.IGNORECASE,
)
PIECE = re.compile(
    r"```|--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]\n]*\]|;|\s+|[^\s;'\"`\[/-]+|.",
    re.DOTALL,
)
GOES_ON = re.compile(
    r"\s*(?:UNION|INTERSECT|EXCEPT|WHERE|FROM|(?:INNER|LEFT|RIGHT|FULL|CROSS|NATURAL)?\s*(?:OUTER\s+)?JOIN|"
    r"GROUP|HAVING|ORDER|LIMIT|SELECT|AND|OR|ON|\))\b",
    re.IGNORECASE,
)
PROSE = re.compile(
    r"\s*\n\s*(?:This|The|That|Here|Note|It|In|You|We|Please|Explanation|Answer|Question|Output|Result)\b[^=<>()]*$",
    re.MULTILINE,
)


def extract_sql(text: str) -> str:
    """Return the SQL in an answer that may be chatty: in the first fenced block that holds a query, else in the prose.

    A query ends at its `;`, at a fence, where prose follows on a line of its own, or at the end. It comes back on one
    line, without comments. Text without any query comes back stripped as it is, so that it is judged (and refused) as
    what the model said; a statement that writes keeps its verb for the same reason.

    >>> extract_sql("Sure! Here it is:\\n```sql\\nSELECT 1;\\n```\\nThis selects one.")
    'SELECT 1'
    >>> extract_sql("The query is SELECT a FROM t WHERE b = 'x;y'; it reads t.")
    "SELECT a FROM t WHERE b = 'x;y'"
    """
    for block in FENCE.findall(text):
        bare = _without_comments(block)
        if START.search(bare):
            return _first_statement(bare)
    if START.search(text):
        return _first_statement(text)
    return unmasked(text).strip().rstrip(";").strip()


def _without_comments(sql: str) -> str:
    return "".join(" " if piece.startswith(("--", "/*")) else piece for piece in PIECE.findall(sql))


def _first_statement(text: str) -> str:
    # "I will select the names. SELECT name ..." says it twice: a query begins a line or quotation, or is in capitals
    likely = LINE_START.search(text)
    shouted = next((match for match in SHOUTED.finditer(text) if START.match(text, match.start())), None)
    plain = START.search(text)
    assert plain is not None
    start = likely.end() if likely else shouted.start() if shouted else plain.start()
    # a statement that is not a query stands before the SELECT that it contains
    write = WRITE.search(text[:start])
    body = text[write.start() if write else start :]
    opening = text[start - 1 : start]
    if not write and opening and opening in "\"'`":
        body = _quotation(body, opening)
    out: list[str] = []
    for match in PIECE.finditer(body):
        piece = match.group()
        if piece in (";", "```"):
            break
        if piece.isspace():
            if re.search(r"\n\s*\n", piece) and not GOES_ON.match(body, match.end()):
                break
            if PROSE.match(body, match.start()) and not GOES_ON.match(body, match.end()):
                break
        blank = piece.isspace() or piece.startswith(("--", "/*"))
        out.append(" " if blank else piece)
    return unmasked(re.sub(r"^ +| +$", "", "".join(_single(out))))


def _single(pieces: Sequence[str]) -> list[str]:
    """The pieces without a blank after a blank; those inside quotes are part of a piece and stay."""
    return [piece for at, piece in enumerate(pieces) if piece != " " or at == 0 or pieces[at - 1] != " "]


def _quotation(body: str, quote: str) -> str:
    """What stands before the closing quote, when the query is quoted as a whole; its own quotes come in pairs."""
    for inside, match in enumerate(re.finditer(re.escape(quote), body)):
        if inside % 2 == 0 and not re.match(r"\w", body[match.end() : match.end() + 1]):
            return body[: match.start()]
    return body
