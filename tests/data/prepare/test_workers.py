"""Worker processes: a row that ends its process or hangs is given up, and all others keep their order."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys, threading, time
from sql_llama.data.prepare import workers

def work(chunk, at, lost):
    done = []
    if chunk == ["never begins"]:
        os._exit(3)
    for place, row in enumerate(chunk):
        if place in lost:
            continue
        at(place)
        if row == "dies":
            os._exit(3)
        if row == "hangs":
            threading.Event().wait()
        if row == "waits":  # until both processes are here
            open(f"here.{os.getpid()}", "w").close()
            while len([name for name in os.listdir() if name.startswith("here.")]) < 2:
                time.sleep(0.01)
        if row == "fails":
            raise ValueError("wrong")
        done.append(row)
    return done

if __name__ == "__main__":
    workers.SILENCE = 3.0
    chunks = [["a", "b"], ["c", "dies", "d"], ["e"], ["hangs", "f", "dies"], ["g"]]
    if sys.argv[1:] == ["both"]:
        chunks = [["waits"], ["waits"]]
    if sys.argv[1:] == ["fails"]:
        chunks = [["fails"]]
    if sys.argv[1:] == ["never begins"]:
        chunks = [["never begins"]]
    for chunk, done, lost in workers.work_in_processes(work, chunks, 2):
        print(done, sorted(lost))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(SCRIPT)
    return subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, cwd=folder)


def test_a_row_that_ends_its_process_or_hangs_is_given_up(tmp_path: Path) -> None:
    said = run(tmp_path)
    assert said.stdout.splitlines() == ["['a', 'b'] []", "['c', 'd'] [1]", "['e'] []", "['f'] [0, 2]", "['g'] []"]
    assert said.returncode == 0, said.stderr


def test_an_exception_of_the_work_is_raised_where_it_was_asked_for(tmp_path: Path) -> None:
    said = run(tmp_path, "fails")
    assert said.returncode == 1 and "ValueError: wrong" in said.stderr


def test_processes_that_end_before_their_first_row_are_not_begun_for_ever(tmp_path: Path) -> None:
    said = run(tmp_path, "never begins")
    assert said.returncode == 1 and "worker processes end before their first row" in said.stderr


def test_as_many_processes_as_are_asked_for_work_at_once(tmp_path: Path) -> None:
    assert run(tmp_path, "both").stdout.splitlines() == ["['waits'] []", "['waits'] []"]
