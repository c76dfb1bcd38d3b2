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
from .file_rows import TOO_LONG, file_rows
from .pair_rows import PairRow, row_files, some_whole, without_columns

TEXT_COLUMNS = ("text", "prompt", "formatted_chat")
MESSAGE_COLUMNS = ("messages", "conversations", "conversation", "chat")
TURN = re.compile(r"(?:<s>)?\s*\[INST\](.*?)\[/INST\](.*?)(?=</s>|(?:<s>)?\s*\[INST\]|\Z)", re.DOTALL)
SYSTEM = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.DOTALL)
STATEMENT = re.compile(r"\b(?:CREATE\s+(?:\w+\s+){0,3}?(?:TABLE|VIEW)|INSERT\s+INTO)\b", re.IGNORECASE)
ASKED = re.compile(
    r"(?:^|\n)[\s#*]*(?:user |natural language |the |my )?(?:question|query|request|instruction|prompt|input|ask)"
    r"(?: \w+){0,2}[\s*]*:[\s*]*(.+?)(?=\n\s*\n|\n[\s#*]*[\w ]{1,30}:|\Z)",
    re.IGNORECASE | re.DOTALL,
)
LABEL = re.compile(r"[\s#*`]*[\w /-]{0,40}:?[\s#*`]*\Z")
ASKS = re.compile(r"\bSELECT\b", re.IGNORECASE)
LINE_ENDS = re.compile(r"\)[ \t]*(?:\n|\Z)")
COMMA = re.compile(r"\)\s*,")
WORD = re.compile(r"\)\s*([A-Za-z_]\w*)")
AFTER_BRACKET = frozenset(
    "WITHOUT STRICT ENGINE PARTITION PARTITIONED INHERITS TABLESPACE COMMENT CHARSET CHARACTER DEFAULT COLLATE "
    "AUTO_INCREMENT ROW_FORMAT VALUES RETURNING STORED CLUSTER DISTRIBUTED OVERRIDING".split()
)
"""Words of SQL that follow the bracket of CREATE TABLE and INSERT."""
ALSO_ENGLISH = frozenset("AS IN ON WITH SELECT USING".split())
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
    if item == TOO_LONG:
        return PairRow(number, "", "", "", fault=TOO_LONG)
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
    >>> split_prompt("CREATE TABLE t (a INT)\\nHow many rows are there?")
    ('CREATE TABLE t (a INT)', 'How many rows are there?')
    >>> split_prompt("CREATE TABLE t (a INT, b DECIMAL(9, 2)) How many rows have a over 3?")
    ('CREATE TABLE t (a INT, b DECIMAL(9, 2))', 'How many rows have a over 3?')
    """
    text = FENCE.sub("\n", text)
    kept, rest, at = [], [], 0
    while (match := STATEMENT.search(text, at)) is not None:
        end = _end(text, match)
        rest.append(text[at : match.start()])
        kept.append(text[match.start() : end].strip())
        at = end
    rest.append(text[at:])
    said = "\n".join(rest)
    asked = ASKED.findall(said)
    filled = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in filled if not LABEL.fullmatch(line)]
    lines = lines or [line for line in filled if " " in line and not line.endswith(":")]  # `Show all names`
    questions = [line for line in lines if line.endswith("?")]
    question = asked[-1] if asked else questions[-1] if questions else lines[-1] if lines else ""
    return "\n".join(kept), " ".join(question.split())


def _end(text: str, begun: re.Match[str]) -> int:
    """Where a statement ends: behind its semicolon, or behind its last bracket where a line or the SQL ends there."""
    depth, quote, at = 0, "", begun.end()
    opened = text.find("(", at)
    listed = "VIEW" not in begun.group().upper() and not ASKS.search(text, at, opened if opened >= 0 else at)
    while at < len(text):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign == ";" and not depth:
            return at + 1
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth and LINE_ENDS.match(text, at) and not COMMA.match(text, at):
                return at + 1
            if not depth and listed and (word := WORD.match(text, at)) and not _goes_on(word[1]):
                return at + 1
        at += 1
    return len(text)


def _goes_on(word: str) -> bool:
    """Tell whether a word behind a bracket belongs to the statement; `In which year` begins a question."""
    return word.upper() in AFTER_BRACKET or (word.upper() in ALSO_ENGLISH and word != word.capitalize())


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
