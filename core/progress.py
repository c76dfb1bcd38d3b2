"""Progress of long work: a rich bar in a terminal or a notebook, a plain line now and then elsewhere.

Bars and lines go to standard error; a notebook shows the bar in the cell.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Protocol

PLAIN_EVERY = 15.0  # seconds between plain lines
CELL_EVERY = 0.3  # seconds between two changes of the bar in a notebook
SHORT = 2.0  # seconds; of work that ends sooner no plain line is printed


class Advance(Protocol):
    """What `progress` gives: call it with the units that were done and a short note."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


def speaks() -> bool:
    """Whether this process shows anything: of a training on several GPUs the main one alone does (RANK is 0)."""
    return os.environ.get("RANK", "0") == "0"


def say(line: str) -> None:
    """Print one line about the work that begins."""
    if speaks():
        print(line, file=sys.stderr, flush=True)


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")  # Jupyter's and Kaggle's; Colab's


def rate(done: int, seconds: float, unit: str) -> str:
    """Write the speed of work: units per second, or seconds per unit when a unit takes longer than a second."""
    if done and seconds > done:
        return f"{seconds / done:.1f} s/{unit.removesuffix('s') or 'unit'}"
    return f"{done / max(seconds, 1e-9):.1f} {unit}/s".replace(" /s", "/s")


@contextlib.contextmanager
def progress(description: str, total: int, unit: str = "") -> Iterator[Advance]:
    """Show `total` units of work; call the yielded function with what was done and a short note (a loss, say).

    With a total of 0, how much there is to do is not known, and no time that is left is shown.
    """
    if not speaks():
        yield lambda steps=1, note="": None
    elif in_notebook():
        yield _cell(description, total, unit)
    elif sys.stderr.isatty():
        with _bar(description, total, unit) as advance:
            yield advance
    else:
        with _lines(description, total, unit) as advance:
            yield advance


@contextlib.contextmanager
def _bar(description: str, total: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total or None, note="", rate="")
        done = 0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done
            done += steps
            bar.update(task, advance=steps, note=note, rate=rate(done, time.monotonic() - started, unit))

        yield advance


def _cell(description: str, total: int, unit: str) -> Advance:
    """A bar below the cell of a notebook; it needs no widgets, which not every notebook has."""
    from html import escape

    from IPython.display import HTML, display

    started = last = time.monotonic()
    done = 0

    def bar(spent: float, note: str) -> object:
        of, left = (f" max={total}", f", {_left(done, total, spent):.0f} s left") if total else ("", "")
        value = f" value={done}" if total else ""
        said = f"{description}: {done}{f'/{total}' if total else ''}, {rate(done, spent, unit)}{left} {note}"
        return HTML(f"<progress{value}{of}></progress> {escape(said)}")

    shown = display(bar(0.0, ""), display_id=True)

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= CELL_EVERY or done == total:
            last = now
            shown.update(bar(now - started, note))

    return advance


def _left(done: int, total: int, spent: float) -> float:
    """Seconds that are left, by the speed so far."""
    return spent / done * (total - done) if done else 0.0


@contextlib.contextmanager
def _lines(description: str, total: int, unit: str) -> Iterator[Advance]:
    started = last = time.monotonic()
    done = 0

    def show(spent: float, note: str) -> None:
        of, left = "", ""
        if total:
            of, left = f"/{total}", f", {_left(done, total, spent):.0f} s left"
        line = f"{description}: {done}{of}, {rate(done, spent, unit)}, {spent:.0f} s{left} {note}"
        print(line.rstrip(), file=sys.stderr, flush=True)

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= PLAIN_EVERY or (done == total and now - started >= SHORT):
            last = now
            show(now - started, note)

    yield advance
