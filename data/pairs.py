"""From a recipe's [data] to the pairs of a run: load, synthesise, check, split by schema, keep."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..core.files import write_text
from ..core.progress import progress, say
from ..core.recipe import Data
from ..core.records import Column, Example, ForeignKey, Hint, Schema, Table
from .sources.database import Database, open_database
from .sources.load_pairs import load_pairs
from .sources.loaded import Loaded, reasons
from .sources.pair_rows import pair_rows
from .sources.shape import Shape, shape
from .sources.spider import find_spider, load_spider, open_spider, spider_rows


@dataclass(frozen=True)
class Pairs:
    """Training and validation pairs, no schema in both; `left_out` counts the skipped rows by source and reason."""

    train: list[Example]
    valid: list[Example]
    left_out: dict[str, int]


def build_pairs(data: Data, cache: Path) -> Pairs:
    """Read and make all pairs of a recipe; the same recipe and files give the same pairs. Prints what is skipped.

    Raises DataError when a source is missing or broken, or when nothing is left.
    """
    rng = random.Random(data.seed)
    left_out: Counter[str] = Counter()
    examples: list[Example] = []

    def take(loaded: Loaded, source: str) -> None:
        examples.extend(loaded.examples)
        if loaded.left_out:
            say(f"skipped {loaded.left_out.total()} of {loaded.rows} rows of {source}: {reasons(loaded)}")
        left_out.update({f"{source}: {reason}": count for reason, count in loaded.left_out.items()})

    spider = open_spider(Path(data.spider), cache) if data.spider else None
    for name in data.jsonl:
        take(load_pairs(Path(name), data.jsonl_limit, rng), Path(name).name)
    if spider is not None:
        loaded, databases = load_spider(spider)
        take(loaded, "spider")
        if data.spider_synthetic:
            take(
                Loaded(_synthesise(list(databases.values()), data.spider_synthetic, rng, "spider-synthetic")),
                "spider-synthetic",
            )
    if data.synthetic:
        from .synthesis.worlds.worlds import build_worlds

        worlds = build_worlds(cache / "worlds", data.seed)
        opened = [open_database(world.path, world.name) for world in worlds]
        take(Loaded(_synthesise(opened, data.synthetic, rng, "synthetic")), "synthetic")
    if not examples:
        raise _nothing()
    train, valid = split_by_schema(examples, data.valid_share, rng, same_schemas(examples))
    _warn_of_untrained_sources(train, valid)
    return Pairs(train, valid, dict(left_out))


def _warn_of_untrained_sources(train: Sequence[Example], valid: Sequence[Example]) -> None:
    """Print a line for each source whose pairs are all kept for validation: a source of one schema is never split."""
    trained = {example.source for example in train}
    for source, count in sorted(Counter(example.source for example in valid if example.source not in trained).items()):
        pairs = "the only pair" if count == 1 else f"all {count} pairs"
        say(f"Warning: validation takes {pairs} of {source}, training none. Fix: --set data.valid_share=0")


def check_sources(data: Data) -> None:
    """Read every source for its layout alone, which takes seconds. Raises DataError as `build_pairs` would."""
    if data.spider:
        spider_rows(find_spider(Path(data.spider)))
    for name in data.jsonl:
        for _ in pair_rows(Path(name)):
            pass
    if not (data.spider or data.jsonl or data.synthetic):
        raise _nothing()


def _nothing() -> DataError:
    return DataError("the recipe's [data] gives no pairs", fix="--set data.synthetic=1000")


def _synthesise(databases: Sequence[Database], count: int, rng: random.Random, source: str) -> list[Example]:
    """`count` pairs, spread evenly over the databases; those that cannot give their share leave it to the others."""
    from .synthesis.synthesise import synthesise

    examples: list[Example] = []
    waiting = rng.sample(databases, len(databases))
    with progress("synthesising pairs", count, "pairs") as advance:
        while waiting and len(examples) < count:
            share = -(-(count - len(examples)) // len(waiting))
            database = waiting.pop()
            made = list(synthesise(str(database.path), database.schema, share, rng, name=database.name, source=source))
            examples += made
            advance(len(made))
    return examples[:count]


def split_by_schema(
    examples: Sequence[Example], share: float, rng: random.Random, same: Mapping[str, str] | None = None
) -> tuple[list[Example], list[Example]]:
    """Split into training and validation parts, no database in both; validation has about `share` of the databases.

    `same` maps a database to the one that it goes with.
    """
    first = same or {}
    names = sorted({first.get(example.database, example.database) for example in examples})
    count = min(len(names) - 1, max(1, round(share * len(names)))) if share and len(names) > 1 else 0
    held = set(rng.sample(names, count))
    train = [example for example in examples if first.get(example.database, example.database) not in held]
    valid = [example for example in examples if first.get(example.database, example.database) in held]
    return train, valid


def same_schemas(examples: Sequence[Example]) -> dict[str, str]:
    """Find for each database the first of those that it goes with, in whatever file they are.

    Those go together of which one has all tables of the other, with the same columns. Views are not looked at.
    """
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    def join(database: str, other: str) -> None:
        low, high = sorted((root(database), root(other)))
        first[high] = low

    owners: dict[Shape, str] = {}
    for (database, _), schema in {
        (example.database, id(example.schema)): example.schema for example in examples
    }.items():
        tables = Schema(tuple(table for table in schema.tables if not table.derived))
        join(database, owners.setdefault(shape(tables), database))
    having: dict[tuple[str, frozenset[str]], list[Shape]] = {}
    for names in owners:
        for table in names:
            having.setdefault(table, []).append(names)
    for names, database in owners.items():
        rarest = min((having[table] for table in names), key=len, default=[])
        for other in rarest:
            if names < other:
                join(database, owners[other])
    return {name: root(name) for name in first}


def write_pairs(path: Path, examples: Iterable[Example]) -> None:
    """Keep pairs as JSONL. A schema is written with its first pair; later ones name it."""
    seen: dict[Schema, int] = {}
    lines = []
    for example in examples:
        item: dict[str, Any] = {
            "question": example.question,
            "sql": example.sql,
            "database": example.database,
            "source": example.source,
            "hints": [[hint.table, hint.column, hint.value] for hint in example.hints],
        }
        if example.schema not in seen:
            seen[example.schema] = len(seen)
            item["schema"] = schema_json(example.schema)
        item["schema_id"] = seen[example.schema]
        lines.append(json.dumps(item, ensure_ascii=False))
    write_text(path, "".join(line + "\n" for line in lines))


def schema_json(schema: Schema) -> dict[str, Any]:
    """Return a schema as the pair files hold it."""
    return {
        "name": schema.name,
        "tables": [
            [table.name, [[c.name, c.type, c.primary_key, list(c.samples)] for c in table.columns]]
            for table in schema.tables
        ],
        "keys": [[key.table, key.column, key.ref_table, key.ref_column] for key in schema.foreign_keys],
    }


def read_pairs(path: Path) -> Iterator[Example]:
    """Read what `write_pairs` wrote. Raises DataError naming the broken line."""
    schemas: dict[int, Schema] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                item = json.loads(line)
                if "schema" in item:
                    schemas[item["schema_id"]] = _schema(item["schema"])
                yield Example(
                    item["question"],
                    item["sql"],
                    schemas[item["schema_id"]],
                    tuple(Hint(*hint) for hint in item["hints"]),
                    item["database"],
                    item["source"],
                )
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{path}:{number}: broken ({error})", fix=f"delete {path.parent} and run again"
                ) from None


def _schema(item: dict[str, Any]) -> Schema:
    return Schema(
        tuple(
            Table(name, tuple(Column(n, t, k, tuple(s)) for n, t, k, s in columns)) for name, columns in item["tables"]
        ),
        tuple(ForeignKey(*key) for key in item["keys"]),
        item["name"],
    )
