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
    from .evals.evaluate_file import evaluate_file as evaluate
    from .evals.export_gated import export_gated as export_run
    from .export.plan import Options as ExportOptions

__all__ = [
    "Assistant",
    "ExportOptions",
    "Policy",
    "Reply",
    "SqlLlamaError",
    "__version__",
    "evaluate",
    "export_run",
]

_PLACES = {
    "Assistant": ("assistant.assistant", "Assistant"),
    "ExportOptions": ("export.plan", "Options"),
    "Policy": ("assistant.answer", "Policy"),
    "Reply": ("assistant.answer", "Reply"),
    "SqlLlamaError": ("core.errors", "SqlLlamaError"),
    "evaluate": ("evals.evaluate_file", "evaluate_file"),
    "export_run": ("evals.export_gated", "export_gated"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(f".{module}", __name__), attribute)
