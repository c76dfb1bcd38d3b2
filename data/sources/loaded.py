"""What reading a source gives: its pairs, and a count of the rows that were skipped."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import DataError
from ...core.records import Example

MOST_REASONS = 5  # reasons that one line names


@dataclass
class Loaded:
    """Examples of one source, the number of its rows, and a count of the skipped ones by reason."""

    examples: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def reasons(loaded: Loaded) -> str:
    """Join the most frequent reasons for which rows were skipped, each with its count."""
    common = loaded.left_out.most_common(MOST_REASONS)
    rest = loaded.left_out.total() - sum(count for _, count in common)
    return ", ".join([f"{reason} ({count})" for reason, count in common] + [f"other reasons ({rest})"] * bool(rest))


def nothing_left(path: Path, loaded: Loaded) -> DataError:
    """Make the error for a source without a usable row: how many rows were skipped, and the most frequent reasons."""
    return DataError(
        f"{path}: no row can be used: all {loaded.rows} rows were skipped: {reasons(loaded)}",
        fix="give rows whose sql is one SELECT of SQLite over the tables of their schema",
    )
