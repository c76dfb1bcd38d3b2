"""Checkpoints that cannot be written, and the best adapter beside them."""

import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.train.checkpoints import forget_others, said_when_full

from .training import fit


def test_a_full_disk_at_a_checkpoint_is_one_line_and_the_earlier_one_stays(recipe_file: Path, tmp_path: Path) -> None:
    """Files may not grow as long as one of the next checkpoint's, which is what a full disk looks like."""
    sets = ["train.max_steps=6", "train.save_steps=2", "lora.r=64"]
    options = [part for item in sets for part in ("--set", item)]
    code = """
import resource, sys
from sql_llama.train.trainer import SqlTrainer
save = SqlTrainer._save_checkpoint
def limited(self, *arguments):
    if self.state.global_step == 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))
    save(self, *arguments)
SqlTrainer._save_checkpoint = limited
from sql_llama.cli.main import main
sys.argv = {arguments}
main()
"""
    for limit in (1000, 700_000):  # below the weights, and between the weights and the optimizer's state
        arguments = ["sql-llama", "train", str(recipe_file), "--run", str(tmp_path / "run"), *options]
        script = code.format(most=limit, arguments=arguments)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        last = done.stderr.rstrip().splitlines()[-1]
        assert "checkpoint-4: cannot be written" in done.stderr and "Traceback" not in done.stderr
        assert "free some disk space" in last and "it goes on from step 2" in last
        kept = [path.name for path in (tmp_path / "run" / "checkpoints").glob("checkpoint-*")]
        assert kept == ["checkpoint-2"]
    again = fit(recipe_file, tmp_path / "run", *sets)
    assert again.manifest()["stages"]["train"]["steps"] == 6


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shape"), said_when_full(tmp_path, 3):
        raise RuntimeError("shape mismatch")
    with pytest.raises(SqlLlamaError, match=r"No space left.*it begins again"), said_when_full(tmp_path, 3):
        raise OSError(28, "No space left on device")


def test_best_adapters_are_deleted_when_no_checkpoint_needs_them(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        (tmp_path / f"best-{step}").mkdir()
    forget_others(tmp_path, 4, 5)
    assert [path.name for path in tmp_path.glob("best-*")] == ["best-4"]
    forget_others(tmp_path, None, 5)
    assert not list(tmp_path.glob("best-*"))
