"""Stop a training whose weights are no numbers any more, before a checkpoint or an adapter is made of them."""

from typing import Any

from transformers import TrainerCallback

from ..core.errors import SqlLlamaError


class Finite(TrainerCallback):  # type: ignore[misc]
    """Look at the trained weights whenever the trainer logs or saves, and at the last step.

    A loss that is not finite makes the weights of its step so. In float16 the trainer skips such a step itself, and the
    weights stay as they were.
    """

    def __init__(self) -> None:
        self.good = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remember where a resumed training begins."""
        self.good = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Raise SqlLlamaError when a weight is NaN or infinite."""
        if not (control.should_log or control.should_save or state.global_step >= state.max_steps):
            return
        import torch

        trained = [parameter.detach() for parameter in model.parameters() if parameter.requires_grad]
        if not all(bool(torch.isfinite(weights).all()) for weights in trained):
            raise SqlLlamaError(
                f"step {state.global_step}: the loss is not a number (it was one at step {self.good})",
                fix=f"train with a lower rate: --set train.learning_rate={args.learning_rate / 5:.1g}, or with"
                " --set train.dtype=float32",
            )
        self.good = state.global_step
