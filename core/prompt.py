"""The only place where a prompt is made, and where SQL is taken out of an answer.

Training, evaluation, the REPL and the Modelfile all call `messages`; a prompt made anywhere else would be one the
model was never trained on. The layout was chosen by measurement (docs/design.md): one line per column, because the
answer qualifies every column the same way, and the question both before and after the schema, because a causal model
reads the schema better when it knows what it is looking for.
"""

import re
from collections.abc import Sequence

from .records import Hint, Message, Schema

DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")


def system_prompt(dialect: str = "sqlite") -> str:
    """The system message; `dialect` is one of DIALECTS' keys."""
    return f"You answer questions about a database with one {DIALECTS[dialect]} query."


SYSTEM_PROMPT = system_prompt()


def messages(
    schema: Schema, question: str, *, hints: Sequence[Hint] = (), dialect: str = "sqlite"
) -> tuple[Message, ...]:
    """The system and the user message for one question.

    Hints are cells of the database that the question names (core/hints.py); without them the line is left out.
    """
    return (
        Message("system", system_prompt(dialect)),
        Message("user", user_message(render_schema(schema), question, hints)),
    )


def user_message(schema_text: str, question: str, hints: Sequence[Hint] = ()) -> str:
    """The user message around a schema that is already text; what a person may also type into `ollama run`."""
    asked = f"Question: {' '.join(question.split())}"
    parts = [asked, schema_text]
    if hints:
        cells = (f"{identifier(h.table)}.{identifier(h.column)} = {literal(h.value)}" for h in hints)
        parts.append("values: " + "; ".join(cells))
    parts.append(asked)
    return "\n".join(part for part in parts if part)


def render_schema(schema: Schema) -> str:
    """A schema as the model reads it: a line `table.column type pk ['sample', ...]` per column, then the keys.

    Names are lower case, and quoted where SQL needs it.

    >>> from .records import Column, ForeignKey, Table
    >>> pets = Table("Pets", (Column("ID", "int", True), Column("Pet Name", "text", samples=("Rex",))))
    >>> print(render_schema(Schema((pets,), (ForeignKey("Pets", "ID", "Owners", "Pet"),))))
    pets.id int pk
    pets."pet name" text ['Rex']
    pets.id = owners.pet
    """
    lines = []
    for table in schema.tables:
        for column in table.columns:
            line = f"{identifier(table.name)}.{identifier(column.name)} {column.type}"
            if column.primary_key:
                line += " pk"
            if column.samples:
                line += " [" + ", ".join(literal(sample) for sample in column.samples) + "]"
            lines.append(line)
    for key in schema.foreign_keys:
        lines.append(
            f"{identifier(key.table)}.{identifier(key.column)} = {identifier(key.ref_table)}.{identifier(key.ref_column)}"
        )
    return "\n".join(lines)


def identifier(name: str) -> str:
    """A name as our SQL writes it: lower case, in double quotes where it is not a plain word."""
    low = name.lower()
    return low if PLAIN_NAME.match(low) else '"' + low.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A SQL string literal on one line, without the stray blanks that real cells carry at their ends."""
    return "'" + " ".join(value.split()).replace("'", "''") + "'"


FENCE = re.compile(r"```[ \t]*(?:sql|sqlite|postgresql|mysql)?[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
START = re.compile(r"\bSELECT\b|\bWITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+(?:\s*\([^()]*\))?\s+AS\s*\(", re.IGNORECASE)


def extract_sql(text: str) -> str:
    """The SQL in an answer that may be chatty: the first fenced block that holds a query, else the first query in the prose.

    A query ends at its `;`, at a blank line that prose follows, or at the end. Text without any query comes back
    stripped as it is, so that it is judged (and refused) as what the model said.

    >>> extract_sql("Sure! Here it is:\\n```sql\\nSELECT 1;\\n```\\nThis selects one.")
    'SELECT 1'
    >>> extract_sql("The query is SELECT a FROM t WHERE b = 'x;y'; it reads t.")
    "SELECT a FROM t WHERE b = 'x;y'"
    """
    for block in FENCE.findall(text):
        if START.search(block):
            return _first_statement(block)
    if START.search(text):
        return _first_statement(text)
    return text.strip().rstrip(";").strip()


def _first_statement(text: str) -> str:
    start = START.search(text)
    assert start is not None
    # a statement that is not a query stands before the SELECT it contains: `INSERT INTO t SELECT ...` must stay what it is
    before = text[: start.start()]
    verb = re.search(r"\b(INSERT|UPDATE|DELETE|CREATE|REPLACE|EXPLAIN)\b[^;\n]*\Z", before)
    body = text[verb.start() if verb else start.start() :]
    end, quote = len(body), ""
    for i, char in enumerate(body):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char == ";":
            end = i
            break
    statement = body[:end]
    if end == len(body):
        statement = re.split(r"\n\s*\n(?!\s*(?:UNION|INTERSECT|EXCEPT|WHERE|FROM|JOIN|GROUP|ORDER|LIMIT|SELECT)\b)", statement)[0]
    return " ".join(statement.split()) if "--" not in statement else statement.strip()
