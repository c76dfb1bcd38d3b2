"""The gate: does the exported file answer better than its base, and no worse than the model that it came from?

Better than the base: the file has more right answers to the same questions, and p < 0.05 in McNemar's exact test. This
test decides for any number of questions: its level holds for ten as well as for a thousand, while intervals from
formulas or resampling are wrong for few. The interval of a difference is reported to show its size and decides nothing.
The test is two-sided, so a model that is no better passes at most once in 40 times.

As good as the start, the adapter that training started from: the file fails when it has lost more than `tolerance`
points and the loss is more than chance, p < 0.05 in the same test, one-sided. With 24 questions that takes five lost
and none gained, or seven lost and one gained. A training that changed nothing is stopped in at most 2 of 100 cases. A
true loss of 10 points is noticed in 9 to 12 of 100 cases, of 20 points in half of them, of 30 points in 70 to 90
(docs/export.md).

As good as F16: the measured loss of right answers is at most `tolerance` points. This is not a test, on purpose. "Not
significantly worse" would let any quant pass with few questions, and "surely not worse" would stop every good one. So
the measured loss decides, and a note gives the loss that the questions cannot rule out.

Right is `correct`, the strict execution match. The base gets the same prompts as the file, and its SQL is taken from
its text in the same way.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..core.errors import DataError
from .judged_answer import GradedAnswer
from .numbers.statistics import LEVEL, bootstrap, detectable, mcnemar, needed

TOLERANCE = 3.0  # points; by chance, files that differ in 8 of 100 answers are up to 2.5 points apart on 500 questions
FEWEST_DATABASES = 5  # with fewer, an interval over databases has no meaning
MOSTLY = 0.5  # a note is given when a smaller share of the base's answers runs


@dataclass(frozen=True)
class Check:
    """One comparison of the model `first` with `second`, the exported file, on `n` questions.

    `against` names the first: base, start or F16. `first` and `second` are shares of right answers in 0..1.
    `difference`, `low`, `high`, `tolerance` and `detectable`, the smallest gain that the questions can show, are points
    of 0..100. `gained` and `lost` count the questions that only the second or only the first got right; `p` is of
    these counts, one-sided against the start.
    `by_database` is the interval when databases are resampled instead of questions; None for few databases. `said` is
    the result in words, `notes` are warnings that hold even when the check passed, `helps` steps to take when it
    failed. The names are keys of report.json.
    """

    name: str
    against: str
    passed: bool
    n: int
    first: float
    second: float
    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p: float
    by_database: tuple[float, float] | None
    detectable: float | None
    tolerance: float | None
    said: str
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The result of all checks; passed when each of them passed.

    `skipped` lists the comparisons that could not be made, with the reason.
    """

    passed: bool
    checks: tuple[Check, ...]
    skipped: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """How many questions of each group were answered right, in words."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Return a line for each comparison: pass or fail, what it compared with, the numbers."""
        made = [f"{'pass' if check.passed else 'FAIL'} {check.against}: {check.said}" for check in self.checks]
        return (*made, *self.groups, *(f"skipped {reason}" for reason in self.skipped))

    def as_json(self) -> dict[str, Any]:
        """Return what is written into report.json and printed by --json."""
        return {"verdict": "pass" if self.passed else "fail", **asdict(self)}


def gate(
    base_rows: Sequence[GradedAnswer],
    tuned_rows: Sequence[GradedAnswer],
    *,
    start_rows: Sequence[GradedAnswer] | None = None,
    whole_rows: Sequence[GradedAnswer] | None = None,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """Compare the answers of the exported file (`tuned_rows`) with those of its base.

    With `start_rows` they are also compared with the model that training started from, with `whole_rows` with the
    file's F16 form. `tolerance` is in points of 0..100. Raises DataError unless all lists answer the same questions,
    in the same order, over the same databases.
    """
    _same(base_rows, tuned_rows, "the base")
    checks = [_better(base_rows, tuned_rows)]
    if start_rows is not None:
        _same(start_rows, tuned_rows, "the start")
        checks.append(_no_worse(start_rows, tuned_rows, tolerance))
    if whole_rows is not None:
        _same(whole_rows, tuned_rows, "F16")
        checks.append(_loss_check(whole_rows, tuned_rows, tolerance))
    return Verdict(all(check.passed for check in checks), tuple(checks))


def render(verdict: Verdict) -> str:
    """Return one line for each check; under it, indented, its notes, and steps to try when it failed."""
    lines = []
    for check in verdict.checks:
        lines.append(f"{'pass' if check.passed else 'FAIL'}  {check.name}: {check.said}")
        lines += [f"      note: {note}" for note in check.notes]
        lines += [f"      try: {step}" for step in check.helps]
    return "\n".join(lines) + "\n"


def _same(rows: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer], whose: str) -> None:
    fix = "evaluate all models by one command, over one question file"
    if not tuned:
        raise DataError("the gate was given no answers", fix=fix)
    if len(rows) != len(tuned):
        raise DataError(f"the gate got {len(rows)} answers of {whose} and {len(tuned)} of the tuned model", fix=fix)
    for place, (first, second) in enumerate(zip(rows, tuned, strict=True), 1):
        for key, name in (("question", "question"), ("gold", "reference query"), ("database", "database")):
            if getattr(first, key) != getattr(second, key):
                pair = f"{getattr(first, key)!r} for {whose}, {getattr(second, key)!r} for the tuned model"
                raise DataError(f"the gate needs answers to the same questions: {name} {place} is {pair}", fix=fix)


def _better(base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer]) -> Check:
    """Is the tuned model better than its base, and is the gain more than chance?"""
    check = _measured("better than the base", "base", base, tuned)
    passed = check.difference > 0 and check.p < LEVEL
    judgement = f"the difference is more than chance ({_p(check.p)})"
    if check.p >= LEVEL:
        judgement = f"the difference may be chance ({_p(check.p)}, it must be below {LEVEL:g})"
    notes, helps = [], []
    ran = [place for place, row in enumerate(base) if row.verdict.valid]
    if len(ran) < MOSTLY * check.n:
        before, after = (sum(rows[place].correct for place in ran) for rows in (base, tuned))
        among = f"; of these, {before} are right, and the tuned model has {after} right" if ran else ""
        notes.append(f"only {len(ran)} of the base's {check.n} answers are SQL that runs{among}")
    if passed and check.by_database and check.by_database[0] <= 0:
        notes.append("the gain comes from a few of the databases: on others there may be none")
    if not passed and check.difference < 0 and check.p < LEVEL:
        helps = [
            "a model gets worse mostly when its prompts differ from those of the training: sql-llama verify RUN",
            "or the learning rate was too high: train again with a third of it, --set train.learning_rate=RATE",
        ]
    elif not passed:
        if not check.second:
            helps.append("no answer is right: read some of them in the folder given with --out")
        training = [
            "train longer and on more pairs: sql-llama train RECIPE --set train.epochs=3 --set data.synthetic=5000",
            "check that its prompts are those of the training: sql-llama verify RUN",
        ]
        helps += [_more(check), *training] if check.difference > 0 else [*training, _more(check)]
    return replace(check, passed=passed, said=f"{check.said}: {judgement}", notes=tuple(notes), helps=tuple(helps))


def _no_worse(start: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer], tolerance: float) -> Check:
    """Is the tuned model as good as the one that training started from, or may its loss be chance?"""
    check = replace(_measured("as good as the start", "start", start, tuned), tolerance=tolerance)
    p = check.p / 2 if check.lost > check.gained else 1.0  # of a loss like this one or a larger one
    passed = -check.difference <= tolerance + 1e-9 or p >= LEVEL
    message, notes, helps = check.said, [], []
    if check.lost > check.gained:
        loss = (
            f"at most {tolerance:g} points may be lost" if p < LEVEL and passed else f"the loss may be chance ({_p(p)})"
        )
        message = f"{message}: {loss if passed else f'the loss is more than chance ({_p(p)})'}"
    if passed and -check.low > tolerance:
        notes.append(f"{check.n} questions cannot rule out a loss of up to {-check.low:.1f} points")
    if not passed:
        helps = [
            "the usual cause is a learning rate that is too high: train again with a third of it, --set"
            " train.learning_rate=RATE",
            "or the training pairs were too few or too alike: --set data.synthetic=5000",
        ]
    return replace(check, passed=passed, p=p, said=message, notes=tuple(notes), helps=tuple(helps))


def _p(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"


def _more(check: Check) -> str:
    """Advice to use more questions, with the number that would show this gain."""
    if check.detectable is None:
        return f"ask more questions: {check.n} cannot show any difference between two models"
    message = f"ask more questions: {check.n} can only show gains of {check.detectable:.1f} points or more"
    wanted = needed(check.difference / 100, (check.gained + check.lost) / check.n)
    return (
        message
        if wanted is None or wanted <= check.n
        else f"{message}; a gain of {check.difference:.1f} points needs about {_two_digits(wanted)} questions"
    )


def _two_digits(count: int) -> int:
    return round(count, 2 - len(str(count)))


def _loss_check(whole: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer], tolerance: float) -> Check:
    """Did quantization cost at most the tolerance?"""
    check = replace(_measured("as good as F16", "F16", whole, tuned), tolerance=tolerance)
    passed = -check.difference <= tolerance + 1e-9  # 3 of 100 are not more than 3 points
    notes, helps = [], []
    if passed and -check.low > tolerance:
        notes.append(f"{check.n} questions cannot rule out a loss of up to {-check.low:.1f} points")
    if not passed:
        if check.p >= LEVEL:
            helps.append(f"ask more questions: with {check.n}, the loss may be chance")
        helps += [
            "export a larger type: sql-llama export RUN --quant Q8_0",
            "check that both files are of one run: sql-llama verify RUN",
        ]
    message = f"{check.said}: at most {tolerance:g} points may be lost"
    return replace(check, passed=passed, said=message, notes=tuple(notes), helps=tuple(helps))


def _measured(name: str, against: str, first: Sequence[GradedAnswer], second: Sequence[GradedAnswer]) -> Check:
    """The numbers of a comparison, not yet judged."""
    before, after = ([row.correct for row in rows] for rows in (first, second))
    paired = mcnemar(before, after)
    shares = sum(before) / paired.n, sum(after) / paired.n
    difference, low, high = 100 * paired.difference, 100 * paired.low, 100 * paired.high
    shows = detectable(paired.n, shares[0], paired.discordant)
    databases = [row.database for row in second]
    by_database = None
    if len(set(databases)) >= FEWEST_DATABASES:
        resampled = bootstrap([100.0 * (new - old) for old, new in zip(before, after, strict=True)], clusters=databases)
        by_database = None if resampled.low is None or resampled.high is None else (resampled.low, resampled.high)
    whose = against if against == "F16" else f"the {against}"
    changed = f"{paired.only_second} gained, {paired.only_first} lost, {difference:+.1f} points"
    return Check(
        name,
        against,
        False,
        paired.n,
        *shares,
        paired.only_second,
        paired.only_first,
        difference,
        low,
        high,
        paired.p,
        by_database,
        None if shows is None else 100 * shows,
        None,
        f"{sum(after)} of {paired.n} right, {whose} {sum(before)} ({changed})",
    )
