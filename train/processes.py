"""The processes of one training: torchrun, `accelerate launch` or Slurm starts one for each GPU with the same command.

Every process goes the same way through the code and learns from its own part of each batch. The main process (index 0)
alone writes files and prints. What depends on the machine, such as the rows of a pass, is agreed on first. With one
process nothing here imports torch or waits.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from ..core.errors import SqlLlamaError

PATIENCE = timedelta(days=2)  # that processes wait for each other: data are prepared and a model is fetched by one
T = TypeVar("T")


@dataclass(frozen=True)
class Here:
    """This process: its place among all, its place and the number of those on this machine, from 0, and the count."""

    index: int
    local_index: int
    count: int
    local_count: int

    @property
    def main(self) -> bool:
        """Whether this is the one process that writes."""
        return self.index == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1


def here() -> Here:
    """Return this process, by the variables that launchers set (RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE)."""
    count = _number("WORLD_SIZE", 1)
    if count < 2:
        return Here(0, 0, 1, 1)
    local = _number("LOCAL_WORLD_SIZE", count)
    return Here(_number("RANK", 0), _number("LOCAL_RANK", 0), count, max(1, local))


def _number(name: str, otherwise: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else otherwise


def join() -> None:
    """Meet the other processes, over NCCL on GPUs and over gloo elsewhere; nothing where there are none.

    Raises SqlLlamaError where this machine has fewer GPUs than processes.
    """
    process = here()
    if not process.several:
        return
    import torch
    from accelerate import PartialState

    gpus = torch.cuda.device_count()
    if gpus and process.local_index >= gpus:
        raise SqlLlamaError(
            f"{process.local_count} processes were started on this machine, and it has {gpus} GPUs",
            fix=f"torchrun --nproc-per-node {gpus}",
        )
    if gpus:
        PartialState(timeout=PATIENCE)
    else:
        PartialState(cpu=True, backend="gloo", timeout=PATIENCE)


def wait() -> None:
    """Go on when all processes are here."""
    if here().several:
        import torch

        torch.distributed.barrier()


@contextlib.contextmanager
def main_first() -> Iterator[None]:
    """Let the main process do the block alone, and then the others."""
    process = here()
    if not process.main:
        wait()
    yield
    if process.main:
        wait()


def from_main(value: T) -> T:
    """Return the main process's value in every process."""
    if not here().several:
        return value
    import torch

    values: list[Any] = [value]
    torch.distributed.broadcast_object_list(values)
    result: T = values[0]
    return result


def everyones(value: T) -> list[T]:
    """Return the values of all processes, in their order."""
    process = here()
    if not process.several:
        return [value]
    import torch

    values: list[Any] = [None] * process.count
    torch.distributed.all_gather_object(values, value)
    return values


def leave() -> None:
    """Part from the other processes; torch complains when a process ends before that."""
    if here().several:
        import torch

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
