"""What was freed goes back to the system, though some of what lay between is still held."""

import subprocess
import sys

import pytest

PROGRAM = """
import psutil
from sql_llama.core.heap import give_back
blocks = [bytearray(65536) for _ in range(3000)]  # small enough to lie side by side in the heap
held = blocks[::100] + blocks[-1:]
del blocks
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_memory_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) > 100 * 2**20
