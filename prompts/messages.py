"""The only place where a prompt is made, and where SQL is taken out of an answer.

Training, evaluation, the REPL and the Modelfile all call `messages`; a prompt made anywhere else would be one the
model was never trained on. The layout was chosen by measurement (docs/design.md): one line per column, because the
answer qualifies every column the same way, and the question both before and after the schema, because a causal model
reads the schema better when it knows what it is looking for.
"""

from collections.abc import Sequence

from ..core.control_tokens import masked
from ..core.records import Hint, Message, Schema
from ..sql.names import identifier
from .schema_text import literal, render_schema

DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}


def system_prompt(dialect: str = "sqlite") -> str:
    """Return the system message; `dialect` is one of DIALECTS' keys."""
    return f"You answer questions about a database with one {DIALECTS[dialect]} query."


SYSTEM_PROMPT = system_prompt()


def messages(
    schema: Schema, question: str, *, hints: Sequence[Hint] = (), dialect: str = "sqlite"
) -> tuple[Message, ...]:
    """Return the system and the user message for one question.

    Hints are cells of the database that the question names (databases/cells.py); without them the line is left out.
    """
    return (
        Message("system", system_prompt(dialect)),
        Message("user", user_message(render_schema(schema), question, hints)),
    )


def user_message(schema_text: str, question: str, hints: Sequence[Hint] = ()) -> str:
    """Return the user message around a schema of `render_schema`; what a person may also type into `ollama run`.

    No text in it is spelled like a control token (core/control_tokens.py).
    """
    question_line = f"Question: {masked(' '.join(question.split()))}"
    parts = [question_line, schema_text]
    if hints:
        cells = (f"{identifier(h.table)}.{identifier(h.column)} = {literal(h.value)}" for h in hints)
        parts.append("values: " + masked("; ".join(cells)))
    parts.append(question_line)
    return "\n".join(part for part in parts if part)
