"""Chats as rows: Llama-2 text (`[INST] <<SYS>> ... [/INST]`) and lists of messages, split into schema, question, SQL.

The schema is the CREATE and INSERT statements in what the user and the system say; the question is what stands after a
word like `Question:`, else the last line that says something. SQL is taken out of the last answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...sql.extract import extract_sql
from .file_rows import file_rows
from .pair_rows import PairRow, row_files, some_whole, without_columns
from .unread import Unread

TEXT_COLUMNS = ("text", "prompt", "formatted_chat")
MESSAGE_COLUMNS = ("messages", "conversations", "conversation", "chat")
TURN = re.compile(r"(?:<s>)?\s*\[INST\](.*?)\[/INST\](.*?)(?=</s>|(?:<s>)?\s*\[INST\]|\Z)", re.DOTALL)
SYSTEM = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.DOTALL)
NAME = r"""(?:\w+|"[^"]+"|`[^`]+`|\[[^\]]+\])"""
NAMED = rf"(?:IF\s+NOT\s+EXISTS\s+)?{NAME}(?:\s*\.\s*{NAME})*"
STATEMENT = re.compile(
    rf"\b(?:CREATE\s+(?:\w+\s+){{0,3}}?TABLE\s+{NAMED}(?=\s*\(|\s+(?:AS|USING)\b)"
    rf"|CREATE\s+(?:\w+\s+){{0,3}}?VIEW\s+{NAMED}(?=\s*\(|\s+AS\b)"
    rf"|INSERT\s+INTO\s+{NAMED}(?=\s*\(|\s+(?:VALUES|SELECT)\b))",
    re.IGNORECASE,
)
PIECE = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|`[^`]*`|--[^\n]*|/\*.*?\*/|\n\s*\n|[();]""", re.DOTALL)
MORE = re.compile(
    r"""\s*(?:(?:WITH|INHERITS|TBLPROPERTIES)\s*\(|\(\s*PARTITION\b|(?:PARTITION(?:ED)?|DISTRIBUTED|CLUSTERED)\s+BY\b
    |AS\s*(?:\(|SELECT\b|WITH\b))""",
    re.IGNORECASE | re.VERBOSE,
)
"""What goes on after the brackets of CREATE, with brackets or a query of its own."""
AFTER_NAMES = re.compile(r"\s*(?:VALUES\s*\(|SELECT\b)", re.IGNORECASE)
AFTER_ROW = re.compile(r"\s*(?:,\s*\(|ON\s+CONFLICT\s*\()", re.IGNORECASE)
"""What goes on after the brackets of INSERT: those of its columns, those of a row."""
CLOSING = re.compile(r"\s*;")
OPTION = re.compile(
    r"""\s*,?\s*(?:WITHOUT\s+ROWID\b|STRICT\b(?=\s*(?:[;,]|\Z|\n))|TABLESPACE\s+\w+|COMMENT\s*=?\s*'(?:[^']|'')*'
    |(?:DEFAULT\s+)?(?:CHARSET|CHARACTER\s+SET|COLLATE)\s*=?\s*\w+|ENGINE\s+(?:InnoDB|MyISAM|MEMORY)\b
    |(?:ENGINE|AUTO_INCREMENT|ROW_FORMAT|KEY_BLOCK_SIZE|CHECKSUM)\s*=\s*\w+|ON\s+CONFLICT\s+DO\s+NOTHING\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may stand between the brackets of a statement and its end."""
ASKED = re.compile(
    r"(?:^|\n)[\s#*]*(?:user |natural language |the |my )?(?:question|query|request|instruction|prompt|input|ask)"
    r"(?: \w+){0,2}[\s*]*:[\s*]*(.+?)(?=\n\s*\n|(?:\n[\s#*]*|\s#{2,}\s*)[\w ]{1,30}:|\Z)",
    re.IGNORECASE | re.DOTALL,
)
LABEL = re.compile(r"[\s#*`]*[\w /-]{0,40}:?[\s#*`]*\Z")
FENCE = re.compile(r"```\w*")
ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}


def chat_rows(path: Path, layout: str, columns: Mapping[str, str], split: str = "") -> Iterator[PairRow]:
    """Yield the rows of a file or folder; `columns` may name another column as `question`. Raises DataError."""
    names = chat_columns(layout, columns)

    def wanted(there: Sequence[str]) -> str:
        return "" if set(names) & set(there) else " or ".join(names)

    for file in row_files(path, split):
        found = file_rows(file, wanted, f"give rows with a column {names[0]}")
        rows = some_whole(file, (chat_row(number, item, layout, names) for number, item in found))
        yield from (replace(row, file=str(file)) for row in rows)


def chat_row(number: int, item: Any, layout: str, names: Sequence[str]) -> PairRow:
    """Make the row of a chat that stands in one of these columns; it has a fault where none is there."""
    if isinstance(item, Unread):
        return PairRow(number, "", "", "", fault=item)
    name = next((name for name in names if isinstance(item, Mapping) and item.get(name)), "")
    if not name:
        return without_columns(number, [" or ".join(names)], item, f"each row needs {names[0]}")
    said = _llama2(item[name]) if layout == "llama2" else _messages(item[name])
    return _row(number, said)


def chat_columns(layout: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that a chat may stand in."""
    usual = TEXT_COLUMNS if layout == "llama2" else MESSAGE_COLUMNS
    return (columns["question"],) if "question" in columns else usual


def _row(number: int, said: Sequence[tuple[str, str]]) -> PairRow:
    """The row of a chat, given as role and text."""
    answers = [place for place, (role, _) in enumerate(said) if role == "assistant"]
    if not answers:
        return PairRow(number, "", "", "", fault="a chat without an answer")
    last = answers[-1]
    before = [text for role, text in said[:last] if role != "assistant"]
    if len(answers) > 1 and not any(STATEMENT.search(text) for text in before[-1:]):
        schema = split_prompt("\n\n".join(before[:-1]))[0]  # the schema was given earlier
        question = split_prompt(before[-1])[1] if before else ""
    else:
        schema, question = split_prompt("\n\n".join(before))
        question = (split_prompt(before[-1])[1] if before else "") or question  # what was said last is the question
    return PairRow(number, question, schema, extract_sql(said[last][1]) or said[last][1].strip())


def split_prompt(text: str) -> tuple[str, str]:
    """Split what a user says into the statements that make the schema, and the question.

    >>> split_prompt("You write SQL.\\nCREATE TABLE t (a INT, b TEXT);\\n\\nQuestion: How many rows?\\nSQL:")
    ('CREATE TABLE t (a INT, b TEXT);', 'How many rows?')
    >>> split_prompt("CREATE TABLE t (a INT) How many rows are there?")
    ('CREATE TABLE t (a INT)', 'How many rows are there?')
    """
    text = FENCE.sub("\n", text)
    kept, rest, at = [], [], 0
    while (match := STATEMENT.search(text, at)) is not None:
        end = _end(text, match.end(), insert=match.group()[0] in "iI")
        rest.append(text[at : match.start()])
        kept.append(text[match.start() : end].strip())
        at = end
    rest.append(text[at:])
    said = "\n".join(rest)
    asked = ASKED.findall(said)
    lines = [line.strip() for line in said.splitlines() if line.strip() and not LABEL.fullmatch(line)]
    lines = lines or [line for line in said.splitlines() if re.match(r"\s*\w.* .*[^:\s]\s*\Z", line)]  # few words
    questions = [line for line in lines if line.endswith("?")]
    question = asked[-1] if asked else questions[-1] if questions else lines[-1] if lines else ""
    return "\n".join(kept), " ".join(question.split()).lstrip(",.;: ")


def _end(text: str, at: int, *, insert: bool) -> int:
    """Where a statement ends: behind its semicolon, or behind its last bracket and what belongs to that.

    A query in it (CREATE VIEW, INSERT ... SELECT) has no last bracket: it ends at a semicolon or an empty line.
    """
    depth = 0
    query = re.match(r"\s*(?:AS|SELECT)\b", text[at : at + 100], re.IGNORECASE) is not None
    goes_on = MORE if not insert else AFTER_NAMES if re.match(r"\s*\(", text[at : at + 100]) else AFTER_ROW
    for piece in PIECE.finditer(text, at):
        sign = piece.group()
        depth += (sign == "(") - (sign == ")")
        if depth:
            continue
        if sign == ";":
            return piece.end()
        if query and sign.isspace():
            return piece.start()
        if sign == ")" and not query:
            at = piece.end()
            while option := OPTION.match(text, at):
                at = option.end()
            more = goes_on.match(text, at)
            if more is None:
                closing = CLOSING.match(text, at)
                return closing.end() if closing else at
            query = more.group().strip()[:2].upper() in ("AS", "SE")
            goes_on = AFTER_ROW if insert else MORE
    return len(text)


def _llama2(text: Any) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []
    for asked, answer in TURN.findall(str(text)):
        system = SYSTEM.search(asked)
        if system:
            said.append(("system", system[1].strip()))
        said += [("user", SYSTEM.sub("", asked).strip()), ("assistant", answer.strip())]
    return said


def _messages(chat: Any) -> list[tuple[str, str]]:
    said = []
    for message in chat if isinstance(chat, list) else []:
        if not isinstance(message, Mapping):
            continue
        role = str(message.get("role") or message.get("from") or "")
        content = message.get("content", message.get("value", ""))
        if isinstance(content, list):  # parts of a message
            content = "\n".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
        said.append((ROLES.get(role, role), str(content or "")))
    return said
