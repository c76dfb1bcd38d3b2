"""What a GGUF file is, from its header alone: where it comes from, its tensors, its tokenizer, its template."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.gguf_header import Tensor, read_gguf

LISTS = 8  # longer lists are counted, not shown


@dataclass(frozen=True)
class TypeSum:
    """All tensors of one type: how many, their values and their bytes."""

    kind: str
    tensors: int
    values: int
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """A GGUF file; `facts` are its metadata but for the parts that have fields of their own."""

    path: Path
    bytes: int
    facts: dict[str, Any]
    provenance: dict[str, Any]
    tokenizer: dict[str, Any]
    template: str
    context: int | None
    types: tuple[TypeSum, ...]
    tensors: tuple[Tensor, ...]

    @property
    def values(self) -> int:
        """Return the number of parameters."""
        return sum(item.values for item in self.types)

    def as_json(self, *, tensors: bool = False) -> dict[str, Any]:
        """Return plain values; with `tensors` each tensor's name, type, shape, offset and bytes."""
        listed = [vars(tensor) | {"shape": list(tensor.shape)} for tensor in self.tensors]
        return {
            "file": str(self.path),
            "bytes": self.bytes,
            "parameters": self.values,
            "context": self.context,
            "provenance": self.provenance,
            "metadata": self.facts,
            "tokenizer": self.tokenizer,
            "template": self.template,
            "types": [vars(item) for item in self.types],
            **({"tensors": listed} if tensors else {}),
        }


def inspection(path: Path) -> Inspection:
    """Read a GGUF file's header; raises DataError when the file is broken or no GGUF file."""
    header = read_gguf(path, model=False)
    metadata = header.metadata
    names: list[str] = metadata.get("tokenizer.ggml.tokens", [])
    facts, provenance, tokenizer = {}, {}, {}
    for key, value in metadata.items():
        if key.startswith(("sql_llama.", "general.base_model.", "general.dataset.")) or key == "general.license":
            provenance[key] = _shown(value)
        elif key.startswith("tokenizer.ggml."):
            short = key.removeprefix("tokenizer.ggml.")
            tokenizer[short] = _shown(value)
            if short.endswith("_token_id") and type(value) is int and 0 <= value < len(names):
                tokenizer[short] = f"{value} {names[value]}"
        elif key != "tokenizer.chat_template":
            facts[key] = _shown(value)
    kinds = dict.fromkeys(tensor.kind for tensor in header.tensors)
    sums = [_sum(kind, [tensor for tensor in header.tensors if tensor.kind == kind]) for kind in kinds]
    context = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    return Inspection(
        path,
        path.stat().st_size,
        facts,
        provenance,
        tokenizer,
        metadata.get("tokenizer.chat_template", ""),
        context if type(context) is int else None,
        tuple(sorted(sums, key=lambda item: -item.bytes)),
        header.tensors,
    )


def render_inspection(result: Inspection, *, tensors: bool = False) -> str:
    """Return an inspection for people: a heading and indented lines for each part, `none` for what the file lacks."""
    context = f", context {result.context}" if result.context else ""
    lines = [f"{result.path}: {result.bytes / 2**20:.0f} MiB, {_count(result.values)} parameters{context}"]
    lines += _part("provenance", result.provenance, "none: not made by sql-llama, or by an old version")
    lines += _part("metadata", result.facts, "none")
    sizes = {
        item.kind: f"{item.tensors} tensors, {_count(item.values)} values, {item.bytes / 2**20:.1f} MiB"
        for item in result.types
    }
    lines += _part("tensors", sizes, "none")
    if tensors:
        each = {tensor.name: f"{tensor.kind} {list(tensor.shape)}, {tensor.bytes} bytes" for tensor in result.tensors}
        lines += _part("each tensor", each, "none")
    lines += _part("tokenizer", result.tokenizer, "none")
    lines += ["template:", *(f"  {_plain(line)}" for line in result.template.splitlines() or ["none"])]
    return "\n".join(lines) + "\n"


def _part(title: str, facts: dict[str, Any], without: str) -> list[str]:
    width = min(40, max((len(_plain(key)) for key in facts), default=0))
    lines = [f"  {_plain(key):<{width}}  {_plain(_text(value))}" for key, value in facts.items()]
    return [f"{title}:", *(lines or [f"  {without}"])]


def _text(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)  # a float32 has no more digits


def _plain(text: str) -> str:
    """A file's text without what would move a terminal's cursor or colour it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _shown(value: Any) -> Any:
    """A value, or how long a list is that nobody would read."""
    if isinstance(value, list):
        return value if len(value) <= LISTS else f"{len(value)} values"
    # JSON has no such numbers
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _sum(kind: str, tensors: Sequence[Tensor]) -> TypeSum:
    values = sum(math.prod(tensor.shape) for tensor in tensors)
    return TypeSum(kind, len(tensors), values, sum(tensor.bytes for tensor in tensors))


def _count(number: int) -> str:
    """A large number as people say it.

    >>> _count(134515008), _count(8030261248), _count(4096)
    ('134.5M', '8.03B', '4096')
    """
    if number >= 10**9:
        return f"{number / 10**9:.2f}B"
    return f"{number / 10**6:.1f}M" if number >= 10**6 else str(number)
