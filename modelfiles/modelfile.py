"""The Modelfile that `ollama create -f Modelfile` reads.

Its grammar has no escapes. A value stands without quotes, in "..." or in \"\"\"...\"\"\", and stops at the first line
that closes its quotes. Ollama silently drops every character that Go does not call printable, such as a zero-width
space or a control character. A text that Ollama would change is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import DataError
from ..prompts.messages import SYSTEM_PROMPT
from .templates import Family, template_with_schema

LONGEST_ANSWER = 512  # tokens; no query of ours is longer
LEAST_CONTEXT = 2048  # tokens; what Ollama itself takes at least


def modelfile(
    gguf: str,
    chat_family: Family,
    *,
    system: str = SYSTEM_PROMPT,
    num_ctx: int = 4096,
    license: str = "",
    schema: str = "",
    examples: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the text of a Modelfile for `gguf`, a path relative to the Modelfile's folder.

    With `schema` (of prompts/schema_text.py's render_schema) the model needs no more than a question. `examples` are
    user messages and their answers, with which each conversation begins; make them with prompts/messages.py's
    user_message, or give only the questions where there is a schema.

    Raises DataError for a text that the grammar cannot hold.
    """
    template = template_with_schema(chat_family, schema) if schema else chat_family.go
    lines = [f"FROM {_path(gguf)}", f"TEMPLATE {_text(template)}", f"SYSTEM {_text(system)}"]
    for name, value in parameters(chat_family, num_ctx=num_ctx).items():
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"PARAMETER {name} {_quoted(item) if isinstance(item, str) else item}")
    for question, sql in examples:
        lines += [f"MESSAGE user {_text(question)}", f"MESSAGE assistant {_text(sql)}"]
    if license:
        lines.append(f"LICENSE {_text(license)}")
    return "\n".join(lines) + "\n"


def parameters(chat_family: Family, *, num_ctx: int = 4096) -> Mapping[str, Any]:
    """Return the PARAMETER values: greedy and without a penalty, as every engine here decodes, with every stop.

    The stops of a Modelfile replace those that Ollama finds by itself.
    """
    return {
        "stop": list(chat_family.stops),
        "temperature": 0,
        "repeat_penalty": 1,
        "num_ctx": num_ctx,
        "num_predict": min(LONGEST_ANSWER, num_ctx // 2),
    }


def num_ctx_for(longest: int, most: int) -> int:
    """Return a context, in tokens, for a model with `longest` tokens in its longest training pair, made for `most`.

    It is twice the longest, because people have larger schemas than the data and ask more than once; a multiple of
    1024, at least Ollama's own minimum, at most what the model was made for.

    >>> num_ctx_for(700, 8192), num_ctx_for(1500, 8192), num_ctx_for(5000, 8192)
    (2048, 3072, 8192)
    """
    return min(most, max(LEAST_CONTEXT, -(-2 * longest // 1024) * 1024))


def _text(value: str) -> str:
    if re.search(r'"""\s*[\r\n]', value):
        raise _refused(
            value, 'a line ends with """, and its reader would stop there', 'take """ away from the ends of lines'
        )
    _printable(value, "\n\r\t")
    return f'"""{value}"""'


def _quoted(value: str) -> str:
    if '"' in value:
        raise _refused(value, "a quote in it would end it", "leave out quotes")
    _printable(value)
    return f'"{value}"'


def _path(value: str) -> str:
    if not value or value != value.strip() or value.startswith('"'):
        raise _refused(value, "its reader removes blanks and quotes around a path", "use a plain file name")
    _printable(value)
    return value


def _printable(value: str, allowed: str = "") -> None:
    hidden = next((char for char in value if not char.isprintable() and char not in allowed), None)
    if hidden is not None:
        raise _refused(value, f"its reader drops the character U+{ord(hidden):04X}", "remove that character")


def _refused(value: str, reason: str, fix: str) -> DataError:
    return DataError(f"a Modelfile cannot hold {value[:40]!r}: {reason}", fix=fix)
