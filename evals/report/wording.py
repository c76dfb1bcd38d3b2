"""Numbers as people read them, texts that are fit to be shown, and the sentences at the head of a report."""

from collections.abc import Mapping
from typing import Any
from unicodedata import category

NARROW = "\u00a0"  # a space that no line breaks at

TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn the direction of what follows


def percent(share: float, digits: int = 1) -> str:
    """Return a share as per cent.

    >>> percent(0.725).replace(NARROW, " "), percent(-0.0001).replace(NARROW, " ")
    ('72.5 %', '0.0 %')
    """
    return f"{round(100 * share, digits) + 0.0:.{digits}f}{NARROW}%"


def interval(low: float, high: float, signed: bool = False) -> str:
    """Return the ends of an interval, in per cent.

    >>> interval(0.683, 0.7631), interval(-0.02, 0.041, signed=True)
    ('68.3–76.3', '−2.0 to +4.1')
    """
    return f"{points(low)} to {points(high)}" if signed else f"{100 * low:.1f}–{100 * high:.1f}"


def points(share: float) -> str:
    """Return a difference in points of per cent, with its sign.

    >>> points(0.0312), points(-0.5), points(0.0)
    ('+3.1', '−50.0', '0.0')
    """
    number = round(100 * share, 1)
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{abs(number):.1f}"


def chance(p: float) -> str:
    """Return a p-value, no more exact than it deserves.

    >>> chance(0.0000002), chance(0.0312), chance(0.41), chance(1.0)
    ('p < 0.0001', 'p = 0.031', 'p = 0.41', 'p = 1')
    """
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def bytes_(size: float) -> str:
    """Return a size in MiB or GiB.

    >>> bytes_(105 * 2**20).replace(NARROW, " "), bytes_(2.5 * 2**30).replace(NARROW, " ")
    ('105 MiB', '2.50 GiB')
    """
    return f"{size / 2**30:.2f}{NARROW}GiB" if size >= 2**30 else f"{size / 2**20:.0f}{NARROW}MiB"


def seconds(time: float) -> str:
    """Return a time, in milliseconds below a second.

    >>> [seconds(time).replace(NARROW, " ") for time in (0.0123, 1.634, 790.2)]
    ['12 ms', '1.63 s', '790 s']
    """
    if time < 1:
        return f"{1000 * time:.0f}{NARROW}ms"
    return f"{time:.3g}{NARROW}s" if time < 100 else f"{time:.0f}{NARROW}s"


def cut(text: str, most: int) -> str:
    """Return the beginning of a text, with a note of what was cut.

    >>> cut("a" * 1010, 10)
    'aaaaaaaaaa… (1,000 more characters)'
    """
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def plain(value: Any) -> Any:
    """Return the same JSON with texts that any page and any file can hold: no control characters, no half characters.

    >>> plain({"a": ["b\\x00c\\ud800", 1]})
    {'a': ['b\ufffdc\ufffd', 1]}
    """
    if isinstance(value, str):
        odd = {sign for sign in set(value) - {"\n", "\t"} if category(sign) in ("Cc", "Cs")} | (TURNS & set(value))
        return value.translate({ord(sign): "\ufffd" for sign in odd}) if odd else value
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def headline(report: Mapping[str, Any]) -> list[str]:
    """Return a summary of the report in a few sentences."""
    n, compared = report["questions"]["n"], report["comparison"]
    models = {model["name"]: model for model in report["models"]}
    if compared is None:
        first = report["models"][0]
        out = [f"{first['name']} answers {_accuracy(first)} of {n} questions right."]
        if len(models) > 1:
            out.append("The models were not asked the same questions, so they are not compared.")
        else:
            out.append("Over all such questions its share lies between these bounds, with 95 % certainty.")
        return out
    base, tuned = models[report["base"]], models[report["tuned"]]
    apart = compared["differences"]["execution_accuracy"]
    out = [
        f"{tuned['name']} answers {_accuracy(tuned)} of {n} questions right; "
        f"its base, {base['name']}, {_accuracy(base)}."
    ]
    size = f"{abs(100 * apart['value']):.1f} points {'more' if apart['value'] >= 0 else 'fewer'}"
    counts = (
        f"{compared['only_tuned']} questions were right with the tuned model only, "
        f"{compared['only_base']} with the base only ({chance(apart['p'])}, McNemar's exact test)"
    )
    if apart["beyond_luck"]:
        out.append(f"That is {size}, which is more than chance: {counts}.")
    else:
        out.append(f"That is {size}, which may be chance: {counts}.")
    if compared["detectable"] is None:
        out.append(f"{n} questions like these cannot show any difference between two models: ask more.")
    else:
        out.append(
            f"{n} questions can show a gain of {100 * compared['detectable']:.1f} points or more; "
            "a smaller gain would not be noticed."
        )
    return out


def _accuracy(model: Mapping[str, Any]) -> str:
    accuracy = model["metrics"]["execution_accuracy"]
    return f"{percent(accuracy['value'])} [{interval(accuracy['low'], accuracy['high'])}]"
