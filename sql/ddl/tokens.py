"""DDL text of any dialect, cut into statements of tokens in linear time.

Not covered: MySQL's `DELIMITER`, bodies of stored programs (their statements are read as if they stood alone).
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...core.errors import DataError


class Token(NamedTuple):
    """A piece of DDL. `kind` is word (bare), name (in quotes, which `text` lacks), text ('...', as it is) or mark."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """Return the bare word in capitals; empty for everything else, so that a quoted name is no keyword."""
        return self.text.upper() if self.kind == "word" else ""


PIECE = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|\#(?=\s)[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    |(?P<word>(?:[\w$@\#]|[^\x00-\x7f\s])+)
    |"(?P<double>(?:[^"]|"")*)"|`(?P<back>(?:[^`]|``)*)`|\[(?P<square>(?:[^\[\]]|\]\])*)\]
    |(?P<mark>[<>=!|:&~^%]+|[^'"`\[])""",
    re.DOTALL | re.VERBOSE,
)
TEXT = re.compile(r"'(?:[^']|'')*'")
ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
MARK = "mark"
ALTER_TABLE = ("ALTER", "TABLE")
BEFORE_A_TEMPORARY = frozenset("TABLE EXISTS INTO ON ONLY REFERENCES FROM JOIN UPDATE DELETE EXEC PROCEDURE .".split())
"""Before a `#` that begins a name of SQL Server, and no comment."""
BEFORE_A_NAME = frozenset(("TABLE", "EXISTS", "INTO", "ON", "ONLY", "REFERENCES", "VIEW", "."))


COPIED = re.compile(
    r"^COPY\s[^;\n]*\bFROM\s+stdin\b[^;\n]*;.*?(?:^\\\.[ \t]*\r?$|\Z)", re.DOTALL | re.IGNORECASE | re.MULTILINE
)


def without_rows(ddl: str) -> str:
    """Return the text without pg_dump's rows: from COPY ... FROM stdin to a line of a backslash and a dot."""
    return COPIED.sub("", ddl) if "stdin" in ddl.lower() else ddl


def statements(ddl: str) -> Iterator[list[Token]]:
    """Yield the statements of a text, each without its semicolon. `GO` ends one too, and `CREATE` begins one.

    Raises DataError when a quote is not closed.
    """
    statement: list[Token] = []
    depth = 0
    all_tokens = tokens(ddl)
    for token, following in zip(all_tokens, [*all_tokens[1:], Token(MARK, ";")], strict=False):
        go = begins = False
        if not depth and token.kind == "word" and token.word in ("GO", "CREATE", "ALTER"):
            named = bool(statement) and (statement[-1].word or statement[-1].text) in BEFORE_A_NAME
            go = not named and token.word == "GO"
            begins = not named and (token.word == "CREATE" or (token.word, following.word) == ALTER_TABLE)
        is_end = go or token == (MARK, ";")
        if statement and (is_end or begins):
            yield statement
            statement, depth = [], 0
        if not is_end:
            statement.append(token)
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == MARK else 0
    if statement:
        yield statement


def tokens(ddl: str) -> list[Token]:
    """Return the tokens of a text. A backslash escapes a quote in MySQL only; in doubt, both readings are tried."""
    first, second = (ESCAPED, TEXT) if "`" in ddl else (TEXT, ESCAPED)
    try:
        return list(_tokens(ddl, first))
    except DataError:
        if "\\" not in ddl:
            raise
        return list(_tokens(ddl, second))


def _tokens(ddl: str, text: re.Pattern[str]) -> Iterator[Token]:
    at, end = 0, len(ddl)
    last = ";"
    while at < end:
        match = text.match(ddl, at) if ddl[at] == "'" else PIECE.match(ddl, at)
        if match is None:
            raise DataError(f"the schema cannot be parsed: {ddl[at]} is not closed", fix="give CREATE TABLE statements")
        if ddl[at] == "#" and match.lastgroup == "word" and last not in BEFORE_A_TEMPORARY:
            line = ddl.find("\n", at)
            at = line if line >= 0 else end  # a comment of MySQL
            continue
        at = match.end()
        kind = match.lastgroup
        if kind != "blank":
            last = match.group().upper()
        if kind is None:
            yield Token("text", match.group())
        elif kind == "dollar":
            closing = ddl.find(match.group(), at)
            if closing < 0:
                raise DataError(
                    f"the schema cannot be parsed: {match.group()} is not closed", fix="give CREATE TABLE statements"
                )
            yield Token("text", "''")
            at = closing + len(match.group())
        elif kind == "double":
            yield Token("name", match.group(kind).replace('""', '"'))
        elif kind == "back":
            yield Token("name", match.group(kind).replace("``", "`"))
        elif kind == "square":
            inside = match.group(kind).replace("]]", "]")
            yield Token("square" if re.fullmatch(r"\d*", inside) else "name", inside)
        elif kind != "blank":
            yield Token(kind, match.group())


def closing(of: Sequence[Token], opening: int) -> int:
    """Return the place of the bracket that closes the one at `opening`; -1 when there is none."""
    depth = 0
    for place in range(opening, len(of)):
        if of[place] == (MARK, "("):
            depth += 1
        elif of[place] == (MARK, ")"):
            depth -= 1
            if not depth:
                return place
    return -1


def items(of: Sequence[Token]) -> list[Sequence[Token]]:
    """Return the parts between the commas that stand in no bracket; empty parts are passed over."""
    parts: list[Sequence[Token]] = []
    begin = depth = angles = 0
    for place, token in enumerate(of):
        if token.kind != MARK:
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth:  # ARRAY<STRUCT<a INT, b TEXT>> is one type
            angles = max(0, angles + token.text.count("<") - token.text.count(">"))
        if token.text == "," and not depth and not angles:
            parts.append(of[begin:place])
            begin = place + 1
    parts.append(of[begin:])
    return [part for part in parts if part]


def name_at(of: Sequence[Token], at: int) -> tuple[str, str, int]:
    """Return what is before a name's last part, that part, and the place after it; empty when there is no name."""
    parts: list[str] = []
    while at < len(of):
        text = written(of[at])
        if not text:
            break
        parts.append(text)
        at += 1
        dots = 0
        while of[at : at + 1] and of[at] == (MARK, "."):  # SQL Server leaves parts out: mine..seam
            at, dots = at + 1, dots + 1
        if not dots:
            break
    return ".".join(parts[:-1]), parts[-1] if parts else "", at


def written(token: Token) -> str:
    """Return the name that a token is, empty for none. SQLite and MySQL read a text as a name where one is wanted."""
    if token.kind == "text":
        return token.text[1:-1].replace("''", "'")
    return "" if token.kind == MARK else token.text


def names_in(part: Sequence[Token], opened: int) -> list[str]:
    """Return the names in a bracket: each part's first, since `(a DESC, b(10))` is written too."""
    end = closing(part, opened)
    return [written(item[0]) for item in items(part[opened + 1 : end if end > 0 else len(part)])]
