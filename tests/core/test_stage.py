"""Stages: nothing half-written counts as done, whatever a kill, an exception or a full disk leaves behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sql_llama.core.run import Run, create_run

RECIPE = 'name = "mine"\n'
INPUTS = {"recipe": "a"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "run", "mine", RECIPE)


def write(run: Run, text: str, inputs: dict[str, str] = INPUTS) -> bool:
    """A stage of two outputs: a file and a folder. Whether there was anything to do."""
    with run.stage("train", inputs) as stage:
        if stage.done:
            return False
        with stage.file(run.path / "metrics.jsonl") as temporary:
            temporary.write_text(text)
        with stage.folder(run.adapter) as temporary:
            (temporary / "weights").write_text(text)
        stage.facts["steps"] = len(text)
    return True


def test_a_stage_is_done_once(run: Run) -> None:
    assert write(run, "one")
    entry = run.manifest()["stages"]["train"]
    assert [(item["path"], item["bytes"]) for item in entry["outputs"]] == [("metrics.jsonl", 3), ("adapter", 3)]
    assert all(len(item["sha256"]) == 64 for item in entry["outputs"])
    assert entry["inputs"] == INPUTS and entry["seconds"] >= 0 and entry["steps"] == 3
    assert not write(run, "two")
    assert (run.adapter / "weights").read_text() == "one"
    with run.stage("train", INPUTS) as stage:
        assert stage.done and stage.facts == {"steps": 3}


def test_other_inputs_or_a_lost_output_are_a_reason_to_do_it_again(run: Run) -> None:
    write(run, "one")
    assert write(run, "two", {"recipe": "b"})
    assert (run.adapter / "weights").read_text() == "two"
    (run.path / "metrics.jsonl").write_text("cut")
    assert not write(run, "six", {"recipe": "b"})  # the size is what is looked at
    (run.path / "metrics.jsonl").write_text("")
    assert write(run, "six", {"recipe": "b"})
    (run.path / "metrics.jsonl").unlink()
    assert write(run, "six", {"recipe": "b"})


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_the_stage_undone_and_no_temporary_file(
    error: type[BaseException], run: Run
) -> None:
    before = sorted(run.path.rglob("*"))
    with pytest.raises(error), run.stage("train", INPUTS) as stage, stage.file(run.path / "metrics.jsonl") as file:
        file.write_text("half")
        raise error
    assert sorted(run.path.rglob("*")) == before and run.manifest()["stages"] == {}


def test_a_stage_that_fails_early_leaves_the_older_one_whole(run: Run) -> None:
    write(run, "one")
    with pytest.raises(ValueError), run.stage("train", {"recipe": "b"}):
        raise ValueError
    assert run.done("train", INPUTS)


def test_an_old_entry_goes_before_its_files_are_replaced(run: Run) -> None:
    """The new file has the old one's size, so that only the entry can tell."""
    write(run, "one")
    with pytest.raises(ValueError), run.stage("train", {"recipe": "b"}) as stage:
        with stage.file(run.path / "metrics.jsonl") as temporary:
            temporary.write_text("two")
        raise ValueError
    assert not run.done("train", INPUTS)


def test_an_output_may_be_written_by_a_function_that_is_atomic_itself(run: Run) -> None:
    with run.stage("imatrix", INPUTS) as stage:
        stage.output(run.path / "imatrix.gguf").write_bytes(b"1234")
    assert run.done("imatrix", INPUTS)


def test_stages_that_share_their_work_share_its_seconds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 18.0])
    monkeypatch.setattr("sql_llama.core.stage.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with run.stage("quantize Q8_0", INPUTS, shared_by=2):
        pass
    assert run.manifest()["stages"]["quantize Q8_0"]["seconds"] == 4.0


def test_work_to_go_on_from_stays_while_the_stage_fails_and_goes_when_it_is_done(run: Run) -> None:
    with pytest.raises(ValueError), run.stage("train", INPUTS) as stage:
        (stage.work_folder("checkpoints") / "checkpoint-4").mkdir()
        raise ValueError
    with run.stage("train", INPUTS) as stage:
        assert (stage.work_folder("checkpoints") / "checkpoint-4").is_dir()
    assert not (run.path / "checkpoints").exists()


def test_work_of_other_inputs_is_not_gone_on_from(run: Run) -> None:
    with pytest.raises(ValueError), run.stage("train", INPUTS) as stage:
        (stage.work_folder("checkpoints") / "checkpoint-4").mkdir()
        raise ValueError
    with run.stage("train", {"recipe": "b"}) as stage:
        assert not (stage.work_folder("checkpoints") / "checkpoint-4").exists()


def test_kill_9_while_work_of_other_inputs_is_deleted_is_noticed(run: Run) -> None:
    """One checkpoint is deleted when the kill comes; the other one must go too."""
    with pytest.raises(ValueError), run.stage("train", INPUTS) as stage:
        for step in (4, 8):
            (stage.work_folder("checkpoints") / f"checkpoint-{step}").mkdir()
        raise ValueError
    code = KILLED.split("left = ")[0] + (
        "import shutil\n"
        "delete = shutil.rmtree\n"
        "shutil.rmtree = lambda path: (delete(path), os.kill(os.getpid(), signal.SIGKILL))\n"
        "with Run(Path(sys.argv[2])).stage('train', {'recipe': 'b'}) as stage:\n"
        "    stage.work_folder('checkpoints')\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(run.path)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert len(list(run.path.glob("checkpoints/checkpoint-*"))) == 1
    with run.stage("train", {"recipe": "b"}) as stage:
        assert not list(stage.work_folder("checkpoints").glob("checkpoint-*"))


def test_work_that_an_older_version_left_is_gone_on_from(run: Run) -> None:
    """It wrote no inputs beside the checkpoints."""
    (run.path / "checkpoints" / "checkpoint-4").mkdir(parents=True)
    with run.stage("train", INPUTS) as stage:
        assert (stage.work_folder("checkpoints") / "checkpoint-4").is_dir()


def test_a_manifest_of_an_older_version_is_recognised(run: Run) -> None:
    """As version 0.9 wrote it."""
    (run.path / "imatrix.gguf").write_bytes(b"1234")
    manifest = run.manifest()
    manifest["stages"]["imatrix"] = {
        "inputs": INPUTS,
        "outputs": [{"path": "imatrix.gguf", "sha256": "03ac67", "bytes": 4}],
        "seconds": 1.5,
        "chosen": "nf4",
    }
    run.manifest_path.write_text(json.dumps(manifest))
    with run.stage("imatrix", INPUTS) as stage:
        assert stage.done and stage.facts == {"chosen": "nf4"}


# kills the process before the count-th move of a finished file to its place: metrics, adapter, and the manifest twice
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_stage import write
from sql_llama.core.run import Run
left = int(sys.argv[3])
move = Path.replace
def replace(self, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return move(self, target)
Path.replace = replace
write(Run(Path(sys.argv[2])), "two", {"recipe": sys.argv[4]})
"""


@pytest.mark.parametrize("before_move", range(4))
@pytest.mark.parametrize("inputs", ["a", "b"])
def test_kill_9_at_every_move_leaves_a_stage_that_is_done_again(before_move: int, inputs: str, run: Run) -> None:
    """The stage was done with the inputs "a"; then an output was lost, or the inputs change."""
    write(run, "one")
    if inputs == "a":
        (run.path / "metrics.jsonl").unlink()
    arguments = [str(Path(__file__).parent), str(run.path), str(before_move), inputs]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not run.done("train", {"recipe": inputs})
    for entry in run.manifest()["stages"].values():  # an entry describes the files that are there
        assert (run.adapter / "weights").read_text() == "one" and entry["inputs"] == INPUTS
    assert write(run, "two", {"recipe": inputs})
    assert run.done("train", {"recipe": inputs})
    assert (run.adapter / "weights").read_text() == (run.path / "metrics.jsonl").read_text() == "two"


def test_kill_9_while_an_output_is_written_leaves_the_older_one(run: Run) -> None:
    write(run, "one")
    code = KILLED.split("left = ")[0] + (
        "run = Run(Path(sys.argv[2]))\n"
        "with run.stage('train', {'recipe': 'b'}) as stage, stage.folder(run.adapter) as temporary:\n"
        "    (temporary / 'weights').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(run.path)]
    assert subprocess.run(command, capture_output=True, env=dict(os.environ)).returncode == -signal.SIGKILL
    assert run.done("train", INPUTS) and not run.done("train", {"recipe": "b"})
    assert (run.adapter / "weights").read_text() == "one"
