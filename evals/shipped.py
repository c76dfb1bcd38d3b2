"""Does the file that ships answer better than its base? Asked before a model is handed to anyone."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.files import sha256
from ..core.run import Run
from ..core.schema import introspect
from ..core.settings import settings
from ..data.pairs import read_pairs
from ..data.synthesise import synthesise
from ..data.worlds import World, build_worlds
from ..engines.llamacpp import load_llamacpp
from ..export.base_twin import base_twin
from .evaluate import Evaluated, evaluate
from .gate import Verdict, gate, render
from .questions import Question, Questions
from .report import Facts, of_evaluation, write_report

QUESTIONS = 24  # a base answers in prose, which takes it five seconds a question on a laptop
SEED = 20_261  # not a recipe's: no question is one that a recipe with the usual seed has trained on


def shipped(run: Run, gguf: Path) -> Verdict:
    """Ask the shipped file and its base, quantized alike, the same questions; keep the report in the run's evals/.

    The questions are our own, over databases of ours that this run's training did not see, as far as there are any.
    The base's answers are kept in the cache folder for the next export. Raises SqlLlamaError when the file is not
    better than its base.
    """
    found = questions(run, QUESTIONS)
    twin = base_twin(gguf)
    base = asked(found, twin, settings().cache / "gates" / twin.parent.name)
    _asked_before(run, gguf)
    tuned = asked(found, gguf, run.path / "evals")
    verdict = gate(base.rows, tuned.rows)
    models = [
        of_evaluation(path.stem, str(path), one, {"engine": "llama.cpp", "bytes": path.stat().st_size})
        for path, one in ((twin, base), (gguf, tuned))
    ]
    databases = {item.database_name: item.database for item in found.items}
    report = write_report(
        Facts(tuple(models), "questions of our own", databases=databases, gate=verdict, choices=_choices(run, gguf)),
        run.path / "evals",
    )[1]
    if not verdict.passed:
        raise SqlLlamaError(
            f"{gguf}: not better than its base: {render(verdict).strip()}",
            fix=f"see {report}; train longer, or export it all the same with --no-gate",
        )
    return verdict


def _choices(run: Run, gguf: Path) -> tuple[dict[str, Any], ...]:
    """What was measured when this file's ground and type were chosen."""
    paths = (run.path / "evals" / f"{what}.json" for what in ("ground", "quant"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]
    return tuple(choice for choice in found if choice.get("sha256") == sha256(gguf))


def _asked_before(run: Run, gguf: Path) -> None:
    """Take over the answers that the choice of the ground was made by: the file that won is the one that ships."""
    folder = run.path / "evals"
    for choice in _choices(run, gguf):
        for suffix in (".state.json", ".jsonl"):
            kept = folder / f"ground-{choice['label']}{suffix}"
            if choice["what"] == "ground" and kept.is_file() and not (folder / f"{gguf.stem}.jsonl").exists():
                shutil.copyfile(kept, folder / f"{gguf.stem}{suffix}")


def asked(found: Questions, model: Path, out: Path, *, name: str = "") -> Evaluated:
    """The judged answers of a GGUF file, kept in `out` under `name` (default: the file's)."""
    engine = load_llamacpp(model)
    try:
        return evaluate(found, name=name or model.stem, model=str(model), engine=engine, out=out)
    finally:
        engine.close()


def questions(run: Run, count: int) -> Questions:
    """Questions of our own, the same ones at every export of the run, an equal share of each database."""
    made = _questions(run, count)
    return Questions(tuple(made), {}, tuple(range(len(made))), len(made))


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
    """Databases that are not in the run's training pairs; all of them where it saw all, or none of ours."""
    path = run.path / "data" / "train.jsonl"
    seen = {pair.database for pair in read_pairs(path)} if path.is_file() else set()
    return [world for world in worlds if world.name not in seen] or worlds
