"""Evaluate models on a file of questions: the way in for Python programs."""

from collections.abc import Sequence
from pathlib import Path

from .evaluate_models import Options, evaluate_models, report_facts
from .questions.questions import questions as read_questions
from .report.report import Model, write_report


def evaluate_file(
    questions: str | Path,
    models: str | Path | Sequence[str | Path],
    databases: str | Path | None = None,
    *,
    out: str | Path | None = None,
    candidates: int = 1,
    repair: bool = False,
    variants: int = 0,
    limit: int = 0,
) -> tuple[Model, ...]:
    """Score one or more models as `sql-llama eval` does; the base comes first, then the tuned model.

    `questions` is a file of questions with their reference queries, `databases` the folder of their databases where the
    file names them. Each model is what `sql-llama ask --model` takes. Of `candidates` answers the first is taken whose
    query runs and returns rows. With `repair`, a query that the database does not understand is mended without the
    model. With `variants`, answers also run on that many copies of each database with other rows.
    `limit` takes the first questions only; 0 takes all. With `out`, every answer and a report are kept in that folder,
    and answers that are there already are not asked for again.

    Raises DataError for files that are missing or broken, RecipeError when a model cannot give several candidates.
    """
    names = [str(model) for model in ([models] if isinstance(models, str | Path) else models)]
    items = read_questions(Path(questions), Path(databases) if databases else None, limit)
    folder = Path(out) if out else None
    scored = tuple(evaluate_models(items, names, (), Options(folder, candidates, variants, repair=repair)))
    if folder:
        write_report(report_facts(items, questions, scored), folder)
    return scored
