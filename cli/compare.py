"""`sql-llama compare`: the models of several evaluations side by side."""

import json
from pathlib import Path
from typing import Any

import click

from ..core.errors import DataError

PATH = click.Path(readable=False, path_type=Path)  # files are opened later, which reports unreadable ones


@click.command("compare")
@click.argument("runs", metavar="RUN RUN ...", nargs=-1, required=True, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """Put evaluations side by side: each RUN is a folder that `eval --out` made, or a run directory with evals/.

    Every model is compared with the first one, question by question, where both were asked the same questions.
    """
    rows = compare(runs)
    if as_json:
        click.echo(json.dumps({"models": rows}, ensure_ascii=False))
        return
    _table(rows)


def compare(runs: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Return one entry for each model of each run; all others are compared with the first.

    Shares are in 0..1. `difference` is None where other questions were asked. Raises DataError for a folder that holds
    no report, or a broken one.
    """
    from ..evals.numbers.statistics import mcnemar

    rows: list[dict[str, Any]] = []
    first: tuple[str, list[bool]] | None = None
    for run in runs:
        for path in _reports(run):
            for name, model in _models(path):
                metrics, right = model["metrics"], [sign == "1" for sign in model["right"]]
                row = {
                    "run": str(path.parent),
                    "model": name,
                    "n": model["n"],
                    **{key: metrics[key]["value"] for key in ("execution_accuracy", "valid_sql", "exact_match")},
                    "interval": [metrics["execution_accuracy"]["low"], metrics["execution_accuracy"]["high"]],
                    "seconds": model["speed"]["seconds"],
                    "same_questions": first is None or model["asked"] == first[0],
                    "difference": None,
                }
                if first is None:
                    first = model["asked"], right
                elif row["same_questions"]:
                    paired = mcnemar(first[1], right)
                    row["difference"] = {
                        "value": paired.difference,
                        "low": paired.low,
                        "high": paired.high,
                        "p": paired.p,
                        "gained": paired.only_second,
                        "lost": paired.only_first,
                    }
                rows.append(row)
    return rows


def _reports(run: Path) -> list[Path]:
    """The report.json of an evaluation's folder, or all of a run directory's evals/."""
    for paths in ([run / "report.json"], [run / "evals" / "report.json"], sorted(run.glob("evals/*/report.json"))):
        if paths and all(path.is_file() for path in paths):
            return paths
    if not run.is_dir():
        raise DataError(f"{run}: no such folder", fix="give a folder that `sql-llama eval --out` made")
    raise DataError(
        f"{run}: holds no report.json, here or in evals/",
        fix=f"sql-llama eval --questions FILE --databases DIR --model FILE.gguf --out {run}",
    )


def _models(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each model of a report with its name; raises DataError when the file is not what eval wrote."""
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        named = [(str(model["name"]), model) for model in models]
        for _, model in named:
            metrics = model["metrics"]
            numbers = [metrics[key]["value"] for key in ("execution_accuracy", "valid_sql", "exact_match")]
            numbers += [metrics["execution_accuracy"]["low"], metrics["execution_accuracy"]["high"], model["n"]]
            sum(numbers)
            if len(model["right"]) != model["n"] or not isinstance(model["asked"], str) or not model["n"]:
                raise ValueError("its parts do not fit together")
            float(model["speed"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: not a report of sql-llama ({why})", fix="make it again: sql-llama eval") from None
    if not named:
        raise DataError(f"{path}: reports no model", fix="make it again: sql-llama eval")
    return named


def _table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from ..evals.report.wording import chance, interval, points
    from .console import output_console

    console = output_console()
    runs = list(dict.fromkeys(row["run"] for row in rows))
    if len(runs) > 1:
        for place, run in enumerate(runs, 1):
            console.print(f"{place}: {run}", markup=False, highlight=False, soft_wrap=True)
        console.print()
    heads = [*(["#"] if len(runs) > 1 else []), "model", "n", "EX %", "95 %", "valid %", "to the first"]
    table = Table(*heads, box=box.SIMPLE, show_edge=False, pad_edge=False)
    for place, column in enumerate(table.columns, -len(heads)):
        column.overflow = "fold"  # all digits are shown in a narrow terminal
        column.no_wrap = place < -5  # names are not broken over lines
        column.justify = "left" if place < -5 else "right"
    for place, row in enumerate(rows):
        if row["difference"]:
            cell = f"{points(row['difference']['value'])}\n{chance(row['difference']['p'])}"
        else:
            cell = "other questions" if place and not row["same_questions"] else ""
        number = [str(runs.index(row["run"]) + 1)] if len(runs) > 1 else []
        shares = f"{100 * row['execution_accuracy']:.1f}", interval(*row["interval"]), f"{100 * row['valid_sql']:.1f}"
        table.add_row(*number, escape(row["model"]), str(row["n"]), *shares, cell)
    console.print(table)
