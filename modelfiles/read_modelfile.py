"""A Modelfile that sql-llama wrote, read back: what Ollama takes from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError

# an instruction with its value in """...""", which closes at the end of a line, or with the rest of its line
INSTRUCTION = re.compile(
    r'^(FROM|TEMPLATE|SYSTEM|LICENSE|ADAPTER|PARAMETER \w+|MESSAGE \w+) (?:"""(.*?)"""[ \t]*$|([^\n]*)$)',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Modelfile:
    """The values of a Modelfile; `gguf` is the path after FROM, `parameters` lead from a name to one value or more."""

    gguf: str
    template: str
    system: str
    license: str
    parameters: Mapping[str, tuple[str, ...]]
    messages: tuple[tuple[str, str], ...]


def read_modelfile(path: Path) -> Modelfile:
    """Read a Modelfile of `modelfile`; raises DataError when it is missing or names no file to run."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="sql-llama export RUN") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a Modelfile of sql-llama", fix="sql-llama export RUN") from None
    single: dict[str, str] = {}
    parameters: dict[str, tuple[str, ...]] = {}
    messages = []
    for found in INSTRUCTION.finditer(text):
        name, _, key = found[1].partition(" ")
        value = found[2] if found[2] is not None else _plain(found[3])
        if name == "PARAMETER":
            parameters[key] = (*parameters.get(key, ()), value)
        elif name == "MESSAGE":
            messages.append((key, value))
        else:
            single[name] = value
    if "FROM" not in single:
        raise DataError(f"{path}: no FROM in it", fix="sql-llama export RUN")
    template, system, license = (single.get(name, "") for name in ("TEMPLATE", "SYSTEM", "LICENSE"))
    return Modelfile(single["FROM"], template, system, license, parameters, tuple(messages))


def _plain(value: str) -> str:
    """A value that stands on one line, without the quotes around it."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
