"""The shop that comes with sql-llama: a small database and 60 pairs that a person wrote, 40 to train, 20 to test."""

import contextlib
import csv
import hashlib
import sqlite3
from importlib import resources
from pathlib import Path

from ...core.files import atomic
from ...core.settings import settings

SAMPLE = "sample"
"""What a recipe writes as data.db for this shop."""


def sample_shop() -> Path:
    """Return the SQLite file of the shop, made once in the cache folder; its pairs are `pairs.csv` beside it."""
    text, pairs = _text("shop.sql"), _text("shop_pairs.csv")
    known = hashlib.sha256(f"{text}{pairs}".encode()).hexdigest()[:12]
    folder = settings().cache / f"sample-shop-{known}"
    path = folder / "shop.sqlite"
    if path.is_file():
        return path
    for part in ("train", "test"):
        rows = [row for row in csv.DictReader(pairs.splitlines()) if row["part"] == part]
        with atomic(pairs_of(path, part)) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["question", "sql"])
            writer.writerows([row["question"], row["sql"]] for row in rows)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(text)
        data = connection.serialize()
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path


def pairs_of(shop: Path, part: str) -> Path:
    """Return the file of the shop's pairs: part is train or test."""
    return shop.with_name(f"{part}-pairs.csv")


def _text(name: str) -> str:
    return resources.files("sql_llama.data.own").joinpath(name).read_text(encoding="utf-8")
