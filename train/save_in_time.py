"""Checkpoints by the clock, so that a slow machine does not lose much when it is stopped."""

import time
from typing import Any

from transformers import TrainerCallback

SECONDS = 120  # of work that a killed process may lose
COST = 20  # a checkpoint is at least this many times its own duration away from the last one


class SaveInTime(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint after a step that ends two minutes after the last one.

    The recipe's train.save_steps counts steps, and one of those takes 0.1 s on a GPU and half a minute on a laptop.
    With several processes, whose clocks differ, only the steps count.
    """

    def __init__(self) -> None:
        self.saved = self.asked = time.monotonic()
        self.cost = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask for a checkpoint when it is time."""
        self.asked = time.monotonic()
        if args.world_size == 1 and self.asked - self.saved >= max(SECONDS, COST * self.cost):
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note when the last checkpoint was written and how long that took."""
        self.saved = time.monotonic()
        self.cost = self.saved - self.asked
