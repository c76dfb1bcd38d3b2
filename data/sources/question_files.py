"""Question files over a folder of databases: the layouts of Spider, BIRD and SynSQL, which differ in names alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.recipe import Source
from .file_rows import file_rows, row_texts
from .pair_rows import PairRow, some_whole, without_columns
from .unpack import unpacked
from .unread import Unread

SPLITS: dict[str, dict[str, tuple[str, ...]]] = {
    "spider": {
        "train": ("train_spider.json", "train_others.json"),
        "dev": ("dev.json",),
        "realistic": ("spider-realistic.json", "spider_realistic.json"),
        "syn": ("train_spider.json", "train_syn.json"),
        "syn-dev": ("dev.json", "dev_syn.json"),
    },
    "bird": {"train": ("train.json", "train/train.json"), "dev": ("dev.json", "dev/dev.json")},
    "synsql": {"train": ("data.json", "data.jsonl")},
}
"""The question files of each part, by layout; those that are there are read."""
DATABASES = {
    "spider": ("database", "databases", "test_database"),
    "bird": ("train_databases", "dev_databases", "train/train_databases", "dev/dev_databases", "databases"),
    "synsql": ("databases", "database"),
}
FIELDS = {
    "question": ("SpiderSynQuestion", "question"),
    "sql": ("query", "SQL", "sql", "gold_sql"),
    "db": ("db_id", "db"),
    "evidence": ("evidence", "external_knowledge"),
}
SUFFIXES = (".sqlite", ".db", ".sqlite3")


@dataclass(frozen=True)
class QuestionFiles:
    """The question files of one part, and the folder of their databases; a zip of databases is unpacked when read."""

    files: tuple[Path, ...]
    databases: Path
    packed: Path | None = None

    def rows(self, cache: Path) -> Iterator[PairRow]:
        """Yield the rows; `db` is the path of each one's database, there or not. Raises DataError."""
        folder = unpacked(self.packed, cache) if self.packed is not None else self.databases
        known: dict[str, str] = {}
        for file in self.files:
            found = file_rows(file, lambda names: "", "give the set's own question file")
            rows = some_whole(file, (_row(number, item, folder, known) for number, item in found))
            yield from (replace(row, file=str(file)) for row in rows)


def _row(number: int, item: Any, folder: Path, known: dict[str, str]) -> PairRow:
    """The row of a question; `known` are the files of databases that were looked for already."""
    if isinstance(item, Unread):
        return PairRow(number, "", "", "", fault=item)
    row = item if isinstance(item, dict) else {}
    texts = {field: row_texts(row, names) or "" for field, names in FIELDS.items()}
    missing = [field for field in ("question", "sql", "db") if not texts[field]]
    if missing:
        return without_columns(number, missing, item, "each question needs question, query (or SQL) and db_id")
    name, evidence = texts["db"], " ".join(texts["evidence"].split())
    if name not in known:
        known[name] = str(database_file(folder, name))
    return PairRow(number, texts["question"], "", texts["sql"], db=known[name], named=name, evidence=evidence)


def question_files(source: Source, layout: str) -> QuestionFiles:
    """Find the question files and databases of a source. Raises DataError for what is not there."""
    path = Path(source.path).expanduser()
    if not path.exists():
        raise DataError(f"{path}: no such data folder", fix="give the folder of the data set as path")
    folder = path.parent if path.is_file() else path
    names = SPLITS[layout].get(source.split, (source.split,))
    files = (path,) if path.is_file() else tuple(folder / name for name in names if (folder / name).is_file())
    if not files:
        there = [split for split, known in SPLITS[layout].items() if any((folder / name).is_file() for name in known)]
        fix = f"splits that are there: {', '.join(there)}" if there else f"give a folder in {layout}'s layout"
        raise DataError(f"{folder}: has no {names[0]}", fix=fix)
    if source.databases:
        databases = Path(source.databases).expanduser()
        if not databases.is_dir():
            raise DataError(f"{databases}: no such folder", fix="correct databases of that source")
        return QuestionFiles(files, databases)
    beside = [place / name for place in (folder, folder.parent) for name in DATABASES[layout]]
    wanted = [place for place in beside if source.split.startswith("dev") == ("dev_" in place.name)] + beside
    databases = next((place for place in wanted if place.is_dir()), folder / DATABASES[layout][0])
    packed = databases.with_suffix(".zip")
    if databases.is_dir():
        return QuestionFiles(files, databases)
    if packed.is_file():
        return QuestionFiles(files, databases, packed)
    raise DataError(f"{path}: has neither {databases.name}/ nor {packed.name}", fix="unpack its databases there")


def database_file(folder: Path, name: str) -> Path:
    """Return where the file of a database is; the usual place where there is none. A name may not lead elsewhere."""
    if "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        return folder / "no such database"
    places = [folder / name / f"{name}{suffix}" for suffix in SUFFIXES]
    places += [folder / f"{name}{suffix}" for suffix in SUFFIXES] + [folder / name]
    return next((place for place in places if place.is_file()), places[0])


def descriptions(database: Path) -> dict[tuple[str, str], str]:
    """Read BIRD's descriptions beside a database: by table and column, lower case, what people call the column."""
    import csv

    found: dict[tuple[str, str], str] = {}
    for file in sorted((database.parent / "database_description").glob("*.csv")):
        text = file.read_bytes().decode("utf-8-sig", errors="replace")
        for row in csv.DictReader(text.splitlines()):
            column, said = (row.get("original_column_name") or "").strip(), (row.get("column_name") or "").strip()
            said = said or (row.get("column_description") or "").strip()
            if column and said:
                found[file.stem.lower(), column.lower()] = " ".join(said.split())
    return found


def looks_like(path: Path) -> str:
    """Say which of these layouts a folder or question file has; empty for none."""
    folder = path if path.is_dir() else path.parent
    if path.is_file():
        try:
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                head = file.read(4096)
        except OSError:
            return ""
        if '"db_id"' not in head:
            return ""
        if '"SQL"' in head:
            return "bird"
        beside = [f"{name}{zipped}" for name in DATABASES["spider"] for zipped in ("", ".zip")]
        return "spider" if any((folder / name).exists() for name in beside) else ""
    for layout, splits in SPLITS.items():
        there = any((folder / name).is_file() for names in splits.values() for name in names)
        kept = any((folder / name).exists() or (folder / f"{name}.zip").exists() for name in DATABASES[layout])
        if there and kept:
            return layout
    return ""
