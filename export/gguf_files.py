"""The GGUF files of an export: merge base and type are chosen where that is asked for, and each file is made once.

The files that are compared have names that begin with a dot; the chosen one is renamed, the others are deleted. The
same inputs give the same bytes, so a killed export that begins again finds the answers that it asked for before.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..core.errors import RecipeError, UnknownFamily
from ..core.files import sha256
from ..core.run import Run
from ..models.architecture import read_config
from ..models.read_vocabulary import read_vocabulary
from .certificate.answers import answers
from .certificate.provenance import provenance
from .certificate.reference import Reference, reference
from .convert.convert import convert_all
from .convert.importance import CHATS, importance
from .convert.llama_cpp_converter import convert_by_llama_cpp
from .convert.quantize import quantize
from .merge.merge import MergeBase, merge, tokenizer_of, weight_shapes
from .merge.merged_folder import merged_folder
from .plan import AUTO, Judges, Plan
from .prompts import prompts

CANDIDATES = ("Q3_K_M", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")  # IQ types take minutes to write on a laptop
MERGE_BASES: tuple[MergeBase, ...] = ("nf4", "base")
WITHOUT_IMATRIX = ("F32", "F16", "BF16", "Q8_0")  # an importance matrix does not change their rounding


@dataclass(frozen=True)
class GgufFiles:
    """The files that were asked for, by type, the one that ships first; and what the adapter was merged into."""

    merge_base: MergeBase
    by_type: Mapping[str, Path]

    @property
    def shipped(self) -> Path:
        """Return the file that the Modelfile and Ollama get."""
        return next(iter(self.by_type.values()))


def gguf_files(run: Run, plan: Plan, judges: Judges) -> GgufFiles:
    """Choose the merge base and the types, and write the files that are not there yet.

    Raises what merging, converting and the judges raise.
    """
    for leftover in (*run.gguf.glob(".*.gguf"), *run.path.glob(".imatrix.gguf.*")):  # of a killed export
        leftover.unlink()
    for leftover in (*run.path.glob(".llama.cpp.*"), *run.path.glob(".merged.*")):
        shutil.rmtree(leftover, ignore_errors=True)
    writer = _Writer(run, plan)
    merge_base = _choose_merge_base(writer, judges)
    quants = [_choose_quant(writer, merge_base, judges) if quant == AUTO else quant for quant in plan.quants]
    files = {quant: writer.path(quant) for quant in dict.fromkeys(quants)}
    writer.write_missing(merge_base, files)
    for leftover in run.gguf.glob(".*.gguf"):  # compared, and not chosen
        leftover.unlink()
    return GgufFiles(merge_base, files)


def write_candidate(run: Run, plan: Plan, merge_base: MergeBase, quant: str, path: Path) -> None:
    """Write a file of one type that is compared with others, under any name."""
    _Writer(run, plan).write(merge_base, {quant: path})


def known_base(base: Path) -> bool:
    """Return whether sql-llama's own converter takes a base; others need a llama.cpp checkout."""
    try:
        read_vocabulary(base, int(read_config(base, weight_shapes(base))["vocab_size"]))
    except UnknownFamily:
        return False
    return True


def merged_reference(run: Run, plan: Plan, merge_base: MergeBase) -> Reference | None:
    """Return the merged model's predictions at the answers of the validation pairs; None for an unknown base."""
    if plan.options.llama_cpp is not None and not known_base(plan.base):
        return None
    chats = answers(tokenizer_of(plan.base, plan.adapter), plan.chat_family, run.path / "data" / "valid.jsonl")
    return reference(plan.base, merge(plan.base, plan.adapter, merge_base=merge_base, dtype=plan.dtype), chats)


class _Writer:
    """Writes the GGUF files of one run."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run, self.plan = run, plan

    def path(self, quant: str) -> Path:
        return self.run.gguf / f"{self.plan.name}-{quant}.gguf"

    def needs_imatrix(self, quant: str) -> bool:
        """Return whether an importance matrix changes a file: by its type, or by the type of a single tensor in it."""
        return quant not in WITHOUT_IMATRIX or bool(self.plan.options.overrides)

    def inputs(self, merge_base: MergeBase, quant: str) -> dict[str, str]:
        """Return the inputs by which a finished file is recognised."""
        inputs = dict(self.plan.inputs)
        imatrix = inputs.pop("imatrix")
        if self.needs_imatrix(quant):
            inputs["imatrix"] = imatrix
        return {**inputs, "ground": self.label(merge_base), "type": quant}

    def label(self, merge_base: MergeBase) -> str:
        """Return the merge base as manifests and files state it: with the compute type that de-quantized NF4 has."""
        return f"{merge_base} {self.plan.dtype}" if merge_base == "nf4" else merge_base

    def done(self, merge_base: MergeBase, quant: str) -> bool:
        return self.run.done(f"quantize {quant}", self.inputs(merge_base, quant))

    def write_missing(self, merge_base: MergeBase, files: Mapping[str, Path]) -> None:
        """Write the files that are not done; those that are written in one pass are stages open at once."""
        missing = [quant for quant in files if not self.done(merge_base, quant)]
        for part in self._passes(missing):
            with contextlib.ExitStack() as stack:
                outputs = {}
                for quant in reversed(part):  # the manifest lists them in the order of `part`: the last one ends first
                    inputs = self.inputs(merge_base, quant)
                    stage = stack.enter_context(self.run.stage(f"quantize {quant}", inputs, shared_by=len(part)))
                    outputs[quant] = stage.output(files[quant])
                self.write(merge_base, {quant: outputs[quant] for quant in part})

    def write(self, merge_base: MergeBase, files: Mapping[str, Path]) -> None:
        """Write files of several types over a merge base, under any names."""
        for part in self._passes(files):
            imatrix = self.imatrix() if self.needs_imatrix(part[0]) else None
            self._convert(merge_base, {quant: files[quant] for quant in part}, imatrix, self.plan.options.overrides)

    def keep(self, merge_base: MergeBase, quant: str, candidates: Mapping[str, Path], chosen: str) -> None:
        """Give the chosen candidate the name of a file of that type and merge base; delete the others."""
        if candidates[chosen].is_file():  # not renamed by an earlier export
            with self.run.stage(f"quantize {quant}", self.inputs(merge_base, quant)) as stage:
                if not stage.done:
                    candidates[chosen].replace(stage.output(self.path(quant)))
        for path in candidates.values():
            path.unlink(missing_ok=True)

    def _passes(self, quants: Iterable[str]) -> list[list[str]]:
        """Types without an importance matrix, then those with one: it is computed from Q8_0, which is there by then."""
        listed = list(quants)
        without = [quant for quant in listed if not self.needs_imatrix(quant)]
        return [part for part in (without, [quant for quant in listed if quant not in without]) if part]

    def _convert(
        self, merge_base: MergeBase, files: Mapping[str, Path], imatrix: Path | None, overrides: Mapping[str, str]
    ) -> None:
        plan = self.plan
        if plan.options.llama_cpp is not None and not known_base(plan.base):
            self._by_llama_cpp(merge_base, files, imatrix, overrides, plan.options.llama_cpp)
            return
        facts = provenance(
            plan.recipe, base=plan.base, adapter=plan.adapter, run=self.run, merge_base=self.label(merge_base)
        )
        convert_all(
            plan.base,
            files,
            plan.chat_family,
            merge(plan.base, plan.adapter, merge_base=merge_base, dtype=plan.dtype),
            name=plan.name,
            license=plan.recipe.base.license,
            facts=facts,
            imatrix=imatrix,
            overrides=overrides,
            tokenizer=tokenizer_of(plan.base, plan.adapter),
        )

    def _by_llama_cpp(
        self,
        merge_base: MergeBase,
        files: Mapping[str, Path],
        imatrix: Path | None,
        overrides: Mapping[str, str],
        llama_cpp: Path,
    ) -> None:
        """Convert a base that is not known to us: a merged folder, a float16 file, then a file of each type."""
        plan = self.plan
        with tempfile.TemporaryDirectory(dir=self.run.path, prefix=".llama.cpp.") as scratch:
            folder, float16 = Path(scratch) / plan.name, Path(scratch) / "F16.gguf"
            merged_folder(plan.base, plan.adapter, folder, merge_base=merge_base, dtype=plan.dtype)
            convert_by_llama_cpp(folder, float16, llama_cpp, chat_family=plan.chat_family)
            for quant, path in files.items():
                quantize(float16, path, quant, imatrix=imatrix, overrides=overrides)

    def imatrix(self) -> Path | None:
        """Return the importance matrix: the given one, or one from the training prompts; None where it is not wanted.

        Its own is computed from a plain Q8_0 file over the weights that were trained, whatever the export chooses.
        """
        options = self.plan.options
        if options.imatrix is not None or not options.importance:
            return options.imatrix
        out, pairs = self.run.path / "imatrix.gguf", self.run.path / "data" / "train.jsonl"
        inputs = {key: self.plan.inputs[key] for key in ("adapter", "base", "template")}
        inputs["data"] = sha256(pairs) if pairs.is_file() else "own"
        with self.run.stage("imatrix", inputs) as stage:
            if not stage.done:
                trained: MergeBase = "base" if self.plan.recipe.train.quantization == "none" else "nf4"
                model = self.path("Q8_0")
                temporary = self.run.gguf / ".imatrix-Q8_0.gguf"
                if self.needs_imatrix("Q8_0") or not self.done(trained, "Q8_0"):
                    model = temporary
                    self._convert(trained, {"Q8_0": model}, None, {})
                importance(model, prompts(pairs, CHATS), stage.output(out))
                temporary.unlink(missing_ok=True)
        return out


def _choose_merge_base(writer: _Writer, judges: Judges) -> MergeBase:
    """The merge base that the recipe names, or the one whose file of the first type answers better."""
    plan, run = writer.plan, writer.run
    if not plan.compares_merge_bases:
        fixed = "base" if plan.recipe.train.quantization == "none" else plan.recipe.export.ground
        return "base" if fixed == "base" else "nf4"
    judge = judges.merge_base
    if judge is None:
        return "base" if run.merge_base() == "base" else "nf4"
    quant = next((quant for quant in plan.quants if quant != AUTO), "Q4_K_M")
    files: dict[str, Path] = {name: run.gguf / f".{plan.name}-{quant}-{name}.gguf" for name in MERGE_BASES}

    def choose() -> str:
        for name in MERGE_BASES:
            writer.write(name, {quant: files[name]})
        return judge(run, files).label

    chosen = cast(MergeBase, _chosen(writer, f"ground {quant}", {}, choose))
    if quant in plan.quants:
        writer.keep(chosen, quant, files, chosen)
    return chosen


def _choose_quant(writer: _Writer, merge_base: MergeBase, judges: Judges) -> str:
    """The smallest type that is as good as the largest."""
    plan, run, judge = writer.plan, writer.run, judges.quant
    if judge is None:
        raise RecipeError("--quant auto has to evaluate the files", fix="leave out --no-gate, or name a type")
    files = {quant: run.gguf / f".{plan.name}-{quant}-auto.gguf" for quant in CANDIDATES}

    def choose() -> str:
        writer.write(merge_base, files)
        merged = merged_reference(run, plan, merge_base)
        if merged is None:
            raise RecipeError("--quant auto cannot compare files with this base", fix="name a type, such as Q4_K_M")
        return judge(run, files, merged).label

    chosen = _chosen(writer, "pick", {"ground": merge_base}, choose)
    writer.keep(merge_base, chosen, files, chosen)
    return chosen


def _chosen(writer: _Writer, stage_name: str, more_inputs: Mapping[str, str], choose: Callable[[], str]) -> str:
    """What was chosen earlier from the same inputs, else what `choose` says now; kept in the manifest."""
    with writer.run.stage(stage_name, {**writer.plan.inputs, **more_inputs}) as stage:
        if not stage.done:
            stage.facts["chosen"] = choose()
    return str(stage.facts["chosen"])
