"""A report as one page of HTML and as Markdown. The templates only show; plots are drawn here.

Whatever a model or a database wrote is text: it is escaped, and the page's own policy forbids scripts and requests.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..numbers.metrics import KINDS
from .plots import Group, Line, Mark, bars, curve
from .wording import bytes_, chance, interval, percent, points, seconds

if TYPE_CHECKING:
    import jinja2

CLASSES = {"hardness": "By hardness", "features": "By feature of the reference query", "database": "By database"}

CHOICES = {"ground": "What the adapter was merged into", "quant": "Which type is exported"}

EXAMPLES = {
    "worse": "right with the base only",
    "wrong": "wrong with both",
    "better": "right with the tuned model only",
}


def html(report: Mapping[str, Any]) -> str:
    """Render a report as one self-contained page."""
    from markupsafe import Markup

    plots = {name: Markup(plot) for name, plot in _plots(report).items()}
    return _environment(True).get_template("page.html.jinja").render(**report, card=_card(report), plots=plots)


def markdown(report: Mapping[str, Any]) -> str:
    """Render a report as Markdown, tables only."""
    return _environment(False).get_template("page.md.jinja").render(**report, card=_card(report))


def _environment(autoescape: bool) -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "chance": chance,
        "span": span,
        "cell": cell,
        "fact": fact,
        "label": label,
        "fenced": fenced,
    }
    environment.globals |= {
        "kinds": KINDS,
        "class_titles": CLASSES,
        "example_kinds": EXAMPLES,
        "choice_titles": CHOICES,
    }
    return environment


def span(metric: Mapping[str, Any], signed: bool = False) -> str:
    """Return the interval of a metric or a difference; empty when it has none."""
    return "" if metric["low"] is None else interval(metric["low"], metric["high"], signed)


def cell(text: Any) -> str:
    """Return text inside a Markdown table or line: nothing in it is markup.

    >>> print(cell("a|b <b>*x*</b>"))
    a\\|b &lt;b\\>\\*x\\*&lt;/b\\>
    """
    out = re.sub(r"[ \t\r\n]+", " ", str(text)).strip().replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\`*_[]|>~#!":
        out = out.replace(sign, f"\\{sign}")
    return out


def fenced(text: str, language: str = "") -> str:
    """Return text as a Markdown block of code, whatever backticks it has.

    >>> print(fenced("SELECT 1", "sql"))
    ```sql
    SELECT 1
    ```
    """
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def label(name: str) -> str:
    """Return a key of JSON as a word.

    >>> label("peak_memory")
    'Peak memory'
    """
    return name[:1].upper() + name[1:].replace("_", " ")


def fact(value: Any, name: str = "") -> str:
    """Return a fact of a model's or machine's card: sizes in MiB, lists with commas."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not known"}[value]
    if isinstance(value, int | float) and name.endswith(("bytes", "memory", "size")) and value >= 2**20:
        return bytes_(value)
    if isinstance(value, int) and abs(value) >= 1_000_000:
        return f"{value / 1e6:,.1f} million"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(fact(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {fact(item, str(key))}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _card(report: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Speed, memory and facts of the models: titles, and a text for each model, without rows that no model has."""

    def rate(value: float) -> str:
        return f"{value:.3g}" if value < 100 else f"{value:,.0f}"

    speed = [model["speed"] for model in report["models"]]
    rows: list[tuple[str, list[Any]]] = [
        (title, [show(item[key]) if item[key] else None for item in speed])
        for title, key, show in (
            ("Questions a second", "questions_per_second", rate),
            ("Time a question", "seconds_per_question", seconds),
            ("Tokens a second", "tokens_per_second", rate),
            ("All questions", "seconds", seconds),
            ("Memory at its peak", "memory", bytes_),
        )
    ]
    each = [item["percentiles"] for item in speed]
    spread = [", ".join(map(seconds, item.values())) for item in each]
    rows.insert(2, ("Time from one answer to the next: median, 90 %, 99 %", spread))
    rows.append(("Engine", [model["engine"] or None for model in report["models"]]))
    for key in dict.fromkeys(key for model in report["models"] for key in model["facts"]):
        values = [model["facts"].get(key) for model in report["models"]]
        rows.append(
            (
                "Size" if key == "bytes" else label(key),
                [None if value is None else fact(value, key) for value in values],
            )
        )
    return [(title, [text or "–" for text in texts]) for title, texts in rows if any(texts)]


def _plots(report: Mapping[str, Any]) -> dict[str, str]:
    out = {"scores": bars(_scores_alt(report), [_score(model) for model in report["models"]], dots=True)}
    alone = {report["models"][0]["name"]: "tuned"}
    kinds = {report["base"]: "base", report["tuned"]: "tuned"} if report["base"] else alone
    for name, title in CLASSES.items():
        groups = report["classes"][name]
        if groups:
            alt = f"{title}: " + "; ".join(
                f"{group['name']} "
                + ", ".join(f"{who} {percent(metric['value'], 0)}" for who, metric in _both(group, kinds))
                for group in groups
            )
            out[name] = bars(
                alt,
                [
                    Group(
                        group["name"],
                        tuple(
                            Mark(
                                metric["value"], percent(metric["value"], 0), kinds[who], metric["low"], metric["high"]
                            )
                            for who, metric in _both(group, kinds)
                        ),
                        f"n = {group['n']}",
                    )
                    for group in groups
                ],
            )
    if report["causes"]:
        counts = [
            Group(
                item["cause"],
                tuple(Mark(count, str(count), kinds[who]) for who, count in _both(item, kinds)),
            )
            for item in report["causes"]
        ]
        alt = "Wrong answers by cause: " + "; ".join(
            f"{group.label} {' and '.join(mark.label for mark in group.marks)}" for group in counts
        )
        top = max(mark.value for group in counts for mark in group.marks)
        out["causes"] = bars(alt, counts, top=max(top, 1), percent=False)
    return out | _confidence_plots(report, kinds)


def _both(group: Mapping[str, Any], kinds: Mapping[str, str]) -> list[tuple[str, Any]]:
    return [(name, group["models"][name]) for name in kinds]


def _score(model: Mapping[str, Any]) -> Group:
    accuracy = model["metrics"]["execution_accuracy"]
    value = accuracy["value"]
    mark = Mark(value, percent(value), model["role"] or "other", accuracy["low"], accuracy["high"])
    return Group(model["name"], (mark,), model["role"])


def _scores_alt(report: Mapping[str, Any]) -> str:
    return "Execution accuracy: " + "; ".join(
        f"{model['name']} {percent(model['metrics']['execution_accuracy']['value'])}, "
        f"between {span(model['metrics']['execution_accuracy'])}"
        for model in report["models"]
    )


def _confidence_plots(report: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, str]:
    models = [model for model in report["models"] if model["name"] in kinds and model["confidence"]]
    if not models:
        return {}
    curves, reliable, descriptions = [], [], []
    for model in models:
        measured, kind = model["confidence"], kinds[model["name"]]
        points = tuple((point["coverage"], point["accuracy"]) for point in measured["curve"])
        curves.append(Line(model["name"], points, kind))
        bins = tuple((part["confidence"], part["right"] / part["n"]) for part in measured["bins"])
        reliable.append(Line(model["name"], bins, kind, tuple(part["n"] / measured["n"] for part in measured["bins"])))
        descriptions.append(
            f"{model['name']} {percent(points[0][1], 0)} of the most confident {percent(points[0][0], 0)} "
            f"and {percent(points[-1][1], 0)} of all"
        )
    return {
        "curve": curve(
            f"How many are right when only the most confident answers are given: {'; '.join(descriptions)}",
            curves,
            across="answers given, the most confident first",
            up="right",
        ),
        "calibration": curve(
            "Share of right answers against the confidence the model had in them, a larger mark for more answers: "
            + "; ".join(
                f"{line.name} " + ", ".join(f"{percent(x, 0)} sure, {percent(y, 0)} right" for x, y in line.points)
                for line in reliable
            ),
            reliable,
            across="confidence of the answers",
            up="right",
            diagonal=True,
        ),
    }
