"""The lines of metrics.jsonl, and Ctrl-C."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from sql_llama.train.callbacks import Metrics, StopAfterStep


def at_step(step: int) -> SimpleNamespace:
    """A trainer's state in its only process."""
    return SimpleNamespace(global_step=step, is_world_process_zero=True)


def test_metrics_forget_what_came_after_the_checkpoint_and_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": step, "loss": 1.0}) + "\n" for step in (1, 2, 3)) + '{"step": 4, "lo')
    moved: list[tuple[int, str]] = []
    metrics = Metrics(path, lambda steps=1, note="": moved.append((steps, note)), [10, 20, 30, 40])
    metrics.on_train_begin(None, at_step(2), None)
    metrics.on_log(None, at_step(3), None, {"loss": 0.5, "learning_rate": 0.1, "grad_norm": 2.0})
    metrics.on_step_end(None, at_step(3), None)
    metrics.on_log(None, at_step(3), None, {"train_runtime": 1.0})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[2]["loss"] == 0.5 and lines[2]["grad_norm"] == 2.0 and lines[2]["tokens_per_second"] > 0
    assert moved[0] == (2, "resumed") and moved[1][1].startswith("loss 0.500, ")


def test_the_second_control_c_stops_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    stop = StopAfterStep()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop.on_interrupt():
        signal.raise_signal(signal.SIGINT)
        assert stop.requested and "Ctrl-C again" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
