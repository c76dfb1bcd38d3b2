"""What a training tells and hears at each step: lines of metrics.jsonl, the progress bar, Ctrl-C."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from ..core.files import write_text
from ..core.progress import Advance, say
from .processes import everyones


class Metrics(TrainerCallback):  # type: ignore[misc]
    """Append a line to metrics.jsonl and move the progress bar; in the main process of several alone."""

    def __init__(self, path: Path, advance: Advance, tokens_after_step: list[int]) -> None:
        self.path = path
        self.advance = advance
        self.tokens_after_step = tokens_after_step
        self.started = time.monotonic()
        self.first = 0
        self.note = ""
        self.evaluated = ""
        self.evaluating = 0.0  # seconds

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Drop the lines that a killed process wrote after the checkpoint that this one goes on from."""
        if not state.is_world_process_zero:
            return
        self.first = state.global_step
        self.started = time.monotonic()
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n") and json.loads(line).get("step", 0) <= self.first]
            write_text(self.path, "".join(whole))
        if self.first:
            self.advance(self.first, "resumed")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the progress bar."""
        if state.is_world_process_zero:
            self.advance(1, self.note + self.evaluated)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Append a line: step, loss of the answer tokens, learning rate, gradient norm, tokens a second, seconds."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        spent = time.monotonic() - self.started - self.evaluating
        before = self.tokens_after_step[self.first - 1] if self.first else 0
        done = self.tokens_after_step[state.global_step - 1] - before
        rate = done / spent if spent else 0.0
        self.note = f"loss {logs['loss']:.3f}, {rate:,.0f} tokens/s"
        line = {
            "step": state.global_step,
            "loss": round(float(logs["loss"]), 5),
            "learning_rate": logs.get("learning_rate"),
            "grad_norm": round(float(logs.get("grad_norm", 0.0)), 5),
            "tokens_per_second": round(rate, 1),
            "seconds": round(spent, 2),
        }
        self.append(line)

    def append(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class StopAfterStep(TrainerCallback):  # type: ignore[misc]
    """Ends a training after the current step, with a checkpoint, when a person presses Ctrl-C."""

    def __init__(self) -> None:
        self.requested = False

    @contextlib.contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Listen to Ctrl-C inside the block. The second Ctrl-C raises KeyboardInterrupt at once."""
        if threading.current_thread() is not threading.main_thread():  # a notebook's thread gets no signals
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        say("Stopping after this step. Ctrl-C again stops at once, and loses the steps since the last checkpoint.")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let the trainer save a checkpoint and stop; several processes stop after the same step."""
        self.requested = any(everyones(self.requested))
        if self.requested:
            control.should_save = control.should_training_stop = True
