"""The data card: what a model was trained on, for people (card.md), for programs (card.json) and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...core.files import atomic, write_json, write_text
from ...core.recipe import Recipe
from .lengths import Lengths
from .prepare import Prepared

BINS = 12
BAR = 30  # signs of the longest bar
UNKNOWN = "not stated"


def write_card(prepared: Prepared, recipe: Recipe, out: Path) -> None:
    """Write card.json, card.md and balance.svg into a folder."""
    draw_balance(prepared.before, prepared.after, out / "balance.svg")
    write_json(out / "card.json", card_facts(prepared, recipe))
    write_text(out / "card.md", card_text(prepared, recipe))


def card_facts(prepared: Prepared, recipe: Recipe) -> dict[str, Any]:
    """Return everything that the card says, as JSON."""
    leakage = asdict(prepared.leakage) | {"share": round(prepared.leakage.share, 4), "against": recipe.data.against}
    return {
        **prepared.as_json(),
        "recipe": recipe.name,
        "near_duplicates": prepared.near_duplicates,
        "licenses": licenses(prepared),
        "sources": [asdict(source) for source in prepared.sources],
        "marks": dict(prepared.marks),
        "balance": {"before": dict(prepared.before), "after": dict(prepared.after)},
        "leakage": leakage,
        "lengths": {
            "measured": len(prepared.lengths.sample),
            "covers_99": prepared.lengths.covers_99,
            "longest": max(prepared.lengths.sample, default=None),
            "too_long": prepared.lengths.too_long,
            "max_tokens": recipe.train.max_tokens,
        },
        "files": dict(prepared.files),
        "seed": recipe.data.seed,
    }


def licenses(prepared: Prepared) -> list[str]:
    """Return the licences of the sources of which pairs were kept, each once."""
    return list(dict.fromkeys(source.license or UNKNOWN for source in prepared.sources if source.kept))


def card_text(prepared: Prepared, recipe: Recipe) -> str:
    """Return the card as Markdown."""
    total = sum(prepared.after.values())
    parts = [
        f"# Data card of {recipe.name}\n",
        f"{prepared.train} pairs to train and {prepared.valid} to validate. No database is in both parts. Every query "
        "was run.\n",
        "## Sources\n\n| Source | Licence | Rows | Kept | Left out |\n|---|---|---|---|---|",
        *(
            f"| {s.name} | {s.license or UNKNOWN} | {s.rows} | {s.kept} | {_reasons(s.left_out)} |"
            for s in prepared.sources
        ),
        f"\nDuplicates: {prepared.duplicates}, of them {prepared.near_duplicates} by nearly the same question. Pairs "
        f"that contradict each other: {prepared.contradictions}.\n",
        "## Suspicions\n",
        _marks(prepared.marks, recipe.data.drop),
        "## Balance\n\nEach query is counted under the rarest kind of work in it.\n",
        "![before and after](balance.svg)\n",
        "| Class | Before | After | Share |\n|---|---|---|---|",
        *(
            f"| {name} | {count} | {prepared.after.get(name, 0)} | {prepared.after.get(name, 0) / max(total, 1):.1%} |"
            for name, count in prepared.before.items()
        ),
        "\n## Lengths\n",
        _lengths(prepared.lengths, recipe.train.max_tokens),
        "## Overlap with evaluation questions\n",
        _overlap(prepared, recipe),
        "## Rows as the model sees them\n",
        _rows(prepared.lengths),
        "## Files\n",
        *(f"- `{name}`: sha256 `{digest}`" for name, digest in prepared.files.items()),
        *(f"- from `{file}`: `{stamp}`" for source in prepared.sources for file, stamp in source.files.items()),
        f"\nSeed {recipe.data.seed}. Made in {prepared.seconds:.0f} s with at most "
        f"{prepared.peak_bytes / 2**20:.0f} MiB of memory.",
    ]
    return "\n".join(parts) + "\n"


def _reasons(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in left_out.items()).replace("|", "\\|") or "none"


def _marks(marks: Mapping[str, int], dropped: Sequence[str]) -> str:
    if not marks:
        return "No pair is suspected.\n"
    said = {
        "empty": "the query returns nothing on the real rows",
        "unnamed-column": "the query shows a column that the question does not name",
        "tie": "a LIMIT cuts between rows that are equal in the order",
    }
    fate = {True: "left out", False: "kept"}
    lines = [f"- {name} ({said.get(name, name)}): {count}, {fate[name in dropped]}" for name, count in marks.items()]
    return "\n".join(lines) + "\n"


def _lengths(lengths: Lengths, limit: int) -> str:
    if not lengths.sample:
        return "Not measured: the tokenizer of the base is not on this machine.\n"
    low, high = lengths.sample[0], lengths.sample[-1]
    width = max(1, -(-(high + 1 - low) // BINS))
    counts = [0] * (-(-(high + 1 - low) // width))
    for length in lengths.sample:
        counts[(length - low) // width] += 1
    most = max(counts)
    bars = [
        f"{low + at * width:>6} - {low + (at + 1) * width - 1:<6} {'#' * round(BAR * count / most):<{BAR}} {count}"
        for at, count in enumerate(counts)
    ]
    return (
        f"Tokens of {len(lengths.sample)} rows, prompt and answer together. {lengths.covers_99} tokens cover 99 % of "
        f"them. {lengths.too_long} of all pairs are longer than train.max_tokens ({limit}) when the whole schema is "
        "shown; they are trained with fewer tables.\n\n```\n" + "\n".join(bars) + "\n```\n"
    )


def _overlap(prepared: Prepared, recipe: Recipe) -> str:
    found = prepared.leakage
    if not found.total:
        return "Not compared: the recipe names no evaluation questions (`data.against`).\n"
    lines = [
        f"Against `{Path(recipe.data.against).name}`, {found.total} questions:\n",
        f"- question in the training part: {found.exact} exactly, {found.near} nearly ({found.share:.1%})",
        f"- query of a shape that is trained: {found.skeleton}",
        f"- schema that is trained: {found.schema}; half of its tables: {found.near_schema}",
    ]
    lines += [f'- "{asked}" is like "{trained}"' for asked, trained in found.examples]
    return "\n".join(lines) + "\n"


def _rows(lengths: Lengths) -> str:
    if not lengths.shown:
        return "Not shown: the tokenizer of the base is not on this machine.\n"
    blocks = [
        f"```\n{prompt}\n=== the loss sees ===\n{answer}\n```\n".replace("```\n```", "```")
        for prompt, answer in lengths.shown
    ]
    return "The loss sees only what stands below the mark `=== the loss sees ===`.\n\n" + "\n".join(blocks)


def draw_balance(before: Mapping[str, int], after: Mapping[str, int], path: Path) -> None:
    """Draw the classes of queries before and after balancing, as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "sql-llama"  # else each picture has ids of its own
    names = list(before) or ["none"]
    figure, axes = pyplot.subplots(figsize=(7, 0.4 * len(names) + 1.2), layout="constrained")
    places = range(len(names))
    axes.barh([place - 0.2 for place in places], [before.get(name, 0) for name in names], 0.4, label="before")
    axes.barh([place + 0.2 for place in places], [after.get(name, 0) for name in names], 0.4, label="after")
    axes.set(xlabel="pairs", yticks=list(places))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.legend()
    with atomic(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    pyplot.close(figure)
