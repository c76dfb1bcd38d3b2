"""The memory that a preparation takes: the most that this process and its workers held at once."""

import contextlib
import threading
from types import TracebackType

EVERY = 0.25  # seconds


class Peak:
    """Looks at the memory of the process and its children while a block runs; `bytes` is the most that was seen."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self) -> None:
        import psutil

        held = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process()
            held = process.memory_info().rss
            for child in process.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    held += child.memory_info().rss
        self.bytes = max(self.bytes, held)
