"""sql-llama: fine-tune a small Llama to turn questions into SQL, prove that it got better, and run it offline.

What a Python program needs; docs/use-from-python.md shows each of them. They are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .assistant.answer import Policy, Reply
    from .assistant.assistant import Assistant
    from .core.errors import SqlLlamaError

__all__ = ["Assistant", "Policy", "Reply", "SqlLlamaError", "__version__"]

_MODULES = {
    "Assistant": "assistant.assistant",
    "Policy": "assistant.answer",
    "Reply": "assistant.answer",
    "SqlLlamaError": "core.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
