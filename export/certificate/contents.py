"""What a GGUF file holds, apart from how its bytes are laid out: one hash of its tensors and one of its metadata.

Ollama from 0.30 on writes an imported file anew, with its tensors and keys in another order. Its sha256 differs then;
these two hashes do not.
"""

import hashlib
import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.gguf_header import Gguf, Tensor, read_gguf

PIECE = 2**24  # bytes that are hashed at a time
# Keys about the file and its writer, which writers of GGUF set themselves; the model does not depend on them.
LAYOUT = ("general.alignment", "general.file_type", "general.quantization_version")


@dataclass(frozen=True)
class Contents:
    """Hashes (sha256, hexadecimal) of a GGUF file's tensors and of its metadata; `count` is the number of tensors."""

    tensors: str
    metadata: str
    count: int

    def as_json(self) -> dict[str, str]:
        """Return the two hashes as certificate.json has them."""
        return {"tensors": self.tensors, "metadata": self.metadata}


def contents(gguf: Path) -> Contents:
    """Hash what a GGUF file holds: of each tensor its name, type, shape and values, of each key its name and value.

    Their order in the file does not count, nor do LAYOUT's keys. Reads the whole file. Raises DataError for a broken
    one.
    """
    header = read_gguf(gguf)
    return Contents(_tensors(gguf, header), _metadata(header.metadata), len(header.tensors))


def _tensors(gguf: Path, header: Gguf) -> str:
    if not header.tensors:
        return hashlib.sha256(b"").hexdigest()
    with gguf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        lines = sorted(
            f"{tensor.name} {tensor.kind} {list(tensor.shape)} {_values(data, tensor)}" for tensor in header.tensors
        )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _values(data: mmap.mmap, tensor: Tensor) -> str:
    digest, end = hashlib.sha256(), tensor.offset + tensor.bytes
    for start in range(tensor.offset, end, PIECE):
        digest.update(data[start : min(start + PIECE, end)])
    return digest.hexdigest()


def _metadata(metadata: dict[str, Any]) -> str:
    kept = {key: value for key, value in metadata.items() if key not in LAYOUT}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
