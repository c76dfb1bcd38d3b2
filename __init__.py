"""sql-llama: fine-tune a small Llama to turn questions into SQL, prove that it got better, and run it offline."""

from ._version import __version__

__all__ = ["__version__"]
