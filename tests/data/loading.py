"""The pairs of one source, checked in this process: what the worker processes do, without starting them."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sql_llama.core.recipe import Source
from sql_llama.data.prepare import read
from sql_llama.data.prepare.lengths import example_of
from sql_llama.data.prepare.store import open_store
from sql_llama.data.sources.loaded import Loaded
from sql_llama.data.sources.open_source import open_source


def here(work: Callable[..., Any], chunks: Iterable[Any], *, few: bool = False) -> Iterator[tuple[Any, Any, Any]]:
    for chunk in chunks:
        yield chunk, work(chunk, lambda place: None, frozenset()), frozenset()


def load_source(source: Source) -> Loaded:
    """The usable pairs of a source in its order, and a count of the others. Raises DataError as `prepare` does."""
    with tempfile.TemporaryDirectory() as folder:
        opened = open_source(source, Path(folder) / "cache")
        loaded = Loaded()
        with closing(open_store(Path(folder) / "work", {})) as store, patch.object(read, "work_in_processes", here):
            read.read_source(store, 0, opened)
            read.parse_schemas(store)
            read.lay_out(store, [opened])
            read.check_rows(store, [opened])
            read.refuse_empty(store, [opened])
            for (number,) in store.execute("SELECT id FROM pair ORDER BY id").fetchall():
                example = example_of(store, number)
                loaded.examples.append(
                    type(example)(*[getattr(example, name) for name in example.__slots__[:-1]], opened.name)
                )
            for reason, count in store.execute("SELECT reason, count(*) FROM row GROUP BY reason"):
                loaded.rows += count
                if reason:
                    loaded.left_out[reason] += count
        return loaded


def load_pairs(path: Path) -> Loaded:
    return load_source(Source(path=str(path), layout="rows"))


def load_spider(folder: Path) -> Loaded:
    return load_source(Source(path=str(folder), layout="spider", name="spider"))
