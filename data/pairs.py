"""The files of pairs in a run directory: train.jsonl and valid.jsonl, one pair a line, each schema written once."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..core.files import atomic
from ..core.records import Column, Example, ForeignKey, Hint, Schema, Table


def write_pairs(path: Path, examples: Iterable[Example]) -> None:
    """Keep pairs as JSONL. A schema is written with its first pair; later ones name it."""
    seen: dict[Schema, int] = {}

    def lines() -> Iterator[str]:
        for example in examples:
            new = example.schema not in seen
            number = seen.setdefault(example.schema, len(seen))
            hints = [[hint.table, hint.column, hint.value] for hint in example.hints]
            schema = schema_json(example.schema) if new else None
            yield pair_line(example.question, example.sql, example.database, example.source, hints, number, schema)

    write_lines(path, lines())


def pair_line(
    question: str, sql: str, database: str, source: str, hints: Any, schema_id: int, schema: Mapping[str, Any] | None
) -> str:
    """Write one pair as its line; `schema` stands in the first line that names it."""
    item = {"question": question, "sql": sql, "database": database, "source": source, "hints": hints}
    if schema is not None:
        item["schema"] = schema
    return json.dumps({**item, "schema_id": schema_id}, ensure_ascii=False)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines one by one to a file that is there when all of them are."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")


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
                    schemas[item["schema_id"]] = schema_from(item["schema"])
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


def schema_from(item: Mapping[str, Any]) -> Schema:
    """Read what `schema_json` returns."""
    return Schema(
        tuple(
            Table(name, tuple(Column(n, t, k, tuple(s)) for n, t, k, s in columns)) for name, columns in item["tables"]
        ),
        tuple(ForeignKey(*key) for key in item["keys"]),
        item["name"],
    )
