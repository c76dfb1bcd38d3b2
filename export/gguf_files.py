"""The GGUF files of an export: ground and type are chosen where asked, and each file is made once.

What is chosen among is written under names that begin with a dot; the winner gets its name, the others go. All that is
written is the same for the same inputs, so a killed export that begins again finds the answers it has already asked.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
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
from .job import Job, Judges
from .merge.merge import Ground, merge, tokenizer_of, weight_shapes
from .merge.merged_folder import merged_folder
from .prompts import prompts

AUTO = "auto"
CANDIDATES = ("Q3_K_M", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")  # IQ types take minutes to write on a laptop
GROUNDS: tuple[Ground, ...] = ("nf4", "base")
PLAIN = ("F32", "F16", "BF16", "Q8_0")  # rounded alike with and without an importance matrix


def gguf_files(run: Run, job: Job, judges: Judges) -> tuple[Ground, dict[str, Path]]:
    """The ground that the adapter was merged into, and the wanted files by type, the one that ships first.

    Raises what merging, converting and the judges raise.
    """
    for leftover in (*run.gguf.glob(".*.gguf"), *run.path.glob(".imatrix.gguf.*")):  # of a killed export
        leftover.unlink()
    for leftover in (*run.path.glob(".llama.cpp.*"), *run.path.glob(".merged.*")):
        shutil.rmtree(leftover, ignore_errors=True)
    made = _Made(run, job)
    ground = _ground(made, judges)
    quants: list[str] = []
    for quant in job.quants:
        quants.append(_smallest(made, ground, judges) if quant == AUTO else quant)
    wanted = {quant: made.path(quant) for quant in dict.fromkeys(quants)}
    made.write_missing(ground, wanted)
    for leftover in run.gguf.glob(".*.gguf"):  # what was compared and is not wanted
        leftover.unlink()
    return ground, wanted


class _Made:
    """The files of one run: which are there, and how one is made."""

    def __init__(self, run: Run, job: Job) -> None:
        self.run, self.job = run, job

    def path(self, quant: str) -> Path:
        return self.run.gguf / f"{self.job.name}-{quant}.gguf"

    def plain(self, quant: str) -> bool:
        """Whether an importance matrix changes nothing; a tensor's own type may need one in a file of any type."""
        return quant in PLAIN and not self.job.options.overrides

    def inputs(self, ground: Ground, quant: str) -> dict[str, str]:
        said = f"{ground} {self.job.dtype}" if ground == "nf4" else ground
        rounding = {} if self.plain(quant) else {"imatrix": self.job.inputs["imatrix"]}
        given = {key: value for key, value in self.job.inputs.items() if key != "imatrix"}
        return {**given, **rounding, "ground": said, "type": quant}

    def done(self, ground: Ground, quant: str) -> bool:
        return self.run.done(f"quantize {quant}", self.inputs(ground, quant)) and self.path(quant).is_file()

    def finish(self, ground: Ground, quant: str, seconds: float) -> None:
        self.run.finish(f"quantize {quant}", self.inputs(ground, quant), [self.path(quant)], seconds)

    def write_missing(self, ground: Ground, wanted: Mapping[str, Path]) -> None:
        missing = [quant for quant in wanted if not self.done(ground, quant)]
        for part in self._parts(missing):
            started = time.monotonic()
            for quant in part:
                self.run.begin(f"quantize {quant}")
            self.write(ground, {quant: wanted[quant] for quant in part})
            for quant in part:
                self.finish(ground, quant, (time.monotonic() - started) / len(part))

    def write(self, ground: Ground, files: Mapping[str, Path]) -> None:
        """Write files over a ground, wherever they lie."""
        for part in self._parts(files):
            imatrix = None if self.plain(part[0]) else self.imatrix()
            self._convert(ground, {quant: files[quant] for quant in part}, imatrix, self.job.options.overrides)

    def settle(self, ground: Ground, quant: str, files: Mapping[str, Path], chosen: str) -> None:
        """Give the winner, a file of that type and ground, its name; the others go."""
        if files[chosen].is_file():
            self.run.begin(f"quantize {quant}")
            files[chosen].replace(self.path(quant))
            self.finish(ground, quant, 0.0)
        for other in files.values():
            other.unlink(missing_ok=True)

    def _parts(self, quants: Iterable[str]) -> list[list[str]]:
        """Types without an importance matrix, then those with: it is gathered on Q8_0, which is there by then."""
        known = list(quants)
        plain, others = [q for q in known if self.plain(q)], [q for q in known if not self.plain(q)]
        return [part for part in (plain, others) if part]

    def _convert(
        self, ground: Ground, files: Mapping[str, Path], imatrix: Path | None, overrides: Mapping[str, str]
    ) -> None:
        job = self.job
        if job.options.llama_cpp is not None and not known(job.base):
            self._by_llama_cpp(ground, files, imatrix, overrides, job.options.llama_cpp)
            return
        said = f"{ground} {job.dtype}" if ground == "nf4" else ground
        facts = provenance(job.recipe, base=job.base, adapter=job.adapter, run=self.run, ground=said)
        convert_all(
            job.base,
            files,
            job.chat_family,
            merge(job.base, job.adapter, ground=ground, dtype=job.dtype),
            name=job.name,
            license=job.recipe.base.license,
            facts=facts,
            imatrix=imatrix,
            overrides=overrides,
            tokenizer=tokenizer_of(job.base, job.adapter),
        )

    def _by_llama_cpp(
        self,
        ground: Ground,
        files: Mapping[str, Path],
        imatrix: Path | None,
        overrides: Mapping[str, str],
        llama_cpp: Path,
    ) -> None:
        """The long way, for families that our converter does not know: a merged folder, a float16 file, then each."""
        job = self.job
        with tempfile.TemporaryDirectory(dir=self.run.path, prefix=".llama.cpp.") as scratch:
            folder, whole = Path(scratch) / job.name, Path(scratch) / "F16.gguf"
            merged_folder(job.base, job.adapter, folder, ground=ground, dtype=job.dtype)
            convert_by_llama_cpp(folder, whole, llama_cpp, chat_family=job.chat_family)
            for quant, path in files.items():
                quantize(whole, path, quant, imatrix=imatrix, overrides=overrides)

    def imatrix(self) -> Path | None:
        """The importance matrix: the given one, or one from the run's own training prompts; None where not wanted."""
        options = self.job.options
        if options.imatrix is not None or not options.importance:
            return options.imatrix
        out, pairs = self.run.path / "imatrix.gguf", self.run.path / "data" / "train.jsonl"
        inputs = {key: self.job.inputs[key] for key in ("adapter", "base", "template")}
        inputs["data"] = sha256(pairs) if pairs.is_file() else "own"
        if self.run.done("imatrix", inputs):
            return out
        started = time.monotonic()
        self.run.begin("imatrix")
        # over the weights that were trained, in plain Q8_0: what the matrix says depends on no other choice
        ground: Ground = "base" if self.job.recipe.train.quantization == "none" else "nf4"
        temporary = self.run.gguf / ".imatrix-Q8_0.gguf"
        there = self.path("Q8_0") if self.plain("Q8_0") and self.done(ground, "Q8_0") else temporary
        if there is temporary:
            self._convert(ground, {"Q8_0": temporary}, None, {})
        importance(there, prompts(pairs, CHATS), out)
        temporary.unlink(missing_ok=True)
        self.run.finish("imatrix", inputs, [out], time.monotonic() - started)
        return out


def known(base: Path) -> bool:
    """Whether our own converter takes the family of a base."""
    try:
        read_vocabulary(base, int(read_config(base, weight_shapes(base))["vocab_size"]))
    except UnknownFamily:
        return False
    return True


def merged_reference(run: Run, job: Job, ground: Ground) -> Reference | None:
    """What the merged model says at the answers to the run's validation questions; None of a family not known."""
    if job.options.llama_cpp is not None and not known(job.base):
        return None
    asked = answers(tokenizer_of(job.base, job.adapter), job.chat_family, run.path / "data" / "valid.jsonl")
    return reference(job.base, merge(job.base, job.adapter, ground=ground, dtype=job.dtype), asked)


def _ground(made: _Made, judges: Judges) -> Ground:
    """The recipe's ground, or the one whose file of the first type answers better."""
    job = made.job
    if not job.chooses_ground:
        fixed = "base" if job.recipe.train.quantization == "none" else job.recipe.export.ground
        return "base" if fixed == "base" else "nf4"
    judge = judges.ground
    if judge is None:
        return "base" if made.run.ground() == "base" else "nf4"
    quant = next((quant for quant in job.quants if quant != AUTO), "Q4_K_M")
    files: dict[str, Path] = {ground: made.run.gguf / f".{job.name}-{quant}-{ground}.gguf" for ground in GROUNDS}

    def write() -> None:
        for ground, path in files.items():
            made.write(cast(Ground, ground), {quant: path})

    chosen = cast(Ground, _choice(made, f"ground {quant}", {}, files, write, lambda: judge(made.run, files).label))
    if quant in job.quants:
        made.settle(chosen, quant, files, chosen)
    return chosen


def _smallest(made: _Made, ground: Ground, judges: Judges) -> str:
    """The smallest type that is as good as the merged model."""
    judge = judges.quant
    if judge is None:
        raise RecipeError("--quant auto asks the files questions", fix="leave out --no-gate, or name a type")
    files = {quant: made.run.gguf / f".{made.job.name}-{quant}-auto.gguf" for quant in CANDIDATES}

    def write() -> None:
        made.write(ground, files)

    def choose() -> str:
        merged = merged_reference(made.run, made.job, ground)
        if merged is None:
            raise RecipeError("--quant auto knows no model of this family", fix="name a type, such as Q4_K_M")
        return judge(made.run, files, merged).label

    chosen = _choice(made, "pick", {"ground": ground}, files, write, choose)
    made.settle(ground, chosen, files, chosen)
    return chosen


def _choice(
    made: _Made,
    stage: str,
    more: Mapping[str, str],
    files: Mapping[str, Path],
    write: Callable[[], None],
    choose: Callable[[], str],
) -> str:
    """What was chosen before from the same inputs, else what is chosen now; recorded in the manifest."""
    inputs = {**made.job.inputs, **more}
    if made.run.done(stage, inputs):
        return str(made.run.manifest()["stages"][stage]["chosen"])
    started = time.monotonic()
    write()
    chosen = choose()
    made.run.finish(stage, inputs, [], time.monotonic() - started, chosen=chosen)
    return chosen
