"""A question about a database to SQL and its rows: prompt, generate, check, run read-only."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..core.errors import QueryError
from ..core.records import Hint, Message, ResultSet, Schema
from ..core.run import newest_exported_run
from ..databases.cells import CellIndex, index_cells
from ..databases.introspect import introspect
from ..databases.requote import requote
from ..databases.sqlite import run, sqlite_path
from ..engines.engine import Engine, answer
from ..prompts.hints import find_hints
from ..prompts.messages import messages
from ..sql.extract import extract_sql
from ..sql.guard import check
from ..sql.name_words import singular, words
from ..sql.names import fold

MAX_TOKENS = 256  # of an answer; the longest gold query of Spider has 190
TIMEOUT = 10.0  # seconds of a query
MAX_ROWS = 1000


@dataclass(frozen=True)
class Prepared:
    """A database as the prompt needs it: its schema, and its cells by their words."""

    url: str
    schema: Schema
    cells: CellIndex


@dataclass(frozen=True)
class Prompt:
    """What the engine is asked; `dropped` names the tables that had to be left out for it to fit."""

    chat: tuple[Message, ...]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """The answer: `text` as the model wrote it, `sql` taken out of it, `result` or `error`; generation's seconds.

    `requoted`: names in `sql` are in quotes that the model left out, or spelled as the schema spells them.
    """

    sql: str
    result: ResultSet | None
    error: str
    seconds: float
    tokens: int
    text: str
    dropped: tuple[str, ...] = ()
    requoted: bool = False


def prepare(url: str) -> Prepared:
    """Read a database's schema and cells; kept for this process until the file changes.

    Raises DataError when there is no such database.
    """
    facts = sqlite_path(url).stat()
    return _prepare(url, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=16)
def _prepare(url: str, changed: int, size: int) -> Prepared:
    schema = introspect(url)
    return Prepared(url, schema, index_cells(url, schema))


def chat_for(
    prepared: Prepared, question: str, engine: Engine | None = None, *, max_tokens: int = MAX_TOKENS
) -> Prompt:
    """The chat for one question. With an engine, tables are left out until prompt and answer fit its context.

    Those that share no word with the question go first, and those of them that no key ties to one that does before
    others; a table that shares a word is never left out, so that the engine may still refuse the prompt.
    """
    hints = find_hints(question, prepared.cells)
    chat = messages(prepared.schema, question, hints=hints)
    if engine is None or engine.fits(chat, max_tokens=max_tokens):
        return Prompt(chat)
    unrelated = _unrelated(prepared.schema, question, hints)[: len(prepared.schema.tables) - 1]  # one at least stays

    def asked(count: int) -> tuple[Message, ...]:
        return messages(without(prepared.schema, unrelated[:count]), question, hints=hints)

    # the fewest tables left out with which it fits, else all of them
    counts = range(1, len(unrelated))
    count = 1 + bisect_left(counts, True, key=lambda count: engine.fits(asked(count), max_tokens=max_tokens))
    dropped = unrelated[:count]
    return Prompt(asked(count), tuple(dropped))


def _unrelated(schema: Schema, question: str, hints: Sequence[Hint]) -> list[str]:
    """Tables that share no word with the question, those that matter least first."""
    asked = {singular(word) for word in words(question)}
    hinted = {hint.table for hint in hints}
    related = set(hinted)
    for table in schema.tables:
        own = words(table.name) + [word for column in table.columns for word in words(column.name) if word != "id"]
        if asked & {singular(word) for word in own}:
            related.add(table.name)
    tied = {key.ref_table for key in schema.foreign_keys if key.table in related}
    tied |= {key.table for key in schema.foreign_keys if key.ref_table in related}
    unrelated = [table.name for table in reversed(schema.tables) if table.name not in related]
    return sorted(unrelated, key=lambda name: name in tied)


def without(schema: Schema, names: Sequence[str]) -> Schema:
    """A schema without some tables and the keys that need them."""
    gone = {fold(name) for name in names}
    tables = tuple(table for table in schema.tables if fold(table.name) not in gone)
    keys = tuple(k for k in schema.foreign_keys if not {fold(k.table), fold(k.ref_table)} & gone)
    return Schema(tables, keys, schema.name)


def ask(engine: Engine, prepared: Prepared, question: str, *, max_tokens: int = MAX_TOKENS) -> Reply:
    """Answer one question: what the model wrote, the SQL in it, and what the database says to that.

    A query that is refused or fails is a Reply with `error`; an engine that fails raises SqlLlamaError.
    """
    prompt = chat_for(prepared, question, engine, max_tokens=max_tokens)
    said = answer(engine, prompt.chat, max_tokens=max_tokens)
    sql, requoted = query_in(said.text, prepared.schema)
    try:
        result, error = read(prepared.url, sql), ""
    except QueryError as refused:
        result, error = None, str(refused)
    return Reply(sql, result, error, said.seconds, said.tokens, said.text, prompt.dropped, requoted)


def query_in(text: str, schema: Schema) -> tuple[str, bool]:
    """The query in an answer, with names as the schema has them, and whether that changed it."""
    written = extract_sql(text)
    sql = requote(written, schema)
    return sql, sql != written


def read(url: str, sql: str, *, timeout: float = TIMEOUT, max_rows: int = MAX_ROWS) -> ResultSet:
    """Check and run one query read-only; raises QueryError."""
    check(sql)
    return run(url, sql, timeout=timeout, max_rows=max_rows)


def default_model() -> Path:
    """The GGUF file of the newest exported run. Raises NotExported when no run has been exported."""
    return newest_exported_run().shipped()
