"""The statements of a SQL file with the comments before them, read in blocks: memory does not grow with the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from .unread import LONGEST_ROW, TOO_LONG

BLOCK = 1 << 16  # characters that are read at once
OPENS = re.compile(r"""'|"|;|--|/\*|\#(?=\s)""")
CLOSES = {"'": "'", '"': '"', "--": "\n", "#": "\n", "/*": "*/"}
OPEN = {"'": "a quote is not closed", '"': "a quote is not closed", "/*": "a comment is not closed"}
HALVES = {"": "-/#", "/*": "*"}  # at the end of a block: the other half stands in the next one
COMMENTS = ("--", "#", "/*")
LABEL = re.compile(r"^\s*(?:question|q|frage|prompt|title|description)\s*[:.]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement without its comments, the line it begins in and the comment before it; `fault`: it is not whole."""

    line: int
    comment: str
    sql: str
    fault: str = ""


@dataclass(slots=True)
class _Begun:
    """A statement while it is read."""

    line: int = 0
    size: int = 0
    code: list[str] = field(default_factory=list)
    comments: list[list[str]] = field(default_factory=list)

    def add(self, kind: str, text: str, line: int, *, new: bool) -> None:
        """Take a piece that begins in this line; nothing is held of a statement that has become too long."""
        comment = kind in COMMENTS
        if not self.line and not comment and text.strip():
            self.line = line + text[: len(text) - len(text.lstrip())].count("\n")
        self.size += len(text) if self.line or comment else 0
        if self.size > LONGEST_ROW:
            self.code, self.comments = [], []
        elif self.line:
            self.code += [text] if not comment else [" "] if new else []
        elif comment and (new or not self.comments):
            self.comments.append([text])
        elif comment:
            self.comments[-1].append(text)

    def made(self) -> Statement:
        """Give the statement, which ends here."""
        if self.size > LONGEST_ROW:
            return Statement(self.line, "", "", TOO_LONG)
        return Statement(self.line, _comment(["".join(pieces) for pieces in self.comments]), "".join(self.code).strip())


def statements(file: TextIO) -> Iterator[Statement]:
    """Yield the statements of a text. One that is too long, or is open at the end of the file, has a fault.

    >>> import io
    >>> [(s.line, s.comment, s.sql) for s in statements(io.StringIO("-- How many?\\nSELECT 1; /* a\\nb */ SELECT 2"))]
    [(2, 'How many?', 'SELECT 1'), (3, 'a b', 'SELECT 2')]
    """
    begun, line, opened = _Begun(), 1, 1
    for kind, text, new in _pieces(file):
        opened = line if new else opened
        if not text:
            yield Statement(opened, "", "", TOO_LONG if begun.size > LONGEST_ROW else OPEN[kind])
            return
        if kind == ";":
            if begun.line:
                yield begun.made()
            begun = _Begun()
        else:
            begun.add(kind, text, line, new=new)
            line += text.count("\n")
    if begun.line:
        yield begun.made()


def _pieces(file: TextIO) -> Iterator[tuple[str, str, bool]]:
    """Pieces of the text, each with the sign that opened what it stands in, and whether it is that sign.

    A semicolon between statements has itself for this sign. An empty piece at the end: what was opened is not closed.
    """
    inside, held, block = "", "", "begin"
    while block:
        block = file.read(BLOCK)
        text, at = held + block, 0
        held = ""
        while at < len(text):
            match = None if inside else OPENS.search(text, at)
            end = text.find(CLOSES[inside], at) if inside else match.start() if match else -1
            stop = end if end >= 0 else len(text)
            if end < 0 and block and text[-1] in HALVES.get(inside, ""):
                held = text[-1]
                stop -= 1
            stop += len(CLOSES[inside]) if inside and end >= 0 else 0
            if stop > at:
                yield inside, text[at:stop], False
            if match:
                yield match.group(), match.group(), True
            inside = match.group() if match and match.group() != ";" else "" if end >= 0 else inside
            at = match.end() if match else stop + len(held)
    if inside in OPEN:
        yield inside, "", False


def _comment(comments: list[str]) -> str:
    """The text of comments; of several, one that is labelled as the question is it."""
    texts = [re.sub(r"^(?:--+|#|/\*+)|\*+/$", "", comment.strip()).strip() for comment in comments]
    labelled = [LABEL.sub("", text) for text in texts if LABEL.match(text)]
    said = labelled[:1] or [text for text in texts if text]
    return " ".join(" ".join(re.sub(r"(?m)^\s*\*+\s?", "", text) for text in said).split())
