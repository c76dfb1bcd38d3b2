"""llama.cpp's log: the lines of one thread's calls, for as long as somebody listens.

llama.cpp has one log callback for the whole process, and calls it in the thread that logs. So the callback is set once,
and gives each line to the listener of its own thread. Lines of a thread without a listener are dropped: they would
appear on standard error, in the middle of an answer.
"""

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from typing import Any

WARNING, ERROR = 3, 4  # ggml_log_level in ggml.h; the Python packages have no names for them
MOST_LINES = 50

Listener = Callable[[int, str], None]


class LogCallback:
    """The callback of this process, and who listens in which thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, list[Listener]] = {}  # by the thread's ident; the last one of a thread listens
        self._callback: Any = None  # llama.cpp keeps a pointer to it, so it has to live as long as the process

    def install(self) -> None:
        """Tell llama.cpp to log here and not on standard error; the first call does it."""
        import llama_cpp

        with self._lock:
            if self._callback is None:
                self._callback = llama_cpp.llama_log_callback(self._hear)
                llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _hear(self, level: int, text: bytes, _: object) -> None:
        with self._lock:
            listeners = self._listeners.get(threading.get_ident())
            listener = listeners[-1] if listeners else None
        if listener is not None:
            listener(level, text.decode(errors="replace"))

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call `listener` with the level and the text of what llama.cpp logs in this thread during the block."""
        self.install()
        thread = threading.get_ident()
        with self._lock:
            self._listeners.setdefault(thread, []).append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[thread].pop()
                if not self._listeners[thread]:
                    del self._listeners[thread]


LOG = LogCallback()


@contextlib.contextmanager
def problems() -> Iterator[list[str]]:
    """Yield a list that fills with the warnings and errors that llama.cpp logs in this thread during the block."""
    lines: list[str] = []

    def keep(level: int, text: str) -> None:
        if level >= WARNING and len(lines) < MOST_LINES:
            lines.append(text.strip())

    with LOG.listening(keep):
        yield lines
