"""The Modelfile that `ollama create -f Modelfile` reads.

Its grammar has no escapes: a value stands bare, in "..." or in \"\"\"...\"\"\", so a text that holds its own closing
quotes cannot be written and is refused.
"""

from collections.abc import Mapping
from typing import Any

from ..core.errors import DataError
from ..core.prompt import SYSTEM_PROMPT
from .templates import Family

LONGEST_ANSWER = 512  # tokens; no query of ours is longer


def modelfile(
    gguf: str,
    chat_family: Family,
    *,
    system: str = SYSTEM_PROMPT,
    num_ctx: int = 4096,
    license: str = "",
) -> str:
    """The text of a Modelfile for `gguf`, a path relative to the Modelfile's folder.

    Raises DataError for a text that the grammar cannot hold.
    """
    lines = [f"FROM {_line(gguf)}", f"TEMPLATE {_text(chat_family.go)}", f"SYSTEM {_text(system)}"]
    for name, value in parameters(chat_family, num_ctx=num_ctx).items():
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"PARAMETER {name} {_quoted(item) if isinstance(item, str) else item}")
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


def _text(value: str) -> str:
    if '"""' in value or value.endswith('"') or "\0" in value:
        raise DataError(f"a Modelfile cannot hold this text: {value[:40]!r}", fix='leave out """ and a " at the end')
    return f'"""{value}"""'


def _quoted(value: str) -> str:
    if '"' in value or "\n" in value:
        raise DataError(f"a Modelfile cannot hold this value: {value[:40]!r}", fix="leave out quotes and line breaks")
    return f'"{value}"'


def _line(value: str) -> str:
    if not value or value != value.strip() or any(char in value for char in '\r\n"'):
        raise DataError(f"a Modelfile cannot hold this path: {value[:40]!r}", fix="use a plain file name")
    return value
