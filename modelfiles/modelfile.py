"""The Modelfile that `ollama create -f Modelfile` reads.

Its grammar has no escapes. A value stands bare, in "..." or in \"\"\"...\"\"\", and ends at the first line that ends
with its closing quotes; every character that Go does not call printable (a zero-width space, a control character) is
dropped from it without a word. A text that would come out otherwise than it went in is refused.
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
    """The text of a Modelfile for `gguf`, a path relative to the Modelfile's folder.

    With `schema` (of prompts/messages.py's render_schema) the model needs no more than a question. `examples` are user
    messages and their answers that each conversation begins with; make them with prompts/messages.py's user_message, or
    give bare questions where there is a schema.

    Raises DataError for a text that the grammar cannot hold.
    """
    template = template_with_schema(chat_family, schema) if schema else chat_family.go
    lines = [f"FROM {_path(gguf)}", f"TEMPLATE {_text(template)}", f"SYSTEM {_text(system)}"]
    for name, value in parameters(chat_family, num_ctx=num_ctx).items():
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"PARAMETER {name} {_quoted(item) if isinstance(item, str) else item}")
    for asked, answered in examples:
        lines += [f"MESSAGE user {_text(asked)}", f"MESSAGE assistant {_text(answered)}"]
    if license:
        lines.append(f"LICENSE {_text(license)}")
    return "\n".join(lines) + "\n"


def parameters(chat_family: Family, *, num_ctx: int = 4096) -> Mapping[str, Any]:
    """Greedy and without a penalty, as every engine here decodes; every stop, because ours replace Ollama's."""
    return {
        "stop": list(chat_family.stops),
        "temperature": 0,
        "repeat_penalty": 1,
        "num_ctx": num_ctx,
        "num_predict": min(LONGEST_ANSWER, num_ctx // 2),
    }


def num_ctx_for(longest: int, most: int) -> int:
    """A context, in tokens, for a model whose longest training pair had `longest` and that was made for `most`.

    Twice the longest, since people have larger schemas than the data and ask more than once; in whole thousands, not
    less than Ollama's own least, not more than the model was made for.

    >>> num_ctx_for(700, 8192), num_ctx_for(1500, 8192), num_ctx_for(5000, 8192)
    (2048, 3072, 8192)
    """
    return min(most, max(LEAST_CONTEXT, -(-2 * longest // 1024) * 1024))


def _text(value: str) -> str:
    if re.search(r'"""\s*[\r\n]', value):
        raise _refused(value, 'a line ends with """, where its reader would stop', 'take """ away from the line ends')
    _printable(value, "\n\r\t")
    return f'"""{value}"""'


def _quoted(value: str) -> str:
    if '"' in value:
        raise _refused(value, "a quote in it would end it", "leave out quotes")
    _printable(value)
    return f'"{value}"'


def _path(value: str) -> str:
    if not value or value != value.strip() or value.startswith('"'):
        raise _refused(value, "its reader takes away blanks and quotes around a path", "use a plain file name")
    _printable(value)
    return value


def _printable(value: str, allowed: str = "") -> None:
    hidden = next((char for char in value if not char.isprintable() and char not in allowed), None)
    if hidden is not None:
        raise _refused(value, f"its reader drops the character U+{ord(hidden):04X}", "take that character out")


def _refused(value: str, reason: str, fix: str) -> DataError:
    return DataError(f"a Modelfile cannot hold {value[:40]!r}: {reason}", fix=fix)
