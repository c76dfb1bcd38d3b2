"""The console that commands print tables on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 1000  # columns; rich takes 80 where there is no terminal, and cuts headers and cells to fit


def output_console() -> "Console":
    """Return standard output, as wide as the terminal; in a pipe or a file so wide that no table is cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console
