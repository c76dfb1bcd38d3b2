"""How much a piece of code does, counted in function calls: the same on a busy machine as on an idle one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def at_most_calls(limit: int) -> Iterator[None]:
    """Fail when the block makes more function calls than this in its thread, Python's and C's; a call has to end.

    What one C function does within (a regular expression, a sort) is not counted: the test's timeout bounds that.
    """
    count = 0

    def counter(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counter)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert count <= limit, f"{count} function calls; at most {limit} are allowed"
