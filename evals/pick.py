"""Choose between files made from one adapter: which base it is merged into, and which quant is exported.

Quants are also compared with the merged model at each token of known answers: counts of right answers show differences
of ten points, next-token probabilities show differences of one.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.files import sha256, write_json
from ..core.run import Run
from ..core.wilson import wilson
from ..export.certificate.divergence import Divergence, divergence_of_file
from ..export.certificate.reference import Reference
from .judged_answer import GradedAnswer
from .numbers.statistics import LEVEL, mcnemar
from .shipped import evaluated_file, own_questions, with_yours

MERGE_BASE_QUESTIONS = 24  # those of the gate, which then need no new answers
TITLES = {"nf4": "the merge into NF4", "base": "the merge into the base"}
QUANT_QUESTIONS = 60
ADAPTER_QUESTIONS = 60  # beside those about the user's own database
LOST = 2.0  # points of right answers that the smallest quant may lose against the largest
FAR = 0.02  # nats of KL(merged || file), mean over answer tokens


@dataclass(frozen=True)
class Candidate:
    """What was measured of one file; None where it was not measured, because the choice was already clear.

    `low` and `high` are the 95 % interval of the share of right answers (Wilson). `gained` and `lost` count questions
    in comparison with the other file. `perplexity` is of known answers, `kl` in nats from the merged model.
    """

    label: str
    bytes: int
    n: int = 0
    right: int | None = None
    low: float | None = None
    high: float | None = None
    gained: int | None = None
    lost: int | None = None
    p: float | None = None
    perplexity: float | None = None
    kl: float | None = None
    kl_error: float | None = None
    top1: float | None = None


@dataclass(frozen=True)
class Picked:
    """The chosen candidate, the reason (`said`), and all that was measured; the names are keys of evals/WHAT.json.

    `what` is "ground" (the base that the adapter is merged into), "quant" or "adapter"; `sha256` is the file's.
    """

    what: str
    label: str
    said: str
    candidates: tuple[Candidate, ...]
    sha256: str = ""


def pick_merge_base(run: Run, files: Mapping[str, Path]) -> Picked:
    """Choose the base that the adapter is merged into: the first of `files`, unless another has more right answers.

    More means p < 0.05 in McNemar's test. `files` leads from "nf4", the rounded base that was trained on, and "base"
    to the file of each in the exported quant. The probability of known answers does not decide: where it was higher by
    a twentieth, no more answers were right (docs/results.md). Writes evals/ground.json in the run.
    """
    own = own_questions(run, MERGE_BASE_QUESTIONS)
    evals = run.path / "evals"
    rows = {
        label: evaluated_file(own, path, evals, name=f"ground-{label}", title=TITLES[label]).rows
        for label, path in files.items()
    }
    trained = next(iter(files))
    candidates = tuple(_candidate(label, files[label], rows[label], rows[trained]) for label in files)
    best = max(candidates, key=lambda candidate: candidate.right or 0)  # the first of equals
    if best.label != trained and not _beaten(rows[trained], rows[best.label]):
        best = candidates[0]
    if any(_beaten(rows[candidate.label], rows[best.label]) for candidate in candidates):
        why = f"{best.label}: {best.right} of {best.n} answers are right, and the gain is more than chance"
    else:
        why = f"{best.label}, which the adapter was trained on: the difference in right answers may be chance"
    return _saved(run, Picked("ground", best.label, why, candidates, sha256(files[best.label])))


def pick_quant(run: Run, files: Mapping[str, Path], reference: Reference) -> Picked:
    """Choose the smallest file that is near the merged model and loses at most LOST points of right answers.

    `files` leads from each type to its file; answers lost are counted against the largest, which is chosen where no
    other is good enough. Writes evals/quant.json in the run.
    """
    order = sorted(files, key=lambda label: files[label].stat().st_size)
    largest = order[-1]
    own = own_questions(run, QUANT_QUESTIONS)
    evals = run.path / "evals"
    near: dict[str, Divergence] = {label: divergence_of_file(reference, files[label]) for label in order}
    rows: dict[str, Sequence[GradedAnswer]] = {}
    rows[largest] = evaluated_file(own, files[largest], evals, name=f"quant-{largest}", title=largest).rows
    chosen = largest
    for label in order[:-1]:
        if not near[label].kl <= FAR:  # true for a KL that is not a number too
            continue
        rows[label] = evaluated_file(own, files[label], evals, name=f"quant-{label}", title=label).rows
        paired = mcnemar(_right(rows[largest]), _right(rows[label]))
        if -100 * paired.difference <= LOST + 1e-9:
            chosen = label
            break
    candidates = tuple(
        _candidate(
            label,
            files[label],
            rows.get(label, ()),
            rows[largest],
            perplexity=near[label].perplexity,
            kl=near[label].kl,
            kl_error=near[label].kl_error,
            top1=near[label].top1,
        )
        for label in order
    )
    why = (
        f"{chosen}: the smallest file with a KL of at most {FAR:g} nats from the merged model and at most {LOST:g}"
        f" points fewer right answers than {largest} on {len(own.items)} questions"
        if chosen != largest
        else f"{chosen}: no smaller file is as good"
    )
    return _saved(run, Picked("quant", chosen, why, candidates, sha256(files[chosen])))


def pick_adapter(run: Run, files: Mapping[str, Path]) -> Picked:
    """Choose the checkpoint whose file has the most right answers; of equals the latest.

    `files` leads from `step-N`, in the order of training, to a file of the type that ships; all answer the same
    questions. What each gained and lost is counted against the last. Writes evals/adapter.json in the run.
    """
    questions = with_yours(own_questions(run, ADAPTER_QUESTIONS), run)
    evals = run.path / "evals"
    rows = {
        label: evaluated_file(questions, path, evals, name=f"adapter-{label}", title=label).rows
        for label, path in files.items()
    }
    last = list(files)[-1]
    candidates = tuple(_candidate(label, files[label], rows[label], rows[last]) for label in files)
    best = max(reversed(candidates), key=lambda candidate: candidate.right or 0)  # the first of equals
    why = f"{best.label}: {best.right} of {best.n} answers are right"
    if best.label != last:
        why += f", {best.gained} gained and {best.lost} lost against {last}"
        why += "" if _beaten(rows[last], rows[best.label]) else "; the difference may be chance"
    return _saved(run, Picked("adapter", best.label, why, candidates, sha256(files[best.label])))


def _candidate(
    label: str,
    path: Path,
    rows: Sequence[GradedAnswer],
    against: Sequence[GradedAnswer],
    *,
    perplexity: float | None = None,
    kl: float | None = None,
    kl_error: float | None = None,
    top1: float | None = None,
) -> Candidate:
    size = path.stat().st_size
    if not rows:
        return Candidate(label, size, perplexity=perplexity, kl=kl, kl_error=kl_error, top1=top1)
    right = _right(rows)
    paired = mcnemar(_right(against), right)
    low, high = wilson(sum(right), len(right))
    return Candidate(
        label,
        size,
        len(right),
        sum(right),
        low,
        high,
        paired.only_second,
        paired.only_first,
        paired.p,
        perplexity,
        kl,
        kl_error,
        top1,
    )


def _beaten(rows: Sequence[GradedAnswer], by: Sequence[GradedAnswer]) -> bool:
    paired = mcnemar(_right(rows), _right(by))
    return paired.difference > 0 and paired.p < LEVEL


def _right(rows: Sequence[GradedAnswer]) -> list[bool]:
    return [row.correct for row in rows]


def _saved(run: Run, picked: Picked) -> Picked:
    write_json(run.path / "evals" / f"{picked.what}.json", dataclasses.asdict(picked))
    return picked
