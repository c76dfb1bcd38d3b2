"""One export: what is asked for, what it is made from, and who decides what a file is worth."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.recipe import Recipe
from ..core.run import Run
from ..modelfiles.templates import Family
from .certificate.reference import Reference


@dataclass(frozen=True)
class Options:
    """What one export is asked for beside its recipe.

    `quants` are GGUF types, or "auto" for the smallest that is as good; none means the recipe's. `imatrix` is a file of
    llama.cpp's, used instead of one from the run's own prompts; without `importance` there is none. `overrides` maps
    patterns in tensor names to types. `schema_from` is a database whose schema stands in the Modelfile, `examples` how
    many answered questions do. `llama_cpp` is a checkout whose converter does what ours cannot.
    """

    quants: Sequence[str] = ()
    verify: bool = True
    importance: bool = True
    imatrix: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    merged: bool = False
    adapter_gguf: bool = False
    schema_from: str = ""
    examples: int = 0
    llama_cpp: Path | None = None


class Decision(Protocol):
    """What won, and why in a sentence (evals/pick.py's Picked)."""

    @property
    def label(self) -> str: ...

    @property
    def said(self) -> str: ...


class Judgement(Protocol):
    """What the gate found, in a line for each comparison (evals/gate.py's Verdict)."""

    @property
    def lines(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Judges:
    """What asks files questions: it stands above this room (evals/), and is handed down. None: not asked.

    `gate` looks at the shipped file before Ollama gets it, and raises SqlLlamaError to stop that. `ground` chooses
    between files of the same type over both grounds; `quant` between types, by what the merged model says too.
    """

    gate: Callable[[Run, Path], Judgement] | None = None
    ground: Callable[[Run, Mapping[str, Path]], Decision] | None = None
    quant: Callable[[Run, Mapping[str, Path], Reference], Decision] | None = None


@dataclass(frozen=True)
class Job:
    """What every stage needs; `inputs` are the hashes and settings that a finished stage is recognised by."""

    base: Path
    adapter: Path
    recipe: Recipe
    chat_family: Family
    options: Options
    quants: tuple[str, ...]
    dtype: str
    inputs: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.recipe.export.name

    @property
    def chooses_ground(self) -> bool:
        return self.recipe.export.ground == "auto" and self.recipe.train.quantization != "none"


def text_hash(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
