"""GPUs that people train on: memory, speed, and whether they compute in bfloat16.

Memory is what a program can have of it, a little less than what the box says. Speeds are the makers' figures for dense
matrix products in 16 bits (teraflops) and for memory (terabytes a second).
"""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """`bytes` that a program can have, `flops` a second in 16 bits, `bandwidth` in bytes a second."""

    name: str
    bytes: int
    flops: float
    bandwidth: float
    bfloat16: bool = True


def _gpu(name: str, gib: float, teraflops: float, terabytes: float, *, bfloat16: bool = True) -> Gpu:
    return Gpu(name, int(gib * GIB), teraflops * 1e12, terabytes * 1e12, bfloat16)


GPUS = {
    "t4": _gpu("NVIDIA T4", 14.6, 65, 0.32, bfloat16=False),
    "p100": _gpu("NVIDIA P100", 15.9, 18.7, 0.73, bfloat16=False),
    "v100": _gpu("NVIDIA V100", 15.7, 112, 0.9, bfloat16=False),
    "l4": _gpu("NVIDIA L4", 22.0, 121, 0.3),
    "a10g": _gpu("NVIDIA A10G", 22.0, 70, 0.6),
    "rtx3060": _gpu("NVIDIA RTX 3060", 11.6, 25, 0.36),
    "rtx3090": _gpu("NVIDIA RTX 3090", 23.5, 71, 0.94),
    "rtx4090": _gpu("NVIDIA RTX 4090", 23.5, 165, 1.0),
    "a100": _gpu("NVIDIA A100 40 GB", 39.4, 312, 1.56),
    "a100-80": _gpu("NVIDIA A100 80 GB", 79.2, 312, 2.0),
    "l40s": _gpu("NVIDIA L40S", 44.4, 362, 0.86),
    "h100": _gpu("NVIDIA H100", 79.1, 989, 3.35),
    "h200": _gpu("NVIDIA H200", 139.8, 989, 4.8),
}

# Share of the maker's figure that the matrix products of a training reach, and the memory traffic of everything else
# for each layer and token: fitted to 150,400 tokens/s of SmolLM2-135M and 12,569 of an 8B shape, both on an H200.
REACHED = 0.45
TRAFFIC = 0.9e6  # bytes


def seconds_per_token(gpu: Gpu, weights: int, layers: int, *, checkpointing: bool) -> float:
    """Estimate the time of a trained token: two operations a weight forward and two backward, two more to recompute."""
    operations = weights * (6 if checkpointing else 4)
    return operations / (REACHED * gpu.flops) + layers * TRAFFIC / gpu.bandwidth * (1.3 if checkpointing else 1)
