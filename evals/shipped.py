"""The export's gate: compare the exported file with its base and with the model that training started from."""

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import DataError, SqlLlamaError
from ..core.files import sha256
from ..core.read_recipe import read_recipe
from ..core.run import Run
from ..core.settings import settings
from ..data.own.own_data import HELD_OUT, HELD_OUT_SYNTHETIC, own_data
from ..data.pairs import read_pairs
from ..data.synthesis.synthesise import synthesise
from ..data.synthesis.worlds.worlds import World, build_worlds
from ..databases.introspect import introspect
from ..engines.llamacpp import load_llamacpp
from ..export.quantized_base import quantized_base, quantized_start
from ..train.start import start_folder
from .evaluate import Evaluated, evaluate
from .gate import Verdict, gate
from .judged_answer import GradedAnswer
from .questions.questions import Question, Questions
from .report.report import Facts, of_evaluation, write_report

QUESTIONS = 24  # a base answers in prose: five seconds a question on a laptop
YOUR_PAIRS, YOUR_DATABASE, GENERAL = "your pairs", "your database", "other databases"
MOST = {YOUR_PAIRS: 20, YOUR_DATABASE: 12}
"""Questions about the user's own database that are asked at most, by group."""
SEED = 20_261  # not that of a recipe, so that no question was trained on with the usual seed


def shipped(run: Run, gguf: Path) -> Verdict:
    """Compare the exported file with its base and with the model that training started from, all quantized alike.

    All answer the same questions of our own. They are about databases that this run's training did not see, if there
    are any. A run on the user's own database adds those of the user's pairs that were kept for the test, and
    synthesised questions of kinds that were not trained. The report is written into the run's evals/, the answers of
    base and start into the cache folder for the next export. Raises SqlLlamaError when the file is not better than its
    base, or worse than the start.
    """
    own = with_yours(own_questions(run, QUESTIONS), run)
    compared = {"base": quantized_base(gguf)}
    skipped: tuple[str, ...] = ()
    try:
        compared |= _start(run, gguf)
    except DataError as error:
        skipped = (f"start: {error.message}, so the file is compared with its base only",)
    gates = settings().cache / "gates"
    kept = {name: evaluated_file(own, file, gates / file.parent.name) for name, file in compared.items()}
    _take_over_answers(run, gguf)
    tuned = evaluated_file(own, gguf, run.path / "evals")
    start = kept["start"].rows if "start" in kept else None
    groups = _groups({name: evaluated.rows for name, evaluated in kept.items()}, tuned.rows)
    verdict = replace(gate(kept["base"].rows, tuned.rows, start_rows=start), skipped=skipped, groups=groups)
    models = [
        of_evaluation(path.stem, str(path), evaluated, {"engine": "llama.cpp", "bytes": path.stat().st_size})
        for path, evaluated in (*((compared[name], evaluated) for name, evaluated in kept.items()), (gguf, tuned))
    ]
    databases = {item.database_name: item.database for item in own.items}
    report = write_report(
        Facts(tuple(models), "questions of our own", databases=databases, gate=verdict, choices=_choices(run, gguf)),
        run.path / "evals",
    )[1]
    if not verdict.passed:
        raise _stopped(gguf, verdict, report)
    return verdict


def _start(run: Run, gguf: Path) -> dict[str, Path]:
    """The model that the run's training started from, quantized alike; none where that was the base or is not known."""
    if "train" not in run.manifest()["stages"]:
        return {}
    recipe, _ = read_recipe(str(run.recipe_path))
    if recipe.train.start == "base":
        return {}
    return {"start": quantized_start(gguf, start_folder(recipe.train.start))}


def _stopped(gguf: Path, verdict: Verdict, report: Path) -> SqlLlamaError:
    failed = [check for check in verdict.checks if not check.passed]
    whose = {"base": "not better than its base", "start": "worse than the model that training started from"}
    messages = "; ".join(f"{whose[check.against]}: {check.said}" for check in failed)
    way = "train longer" if failed[0].against == "base" else "train with a lower train.learning_rate"
    return SqlLlamaError(f"{gguf}: {messages}", fix=f"see {report}; {way}, or export it anyway with --no-gate")


def _choices(run: Run, gguf: Path) -> tuple[dict[str, Any], ...]:
    """What was measured when this file's merge base and type were chosen."""
    paths = (run.path / "evals" / f"{what}.json" for what in ("ground", "quant"))
    choices = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]
    return tuple(choice for choice in choices if choice.get("sha256") == sha256(gguf))


def _take_over_answers(run: Run, gguf: Path) -> None:
    """Copy the answers from the choice of the merge base: they are those of the exported file."""
    folder = run.path / "evals"
    for choice in _choices(run, gguf):
        for suffix in (".state.json", ".jsonl"):
            kept = folder / f"ground-{choice['label']}{suffix}"
            if choice["what"] == "ground" and kept.is_file() and not (folder / f"{gguf.stem}.jsonl").exists():
                shutil.copyfile(kept, folder / f"{gguf.stem}{suffix}")


def evaluated_file(questions: Questions, model: Path, out: Path, *, name: str = "", title: str = "") -> Evaluated:
    """Evaluate a GGUF file.

    Its judged answers are kept in `out` under `name` (default: the file's). Progress is shown under `title` (default:
    that name).
    """
    engine = load_llamacpp(model)
    try:
        return evaluate(questions, name=name or model.stem, title=title, model=str(model), engine=engine, out=out)
    finally:
        engine.close()


def own_questions(run: Run, count: int) -> Questions:
    """Make `count` questions of our own, the same at every export of the run, equally many about each database."""
    made = _questions(run, count)
    return Questions(tuple(made), {}, tuple(range(len(made))), len(made))


def with_yours(general: Questions, run: Run) -> Questions:
    """Return them with the questions about the user's own database that the run kept for the test."""
    folder = run.path / "data"
    files = {YOUR_PAIRS: folder / HELD_OUT, YOUR_DATABASE: folder / HELD_OUT_SYNTHETIC}
    if not any(path.is_file() for path in files.values()) or not run.recipe_path.is_file():
        return general
    own = own_data(read_recipe(str(run.recipe_path))[0].data)
    if own is None:
        return general
    items = list(general.items)
    for name, path in files.items():
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows = [json.loads(line) for line in lines]
        chosen = random.Random(SEED).sample(rows, min(len(rows), MOST[name]))
        items += [Question(row["question"], row["sql"], own.db, name) for row in chosen]
    return Questions(tuple(items), {}, tuple(range(len(items))), len(items))


def _groups(kept: Mapping[str, Sequence[GradedAnswer]], tuned: Sequence[GradedAnswer]) -> tuple[str, ...]:
    """Say for each group of questions how many each model answered right; nothing where there is one group only."""
    if not any(row.database in MOST for row in tuned):
        return ()
    lines = []
    for group in (*MOST, GENERAL):
        places = [at for at, row in enumerate(tuned) if (row.database if row.database in MOST else GENERAL) == group]
        if not places:
            continue
        said = f"{group}: {sum(tuned[at].correct for at in places)} of {len(places)} right"
        for name, rows in reversed(list(kept.items())):
            gained = sum(tuned[at].correct and not rows[at].correct for at in places)
            lost = sum(rows[at].correct and not tuned[at].correct for at in places)
            right = sum(rows[at].correct for at in places)
            said += f", the {name} {right} ({gained} gained, {lost} lost)"
        lines.append(said)
    return tuple(lines)


def _questions(run: Run, count: int) -> list[Question]:
    worlds = _unseen(run, build_worlds(settings().cache / "worlds"))
    rng = random.Random(SEED)
    rng.shuffle(worlds)
    made: list[Question] = []
    for place, world in enumerate(worlds):
        share = -(-(count - len(made)) // (len(worlds) - place))
        pairs = synthesise(str(world.path), introspect(str(world.path)), share, rng, name=world.name)
        made += [Question(pair.question, pair.sql, world.path, world.name) for pair in pairs]
    return made[:count]


def _unseen(run: Run, worlds: list[World]) -> list[World]:
    """The databases that are not in the run's training pairs; all of them where all are in it."""
    path = run.path / "data" / "train.jsonl"
    seen = {pair.database for pair in read_pairs(path)} if path.is_file() else set()
    return [world for world in worlds if world.name not in seen] or worlds
